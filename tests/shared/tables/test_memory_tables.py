"""What the double in memory has beyond the contract: hooks for faults, a look at all rows, few filters."""

import pytest

from shared.errors import RowExists, StorageUnavailable
from tests.shared.tables.rows import insert, row, soon
from tests.support.memory_tables import MemoryTables


async def test_a_fault_before_leaves_nothing_behind():
    """What the hook raises is what the caller gets, and nothing was stored."""
    tables = MemoryTables()
    await tables.create_table("Table", soon())
    calls = []

    def fail(method, table):
        calls.append((method, table))
        raise StorageUnavailable("down")

    tables.before = fail
    with pytest.raises(StorageUnavailable):
        await tables.execute("Table", [insert("1")], soon())

    assert calls == [("execute", "Table")]
    assert tables.rows("Table") == []


async def test_a_fault_after_leaves_the_effect():
    """A lost answer: stored, but the caller cannot know."""
    tables = MemoryTables()
    await tables.create_table("Table", soon())

    async def lose_the_answer(_method, _table):
        raise StorageUnavailable("lost")

    tables.after = lose_the_answer
    with pytest.raises(StorageUnavailable):
        await tables.execute("Table", [insert("1")], soon())
    tables.after = None

    assert [row("1")] == tables.rows("Table")
    with pytest.raises(RowExists):
        await tables.execute("Table", [insert("1")], soon())


async def test_rows_are_ordered_as_the_service_orders_them():
    """By UTF-16 units: a character past U+FFFF comes before U+FF5E."""
    tables = MemoryTables()
    await tables.create_table("Table", soon())
    await tables.execute("Table", [insert("\uff5e"), insert("😀"), insert("a")], soon())

    assert [each["RowKey"] for each in tables.rows("Table")] == ["a", "😀", "\uff5e"]


async def test_a_filter_it_cannot_read_is_told():
    """A test never passes because a filter was ignored."""
    tables = MemoryTables()

    with pytest.raises(ValueError, match="reads only"):
        [found async for found in tables.query("Table", "x eq 1 or y eq 2")]
