"""`ChargerStatus`: what every charger and socket does now; the newest event wins, whatever order they come in."""

from dataclasses import dataclass, field

from shared.events import ChargerBoot, ChargerState, Clock, Event, Precedence
from shared.instants import TICKS_PER_SECOND, Instant
from shared.tables.keys import CHARGER_STATUS, charger_row_key, shard, socket_row_key
from shared.tables.store import EdmValue, Row

MAIN_CONTROLLER = "0"
"""Socket 0 is the charger's main controller (eMabler's message types), so its state is the charger's own."""

POLL = "poll"
"""The `source` of a state that REST told and push did not."""

CONFIRMED_WITHIN_TICKS = 15 * 60 * TICKS_PER_SECOND
"""How much earlier than a poll dated a state its event may be."""


@dataclass(slots=True)
class StatusChange:
    """What a batch says about one charger or socket.

    A row has two parts, `status` and `boot`, each as told by its newest event, and what the newest event of all says of
    the whole: last seen, connection, site.
    """

    partition_key: str
    row_key: str
    events: list[Event] = field(default_factory=list)
    table: str = CHARGER_STATUS
    is_likely_new: bool = False

    @classmethod
    def of(cls, event: Event, shards: int) -> "StatusChange | None":
        """The change that an event makes to the current state; None where it makes none."""
        content = event.content
        if isinstance(content, ChargerState) and content.is_state and event.socket_id not in (None, MAIN_CONTROLLER):
            row_key = socket_row_key(event.charger_id, str(event.socket_id))
        elif isinstance(content, ChargerBoot) or (isinstance(content, ChargerState) and content.is_state):
            row_key = charger_row_key(event.charger_id)
        else:
            return None
        return cls(shard(event.charger_id, shards), row_key, [event])

    def merged(self, current: Row | None) -> Row | None:
        """The row after these events; None where all of them are older than what it already shows."""
        row: dict[str, EdmValue] = dict(current or {})
        changed = False
        for event in self.events:
            part = "boot" if isinstance(event.content, ChargerBoot) else "status"
            if event.precedence > precedence_of(row, part) or _confirms(row, part, event):
                _replace_part(row, part, event)
                changed = True
            if event.precedence > precedence_of(row, "last"):
                _replace_part(row, "last", event)
                changed = True
        if not changed:
            return None
        row.setdefault("source", "push")  # of a row that has a boot only
        return {"PartitionKey": self.partition_key, "RowKey": self.row_key} | row


def _confirms(row: Row, part: str, event: Event) -> bool:
    """Whether the event tells the state that a poll was quicker to see, so that it is push's word after all.

    A poll can date a state later than the event: by as much as it came after it, where REST does not tell when the
    state began. So the row ends the same whichever of the two was first.
    """
    if part != "status" or row.get("source") != POLL or not isinstance(event.content, ChargerState):
        return False
    polled_at = row.get("status_occurred_at")
    if row.get("status") != event.content.status or not isinstance(polled_at, Instant):
        return False
    return event.received_at is not None and 0 <= polled_at - event.received_at <= CONFIRMED_WITHIN_TICKS


def precedence_of(row: Row, part: str) -> Precedence:
    """Where the event that a part was told by stands in the order of events."""
    event_id = row.get(f"{part}_event_id")
    if not isinstance(event_id, str):
        return Precedence(False, Instant(-1), "")  # older than every event
    occurred_at = row.get(f"{part}_occurred_at")
    return Precedence(
        row.get(f"{part}_clock") == Clock.PLATFORM,
        occurred_at if isinstance(occurred_at, Instant) else Instant(0),
        event_id,
    )


def _replace_part(row: dict[str, EdmValue], part: str, event: Event) -> None:
    """Exchange all columns of a part, those that the event does not have too."""
    row |= {
        f"{part}_occurred_at": event.occurred_at,
        f"{part}_clock": str(event.clock),
        f"{part}_event_id": event.event_id,
    }
    if part != "last":
        row |= _part_columns(event)
        return
    heard_later = _seen_after(row, event.occurred_at or Instant(0))
    kept = {"connection": row["connection"], "connection_seen_at": row["connection_seen_at"]} if heard_later else {}
    row |= _whole_columns(event) | {"connection_seen_at": None} | kept


def _seen_after(row: Row, occurred_at: Instant) -> bool:
    """Whether REST told the connection, and had heard of the charger after an event."""
    seen_at = row.get("connection_seen_at")
    return isinstance(seen_at, Instant) and seen_at > occurred_at


def _part_columns(event: Event) -> dict[str, EdmValue]:
    content = event.content
    if isinstance(content, ChargerBoot):
        return {
            "serial_number": content.serial_number,
            "charger_model": content.charger_model,
            "manufacturer": content.manufacturer,
            "firmware_version": content.firmware_version,
            "iccid": content.iccid,
            "imsi": content.imsi,
            "meter_serial_number": content.meter_serial_number,
            "meter_type": content.meter_type,
        }
    state = content if isinstance(content, ChargerState) else ChargerState()
    return {
        "status": state.status,
        "error_code": state.error_code,
        "message": state.message,
        "status_device_at": event.device_at,
        "source": "push",
    }


def _whole_columns(event: Event) -> dict[str, EdmValue]:
    is_offline = isinstance(event.content, ChargerState) and event.content.status == "Offline"
    return {
        "charger_id": event.charger_id,
        "socket_id": event.socket_id,
        "connection": "offline" if is_offline else "online",
        "site_id": event.site_id,
        "external_site_id": event.external_site_id,
    }
