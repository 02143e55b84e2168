"""The fleet as the tables have it at the beginning of a run: read whole, a few partitions, instead of row by row."""

import asyncio
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from shared.deadlines import Deadline
from shared.events import Clock
from shared.ingest.freshness import FLEET_PARTITION
from shared.ingest.rows import PUSH_EVENTS
from shared.instants import TICKS_PER_SECOND, Instant
from shared.polling.gaps import GAPS_PARTITION, Gap
from shared.polling.statuses import MOST_AHEAD_TICKS
from shared.tables.keys import (
    CHARGER_STATUS,
    POLL_STATE,
    SEPARATOR,
    day_partition,
    escape,
    month_table,
    push_partition,
    rows_of_charger,
    seen_partition,
)
from shared.tables.store import Row, StoredRow, Tables

_DAYS_LOOKED_BACK = 3
_DAY_TICKS = 86_400 * TICKS_PER_SECOND


@dataclass(slots=True)
class Fleet:
    """Rows by charger id: current state, when push last told anything, what REST said last, open gaps.

    `push` is the row of when push told anything of any charger; None for never.
    """

    statuses: dict[str, dict[str, Row]] = field(default_factory=lambda: defaultdict(dict))
    told: dict[str, Row] = field(default_factory=dict)
    seen: dict[str, Row] = field(default_factory=dict)
    gaps: dict[str, Gap] = field(default_factory=dict)
    push: Row | None = None
    stored_statuses: list[StoredRow] = field(default_factory=list)

    @property
    def charger_ids(self) -> set[str]:
        """All chargers of which there is anything."""
        return self.statuses.keys() | self.told.keys() | self.seen.keys()

    def take_statuses(self, rows: Iterable[Row]) -> None:
        """Rows of the current state, which replace what they were before."""
        for row in rows:
            self.statuses[str(row["charger_id"])][str(row["RowKey"])] = row


async def read_fleet(tables: Tables, shards: int, deadline: Deadline) -> Fleet:
    """Read it. Raises StorageUnavailable or StorageRefusesAccess."""
    shard_keys = [f"{number:02d}" for number in range(shards)]

    async def read(table: str, partitions: Iterable[str]) -> list[StoredRow]:
        found = await asyncio.gather(
            *(tables.find(table, "PartitionKey eq @key", deadline, key=partition) for partition in partitions)
        )
        return [stored for rows in found for stored in rows]

    statuses, told, seen, gaps, push = await asyncio.gather(
        read(CHARGER_STATUS, shard_keys),
        read(POLL_STATE, map(push_partition, shard_keys)),
        read(POLL_STATE, map(seen_partition, shard_keys)),
        read(POLL_STATE, [GAPS_PARTITION]),
        read(POLL_STATE, [FLEET_PARTITION]),
    )
    fleet = Fleet(stored_statuses=statuses)
    fleet.take_statuses(stored.row for stored in statuses)
    fleet.told = {str(stored.row["charger_id"]): stored.row for stored in told}
    fleet.seen = {str(stored.row["charger_id"]): stored.row for stored in seen}
    fleet.gaps = {str(stored.row["charger_id"]): Gap.of_row(stored.row) for stored in gaps}
    fleet.push = next((stored.row for stored in push), None)
    return fleet


async def newest_in_archive(
    tables: Tables, charger_id: str, since: Instant, until: Instant, shards: int, deadline: Deadline
) -> Instant | None:
    """When push told the newest of the charger's events after `since`, of the last days at most; None for no event.

    The times of `Fleet.told` may be behind; the archive is exact. Of an event without the platform's time it is when
    it reached us.
    """
    latest = Instant(until + MOST_AHEAD_TICKS)  # a time far in the future would hide a silence until then
    first_day = max(since // _DAY_TICKS, until // _DAY_TICKS - _DAYS_LOOKED_BACK + 1)
    for day_number in range(until // _DAY_TICKS, first_day - 1, -1):
        day = Instant(day_number * _DAY_TICKS)
        found = await tables.find(
            month_table(PUSH_EVENTS, day),
            "PartitionKey eq @day and RowKey ge @first and RowKey lt @end",
            deadline,
            ("occurred_at", "clock", "first_received_at"),
            day=day_partition(day, charger_id, shards),
            first=f"{escape(charger_id)}{SEPARATOR}{Instant(since + 1).iso}",
            end=rows_of_charger(charger_id)[1],
        )
        told = [at for stored in found if (at := _told_at(stored.row)) is not None and at <= latest]
        if told:
            return max(told)
    return None


def _told_at(row: Row) -> Instant | None:
    at = row.get("occurred_at" if row.get("clock") == Clock.PLATFORM else "first_received_at")
    return at if isinstance(at, Instant) else None
