"""When push last told anything, of each charger and message type: what tells "nothing happened" from "push is broken".

Kept in `PollState`, from pushed events alone. To write a row for every event would cost as much as the event itself, so
a charger's row is written at the first event and then at most once a minute. So it is up to a minute behind, and more
where an older event came just before the newest; who has to know exactly looks into the archive.
"""

import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from shared.deadlines import Deadline
from shared.events import Event, EventType
from shared.instants import Instant
from shared.tables.keys import POLL_STATE, escape, push_partition, shard
from shared.tables.merging import RowMerger
from shared.tables.store import EdmValue, Row

WRITE_EVERY_SECONDS: Final = 60.0
FLEET_PARTITION: Final = "push"
FLEET_ROW: Final = "fleet"
"""The row of all chargers together."""

COLUMNS: Final = {
    EventType.CHARGER_STATE: "charger_state_at",
    EventType.CHARGER_BOOT: "charger_boot_at",
    EventType.CHARGING_TRANSACTION: "charging_transaction_at",
    EventType.FULL_CHARGING_TRANSACTION: "full_charging_transaction_at",
    EventType.MEASUREMENTS: "measurements_at",
    EventType.REAL_TIME_AUTH: "real_time_auth_at",
    EventType.UNKNOWN: "unknown_at",
}

_MAX_REMEMBERED: Final = 100_000


class Told(NamedTuple):
    """That push told an event, and when: by the platform's clock, never later than it reached us by ours."""

    event_type: EventType
    charger_id: str
    at: Instant

    @classmethod
    def of(cls, event: Event, delivered_at: Instant) -> "Told":
        """A charger's own clock does not count: it can be years off."""
        received_at = event.received_at if event.received_at is not None else delivered_at
        return cls(event.event_type, event.charger_id, min(received_at, delivered_at))


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


class Freshness:
    """Keeps the rows, and remembers when it wrote which."""

    def __init__(self, merger: RowMerger, shards: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._merger = merger
        self._shards = shards
        self._clock = clock
        self._written_at_seconds: OrderedDict[tuple[str, EventType], float] = OrderedDict()

    async def note(self, told: Iterable[Told], deadline: Deadline) -> None:
        """Write what is due. Raises GiveBack where storage fails."""
        due = [item for item in told if self._is_due(item)]
        if not due:
            return
        await self._merger.merge(freshness_changes(due, self._shards), deadline)
        now_seconds = self._clock()
        for item in due:
            self._written_at_seconds[item.charger_id, item.event_type] = now_seconds
            self._written_at_seconds.move_to_end((item.charger_id, item.event_type))
        while len(self._written_at_seconds) > _MAX_REMEMBERED:
            self._written_at_seconds.popitem(last=False)

    def _is_due(self, told: Told) -> bool:
        written_at_seconds = self._written_at_seconds.get((told.charger_id, told.event_type))
        return written_at_seconds is None or self._clock() - written_at_seconds >= WRITE_EVERY_SECONDS


def freshness_changes(told: Sequence[Told], shards: int) -> list[FreshnessChange]:
    """One change for each charger, and one for the fleet."""
    fleet = FreshnessChange(FLEET_PARTITION, FLEET_ROW, None)
    changes: dict[str, FreshnessChange] = {}
    for item in told:
        column = COLUMNS[item.event_type]
        fleet.add(column, item.at)
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
