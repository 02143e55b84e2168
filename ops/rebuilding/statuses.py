"""What a row of the current state ought to be: its parts as the archive's newest events tell them (pure).

What a poll told is in no archive, and stays by the rule that ingest and polls follow: the newest counts.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from shared.events import ChargerBoot, Event
from shared.ingest.status import StatusChange
from shared.ingest.words import POLL, PUSH, PUSHED_STATE, STATE_COLUMNS, polled_state, precedence_of, pushed_state
from shared.instants import Instant
from shared.tables.keys import CHARGER_STATUS
from shared.tables.store import EdmValue, Row

PARTS: Final = ("status", "boot", "last")

_COLUMNS: Final = {
    "boot": (
        "serial_number",
        "charger_model",
        "manufacturer",
        "firmware_version",
        "iccid",
        "imsi",
        "meter_serial_number",
        "meter_type",
    ),
    "last": ("site_id", "external_site_id", "connection"),
}
_EVENT_COLUMNS: Final = ("event_id", "occurred_at", "clock")
_OLDEST: Final = precedence_of({}, "status")


@dataclass(slots=True)
class ToldStatus:
    """The newest events of one row that the archive tells, and ids of events that nothing tells."""

    partition_key: str
    row_key: str
    newest: dict[str, Event] = field(default_factory=dict)
    """By part: `status`, `boot`."""
    untold_ids: frozenset[str] = frozenset()
    table: str = CHARGER_STATUS
    is_likely_new: bool = False

    def take(self, event: Event) -> None:
        """Keep an event where it is the newest of its part."""
        part = "boot" if isinstance(event.content, ChargerBoot) else "status"
        if part not in self.newest or event.precedence > self.newest[part].precedence:
            self.newest[part] = event

    def should_be(self, current: Row | None) -> Row | None:
        """The row as it should be, given what is there; None where it should not be."""
        made_again = {event.event_id for event in self.newest.values()} | self.untold_ids
        row: dict[str, EdmValue] = dict(current or {})
        if precedence_of(pushed_state(row), "status").event_id in made_again:
            _forget_pushed_state(row)
        for part in ("boot", "last"):
            if row.get(f"{part}_event_id") in made_again:
                _take_out(row, part)
        row |= StatusChange(self.partition_key, self.row_key, list(self.newest.values())).merged(row) or {}
        if not _tells_anything(row):
            return None
        row.setdefault("source", PUSH)
        return {name: value for name, value in row.items() if value is not None}

    def merged(self, current: Row | None) -> Row | None:
        """See RowChange. A row that should not be is deleted by others."""
        right = self.should_be(current)
        return None if right == current else right


def told_status(event: Event, shards: int, so_far: dict[str, ToldStatus]) -> None:
    """Take an event into the row whose state it tells, by row key."""
    change = StatusChange.of(event, shards)
    if change is not None:
        so_far.setdefault(change.row_key, ToldStatus(change.partition_key, change.row_key)).take(event)


def in_question(row: Row, told: ToldStatus | None) -> Iterator[tuple[Instant | None, str]]:
    """The events, by time and id, that tell a part of a row, and of which the archive told none as new."""
    newest = told.newest if told is not None else {}
    rivals = {part: event.precedence for part, event in newest.items()}
    rivals["last"] = max(rivals.values(), default=_OLDEST)
    known = {event.event_id for event in newest.values()}
    for part in PARTS:
        by = precedence_of(pushed_state(row) if part == "status" else row, part)
        if by > rivals.get(part, _OLDEST) and by.event_id not in known:
            at = (pushed_state(row) if part == "status" else row).get(f"{part}_occurred_at")
            yield at if isinstance(at, Instant) else None, by.event_id


def _forget_pushed_state(row: dict[str, EdmValue]) -> None:
    """Forget what push told of the state; what a poll told stays."""
    polled = polled_state(row)
    for name in (*STATE_COLUMNS, PUSHED_STATE, "source"):
        row.pop(name, None)
    if polled:
        row |= {**polled, "source": POLL}


def _take_out(row: dict[str, EdmValue], part: str) -> None:
    """Forget what an event told of a part; what a poll told of the connection stays."""
    gone = [f"{part}_{name}" for name in _EVENT_COLUMNS] + list(_COLUMNS[part])
    if part == "last" and row.get("connection_seen_at") is not None:
        gone.remove("connection")
    for name in gone:
        row.pop(name, None)


def _tells_anything(row: Row) -> bool:
    if row.get("source") == POLL or row.get("connection_seen_at") is not None:
        return True
    return any(row.get(f"{part}_event_id") is not None for part in PARTS)
