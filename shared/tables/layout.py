"""The shard count, kept with the data: tables made with four shards must never be written with eight.

A row's partition follows from the shard count, so with another count the repeats of an event would not meet and the
current state would stand twice. So the count is chosen once, before there is data.
"""

from shared.deadlines import Deadline
from shared.errors import ConfigurationError, RowExists
from shared.tables.store import Kind, Operation, Row, StoredRow, Tables
from shared.tables.writing import execute

LAYOUT = "Layout"
_KEY = "layout"


class Layout:
    """Compares the shard count of the settings with that of the tables, once for each process."""

    def __init__(self, tables: Tables, shards: int) -> None:
        self._tables = tables
        self._shards = shards
        self._is_checked = False

    async def check(self, deadline: Deadline) -> None:
        """Write the count where the tables are new. Raises ConfigurationError where they were made with another."""
        if not self._is_checked:
            self._compare(await self._stored(deadline) or await self._write(deadline))
            self._is_checked = True

    async def look(self, deadline: Deadline) -> None:
        """The same without writing anything, for whoever only wants to know."""
        self._compare(await self._stored(deadline))

    async def _stored(self, deadline: Deadline) -> StoredRow | None:
        return await self._tables.get(LAYOUT, _KEY, _KEY, deadline)

    async def _write(self, deadline: Deadline) -> StoredRow | None:
        row: Row = {"PartitionKey": _KEY, "RowKey": _KEY, "event_shards": self._shards}
        try:
            await execute(self._tables, LAYOUT, [Operation(Kind.INSERT, row)], deadline)
        except RowExists:  # another worker was first: what it wrote counts
            return await self._stored(deadline)
        return None

    def _compare(self, stored: StoredRow | None) -> None:
        made_with = stored.row.get("event_shards") if stored is not None else self._shards
        if made_with != self._shards:
            raise ConfigurationError(
                f"EVENT_SHARDS is {self._shards}, but the tables were made with {made_with!r}. Set EVENT_SHARDS to "
                "that, or use a storage account without tables."
            )
