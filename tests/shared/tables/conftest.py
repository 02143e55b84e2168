"""Both implementations of `Tables`: what one of them does, the other has to do."""

import uuid
from collections.abc import AsyncIterator

import pytest

from shared.tables.client import AzureTables
from shared.tables.store import Tables
from tests.shared.tables.rows import soon
from tests.support.memory_tables import MemoryTables


@pytest.fixture(params=["memory", "azurite"])
async def tables(request) -> AsyncIterator[Tables]:
    """Each implementation in turn."""
    tables: Tables
    if request.param == "memory":
        tables = MemoryTables()
    else:
        tables = AzureTables.from_connection_string(request.getfixturevalue("azurite"))
    yield tables
    await tables.close()


@pytest.fixture
async def table(tables) -> str:
    """The name of a table of this test's own."""
    name = f"T{uuid.uuid4().hex}"
    await tables.create_table(name, soon())
    return name
