"""Empty tables, in memory and on Azurite, by the same name."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

import pytest

from shared.tables.client import AzureTables
from shared.tables.store import Tables
from tests.support.memory_tables import MemoryTables

EmptyTables = Callable[[], Awaitable[Tables]]


@pytest.fixture
def in_memory() -> EmptyTables:
    """New tables in memory with every call."""

    async def empty() -> Tables:
        return MemoryTables()

    return empty


@pytest.fixture
async def on_azurite(azurite: str) -> AsyncIterator[EmptyTables]:
    """The tables of Azurite, empty again with every call and at the end."""
    tables = AzureTables.from_connection_string(azurite)

    async def empty() -> Tables:
        await _drop_all(tables)
        return tables

    yield empty
    await _drop_all(tables)
    await tables.close()


@pytest.fixture
def opened_on_azurite(azurite: str) -> Iterator[EmptyTables]:
    """The same for who brings an event loop of his own: opened and emptied with every call, and closed by him."""

    async def opened() -> Tables:
        tables = AzureTables.from_connection_string(azurite)
        await _drop_all(tables)
        return tables

    yield opened
    asyncio.run(_close_empty(opened))


async def _close_empty(opened: EmptyTables) -> None:
    await (await opened()).close()


async def _drop_all(tables: Tables) -> None:
    await asyncio.gather(*(tables.drop_table(table) for table in await tables.list_tables()))
