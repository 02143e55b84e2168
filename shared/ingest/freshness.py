"""When push last told anything, of each charger and message type: what tells "nothing happened" from "push is broken".

Kept in `PollState`, from pushed events alone. To write a row for every event would cost as much as the event itself, so
a charger's row is written at its first event and its first measurements, and after that with the first event that comes
twenty minutes later, with all that came meanwhile. So it can be that much behind; who has to know exactly looks into
the archive.
"""

import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from shared.deadlines import Deadline
from shared.errors import GiveBack
from shared.events import Event, EventType
from shared.instants import Instant
from shared.tables.keys import POLL_STATE, escape, push_partition, shard
from shared.tables.merging import RowMerger
from shared.tables.store import EdmValue, Row

WRITE_EVERY_SECONDS: Final = 20 * 60.0
"""A third of the shortest silence that is worth being told of by default."""
WRITE_FLEET_EVERY_SECONDS: Final = 60.0
FLEET_PARTITION: Final = "push"
FLEET_ROW: Final = "fleet"
"""The row of all chargers together."""
HEARD_AT: Final = "heard_at"
"""Its column of when something reached us last, by our clock, however old it was."""

COLUMNS: Final = {
    EventType.CHARGER_STATE: "charger_state_at",
    EventType.CHARGER_BOOT: "charger_boot_at",
    EventType.CHARGING_TRANSACTION: "charging_transaction_at",
    EventType.FULL_CHARGING_TRANSACTION: "full_charging_transaction_at",
    EventType.MEASUREMENTS: "measurements_at",
    EventType.REAL_TIME_AUTH: "real_time_auth_at",
    EventType.UNKNOWN: "unknown_at",
}

_MEASUREMENTS: Final = COLUMNS[EventType.MEASUREMENTS]
_MAX_REMEMBERED: Final = 100_000


class Told(NamedTuple):
    """That push told an event, and when: by the platform's clock, never later than it reached us by ours."""

    event_type: EventType
    charger_id: str
    at: Instant
    heard_at: Instant

    @classmethod
    def of(cls, event: Event, delivered_at: Instant) -> "Told":
        """A charger's own clock does not count: it can be years off."""
        received_at = event.received_at if event.received_at is not None else delivered_at
        return cls(event.event_type, event.charger_id, min(received_at, delivered_at), delivered_at)


@dataclass(slots=True)
class FreshnessChange:
    """The newest times of one charger, or of the whole fleet, by column."""

    partition_key: str
    row_key: str
    charger_id: str | None
    newest: dict[str, Instant] = field(default_factory=dict)
    table: str = POLL_STATE
    is_likely_new: bool = False

    def add(self, column: str, at: Instant) -> None:
        """Take a time in, where it is newer."""
        self.newest[column] = max(at, self.newest.get(column, at))

    def merged(self, current: Row | None) -> Row | None:
        """The row with the newest times of both; None where it has them already."""
        row: dict[str, EdmValue] = {
            "PartitionKey": self.partition_key,
            "RowKey": self.row_key,
            "charger_id": self.charger_id,
            **(current or {}),
        }
        newer = {column: at for column, at in self.newest.items() if at > _instant(row.get(column))}
        return row | newer if newer else None


@dataclass(slots=True)
class _Noted:
    """What was noted for one row and is not written yet, when the row was written last, and whether with these."""

    waiting: FreshnessChange | None = None
    written_at_seconds: float | None = None
    has_measurements: bool = False


class Freshness:
    """Keeps the rows, and remembers when it wrote which."""

    def __init__(self, merger: RowMerger, shards: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._merger = merger
        self._shards = shards
        self._clock = clock
        self._noted: OrderedDict[tuple[str, str], _Noted] = OrderedDict()

    async def note(self, told: Sequence[Told], deadline: Deadline) -> None:
        """Note all, and write what is due. Raises GiveBack where storage fails; then all of it waits for the next."""
        if not told:
            return
        due = [noted for change in freshness_changes(told, self._shards) if self._is_due(noted := self._note(change))]
        writing = [change for noted in due if (change := noted.waiting) is not None]
        for noted in due:
            noted.waiting = None
        try:
            await self._merger.merge(writing, deadline)
        except GiveBack:
            for change in writing:
                self._note(change)
            raise
        for noted, change in zip(due, writing, strict=True):
            noted.written_at_seconds = self._clock()
            noted.has_measurements |= _MEASUREMENTS in change.newest

    def _note(self, change: FreshnessChange) -> _Noted:
        key = (change.partition_key, change.row_key)
        noted = self._noted.setdefault(key, _Noted())
        self._noted.move_to_end(key)
        if noted.waiting is None:
            noted.waiting = change
        else:
            for column, at in change.newest.items():
                noted.waiting.add(column, at)
        while len(self._noted) > _MAX_REMEMBERED:
            self._noted.popitem(last=False)
        return noted

    def _is_due(self, noted: _Noted) -> bool:
        if noted.waiting is None or noted.written_at_seconds is None:
            return noted.waiting is not None
        if _MEASUREMENTS in noted.waiting.newest and not noted.has_measurements:
            return True  # whether push brings a charger's measurements decides what its silence means
        is_fleet = noted.waiting.charger_id is None
        every_seconds = WRITE_FLEET_EVERY_SECONDS if is_fleet else WRITE_EVERY_SECONDS
        return self._clock() - noted.written_at_seconds >= every_seconds


def freshness_changes(told: Sequence[Told], shards: int) -> list[FreshnessChange]:
    """One change for each charger, and one for the fleet."""
    fleet = FreshnessChange(FLEET_PARTITION, FLEET_ROW, None)
    changes: dict[str, FreshnessChange] = {}
    for item in told:
        column = COLUMNS[item.event_type]
        fleet.add(column, item.at)
        fleet.add(HEARD_AT, item.heard_at)
        if item.charger_id:
            change = changes.get(item.charger_id)
            if change is None:
                partition_key = push_partition(shard(item.charger_id, shards))
                change = FreshnessChange(partition_key, escape(item.charger_id), item.charger_id)
                changes[item.charger_id] = change
            change.add(column, item.at)
    return [fleet, *changes.values()]


def newest_told(row: Row | None) -> Instant | None:
    """The newest time of a row; None where push never told anything."""
    times = [value for column in COLUMNS.values() if isinstance(value := (row or {}).get(column), Instant)]
    return max(times, default=None)


def _instant(value: EdmValue) -> Instant:
    return value if isinstance(value, Instant) else Instant(-1)
