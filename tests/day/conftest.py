"""How large the day is, and where it is stored: `make day` lives it with a thousand chargers, the tests with fifty."""

import os

import pytest

from shared.tables.client import AzureTables


@pytest.fixture
def chargers() -> int:
    """The size of the fleet."""
    return int(os.environ.get("DAY_CHARGERS", "50"))


@pytest.fixture
async def tables(azurite):
    """Empty tables."""
    tables = AzureTables.from_connection_string(azurite)
    for table in await tables.list_tables():
        await tables.drop_table(table)
    yield tables
    await tables.close()
