"""`ChargerStatus`: what every charger and socket does now; the newest event wins, whatever order they come in."""

from dataclasses import dataclass, field
from typing import cast

from shared.events import ChargerBoot, ChargerState, Event
from shared.ingest.words import (
    OFFLINE,
    ONLINE,
    PUSH,
    polled_connection,
    polled_state,
    precedence_of,
    pushed_state,
    show_connection,
    show_state,
)
from shared.tables.keys import CHARGER_STATUS, charger_row_key, shard, socket_row_key
from shared.tables.store import EdmValue, Row

MAIN_CONTROLLER = "0"
"""Socket 0 is the charger's main controller (eMabler's message types), so its state is the charger's own."""


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
        """The row after these events; None where all of them are older than what push has told already."""
        row: dict[str, EdmValue] = dict(current or {})
        changed = False
        for event in self.events:
            if isinstance(event.content, ChargerBoot):
                changed |= _take_boot(row, event, event.content)
            else:
                changed |= _take_state(row, event, cast("ChargerState", event.content))  # see `of`
            changed |= _take_last(row, event)
        if not changed:
            return None
        return {"PartitionKey": self.partition_key, "RowKey": self.row_key} | row


def _take_state(row: dict[str, EdmValue], event: Event, state: ChargerState) -> bool:
    """Take a state in where it is the newest that push told; whether it is."""
    pushed, polled = pushed_state(row), polled_state(row)
    if event.precedence <= precedence_of(pushed, "status"):
        return False
    show_state(row, _told_at(event, "status") | _state_columns(event, state), polled)
    return True


def _take_boot(row: dict[str, EdmValue], event: Event, boot: ChargerBoot) -> bool:
    """Take a boot in where it is the newest; whether it is."""
    if event.precedence <= precedence_of(row, "boot"):
        return False
    row |= _told_at(event, "boot") | _boot_columns(boot)
    if not polled_state(row):
        row["source"] = PUSH
    return True


def _take_last(row: dict[str, EdmValue], event: Event) -> bool:
    """Take in what the newest event says of the whole; whether this is the newest."""
    if event.precedence <= precedence_of(row, "last"):
        return False
    polled = polled_connection(row)
    row |= _told_at(event, "last") | _whole_columns(event)
    is_offline = isinstance(event.content, ChargerState) and event.content.status == "Offline"
    show_connection(row, OFFLINE if is_offline else ONLINE, polled)
    return True


def _told_at(event: Event, part: str) -> dict[str, EdmValue]:
    return {
        f"{part}_occurred_at": event.occurred_at,
        f"{part}_clock": str(event.clock),
        f"{part}_event_id": event.event_id,
    }


def _boot_columns(boot: ChargerBoot) -> dict[str, EdmValue]:
    return {
        "serial_number": boot.serial_number,
        "charger_model": boot.charger_model,
        "manufacturer": boot.manufacturer,
        "firmware_version": boot.firmware_version,
        "iccid": boot.iccid,
        "imsi": boot.imsi,
        "meter_serial_number": boot.meter_serial_number,
        "meter_type": boot.meter_type,
    }


def _state_columns(event: Event, state: ChargerState) -> dict[str, EdmValue]:
    return {
        "status": state.status,
        "error_code": state.error_code,
        "message": state.message,
        "status_device_at": event.device_at,
    }


def _whole_columns(event: Event) -> dict[str, EdmValue]:
    return {
        "charger_id": event.charger_id,
        "socket_id": event.socket_id,
        "site_id": event.site_id,
        "external_site_id": event.external_site_id,
    }
