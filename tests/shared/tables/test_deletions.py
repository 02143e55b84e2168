"""Rows that are not needed any more: deleted together, and no longer than a run may take."""

import asyncio

import pytest

from shared.tables.deletions import delete_rows
from shared.tables.store import Kind, Operation
from tests.support.memory_tables import MemoryTables
from tests.support.messages import within

NAMES = [f"R{number}" for number in range(40)]


@pytest.fixture
async def tables():
    """Forty rows."""
    tables = MemoryTables()
    await tables.create_table("T", within(5))
    rows = [{"PartitionKey": "p", "RowKey": name} for name in NAMES]
    await tables.execute("T", [Operation(Kind.INSERT, row) for row in rows], within(5))
    return tables


async def left(tables):
    """The rows that are still there."""
    return [stored.row["RowKey"] async for stored in tables.query("T")]


async def test_rows_are_deleted_and_those_that_changed_meanwhile_are_counted(tables):
    """A row with another ETag is somebody else's by now."""
    rows = [("p", NAMES[0], 'W/"another"'), *(("p", name, None) for name in NAMES[1:])]

    assert await delete_rows(tables, "T", rows, within(5)) == 1
    assert await left(tables) == [NAMES[0]]


async def test_storage_that_stands_still_does_not_hold_the_run_up(tables):
    """The next run finds the rows again."""

    async def stand_still(_, __):
        await asyncio.Event().wait()

    tables.before = stand_still

    assert await delete_rows(tables, "T", [("p", name, None) for name in NAMES], within(0.05)) == 0
    tables.before = None
    assert sorted(await left(tables)) == sorted(NAMES)
