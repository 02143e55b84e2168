"""The same ingest over two stores: memory, and Azurite."""

from collections.abc import AsyncIterator

import pytest

from shared.ingest.ingest import Ingest, Outcome
from shared.tables.client import AzureTables
from shared.tables.store import Tables
from tests.support.memory_tables import MemoryTables
from tests.support.messages import deliver, within


class Store:
    """Tables with an ingest over them, and what a test wants to know of both."""

    def __init__(self, tables: Tables) -> None:
        self.tables = tables
        self.ingest = Ingest(tables, shards=4)

    def restarted(self) -> Ingest:
        """Another worker, which remembers nothing."""
        return Ingest(self.tables, shards=4)

    async def store(self, *messages: object, ingest: Ingest | None = None, transport: str = "servicebus") -> Outcome:
        """Deliver messages as one batch."""
        return await (ingest or self.ingest).store(deliver(*messages, transport=transport), within(20))

    async def rows(self, table: str) -> list[dict[str, object]]:
        """A table's rows without the columns that are empty."""
        found = [stored.row async for stored in self.tables.query(table)]
        return [{column: value for column, value in row.items() if value is not None} for row in found]

    async def everything(self) -> dict[str, list[dict[str, object]]]:
        """All rows of all tables, but for what tells of arrivals instead of facts: how often, and when last."""
        about_arrivals = {"Quarantine", "Drift", "PollState"}
        tables = [table for table in await self.tables.list_tables() if table not in about_arrivals]
        return {table: await self.rows(table) for table in sorted(tables)}


@pytest.fixture
def memory() -> Store:
    """In memory, for what would take long otherwise."""
    return Store(MemoryTables())


@pytest.fixture(params=["memory", "azurite"])
async def store(request: pytest.FixtureRequest) -> AsyncIterator[Store]:
    """Both, one after the other, each empty."""
    if request.param == "memory":
        yield Store(MemoryTables())
        return
    tables = AzureTables.from_connection_string(request.getfixturevalue("azurite"))
    for table in await tables.list_tables():
        await tables.drop_table(table)
    yield Store(tables)
    await tables.close()
