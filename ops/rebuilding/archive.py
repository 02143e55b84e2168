"""The archive, read again: its months, the events of a partition as today's release understands them, and who is there.

The archive is the truth that projections are made of. An event is archived before anything is made of it, so whatever a
projection tells of an event that the archive should have and does not have was never told.
"""

import re
import zlib
from collections.abc import AsyncIterator, Callable
from typing import Final

from shared.deadlines import Deadline
from shared.errors import TableMissing
from shared.ingest.plan import Planned, understand
from shared.ingest.rows import PUSH_EVENTS, Delivery
from shared.instants import Instant
from shared.retention import was_dropped
from shared.tables.bodies import restore_body
from shared.tables.keys import UNDATED, day_partition, event_row_key, month_table
from shared.tables.store import Row, StoredRow, Tables

STATE_TYPES: Final = "(type eq @state or type eq @boot or type eq @unknown)"
"""The filter for what can tell a state: an event that an earlier release did not understand may be one today."""

READ_SECONDS: Final = 60.0
"""How long storage is waited for, for one row or some thousand."""

_MONTH: Final = re.compile(rf"{PUSH_EVENTS}(Undated|[0-9]{{6}})")
_LAST_DAY: Final = 31


class Archive:
    """Reads `PushEvents...`; counts what it could not read."""

    def __init__(self, tables: Tables, shards: int) -> None:
        self._tables = tables
        self._shards = shards
        self.events_read = 0
        self.events_left = 0
        """Events that today's release does not understand, or would keep elsewhere: what was made of them stays."""
        self._denied: list[tuple[str, str, str, Callable[[Planned], bool]]] = []

    async def months(self) -> list[str]:
        """Which months there are, the newest first: `202511`, and `Undated` for events without a usable time."""
        found = [match[1] for name in await self._tables.list_tables() if (match := _MONTH.fullmatch(name))]
        return sorted(found, key=lambda month: (month != UNDATED.capitalize(), month), reverse=True)

    async def states(self, month: str, shard_key: str) -> AsyncIterator[Planned]:
        """Of one month and shard, the events that may tell what a charger or a socket does."""
        types = {"state": "ChargerState", "boot": "ChargerBoot", "unknown": "Unknown"}
        for partition in partitions_of(month, shard_key):
            rows = self._tables.query(
                PUSH_EVENTS + month, f"PartitionKey eq @partition and {STATE_TYPES}", partition=partition, **types
            )
            async for planned in self._understood(PUSH_EVENTS + month, rows):
                yield planned

    async def events(self, month: str, partition: str) -> AsyncIterator[Planned]:
        """All events of a partition, charger by charger."""
        rows = self._tables.query(PUSH_EVENTS + month, "PartitionKey eq @partition", partition=partition)
        async for planned in self._understood(PUSH_EVENTS + month, rows):
            yield planned

    async def denies(
        self, charger_id: str, occurred_at: Instant | None, event_id: str, is_told_by: Callable[[Planned], bool]
    ) -> bool:
        """Whether the archive has the event's month and not the event, or an event that tells of something else.

        Of a month that was dropped nobody can say, even where a late event has made its table again.
        """
        return await self.denies_row(
            month_table(PUSH_EVENTS, occurred_at),
            day_partition(occurred_at, charger_id, self._shards),
            event_row_key(charger_id, occurred_at, event_id),
            is_told_by,
        )

    async def denies_row(
        self, table: str, partition_key: str, row_key: str, is_told_by: Callable[[Planned], bool]
    ) -> bool:
        """The same by the keys of the event's row."""
        is_denied = await self._denies(table, partition_key, row_key, is_told_by)
        if is_denied:
            self._denied.append((table, partition_key, row_key, is_told_by))
        return is_denied

    async def denies_still(self) -> bool:
        """Whether all that was denied since the last such question still is: an event that was lost may come again."""
        denied, self._denied = self._denied, []
        return all([await self._denies(*event) for event in denied])

    async def _denies(
        self, table: str, partition_key: str, row_key: str, is_told_by: Callable[[Planned], bool]
    ) -> bool:
        deadline = Deadline.after(READ_SECONDS)
        try:
            stored = await self._tables.get(table, partition_key, row_key, deadline, needs_table=True)
        except TableMissing:
            return False
        if stored is None:
            return not await was_dropped(self._tables, table, deadline)
        planned = await self._read(table, stored.row)
        return planned is not None and not is_told_by(planned)

    async def _understood(self, table: str, rows: AsyncIterator[StoredRow]) -> AsyncIterator[Planned]:
        async for stored in rows:
            self.events_read += 1
            planned = await self._read(table, stored.row)
            if planned is None:
                self.events_left += 1
            else:
                yield planned

    async def _read(self, table: str, row: Row) -> Planned | None:
        """The event of an archive's row; None where today's release reads something else out of it, or nothing."""
        try:
            body = await self._body(row)
        except (zlib.error, ValueError, KeyError):  # spoiled by somebody, or its parts are being dropped
            return None
        received_at = row.get("first_received_at")
        delivery = Delivery(
            body,
            str(row.get("transport")),
            received_at if isinstance(received_at, Instant) else Instant(0),
        )
        for planned in understand([delivery], self._shards, stored=()).planned.values():
            kept_at, keys = planned.archived
            if (kept_at, keys["PartitionKey"], keys["RowKey"]) == (table, row["PartitionKey"], row["RowKey"]):
                return planned
        return None

    async def _body(self, row: Row) -> bytes:
        table = row.get("raw_table")
        if not isinstance(table, str):
            return restore_body(row)
        parts = await self._tables.find(
            table, "PartitionKey eq @digest", Deadline.after(READ_SECONDS), digest=row["raw_partition"]
        )
        return restore_body(row, [part.row for part in parts])


def partitions_of(month: str, shard_key: str) -> list[str]:
    """The partitions that a month's table may have for a shard."""
    if month == UNDATED.capitalize():
        return [f"{UNDATED}-{shard_key}"]
    return [f"{month}{day:02d}-{shard_key}" for day in range(1, _LAST_DAY + 1)]
