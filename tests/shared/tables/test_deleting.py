"""Rows that go, and rows of which a part is read: the same on Azurite and in memory."""

import pytest

from shared.errors import RowChanged
from shared.tables.store import Kind, Operation
from tests.shared.tables.rows import insert, row_keys, soon


async def test_find_gives_the_columns_that_are_asked_for(tables, table):
    """And no others; a column that a row does not have is None or absent."""
    await tables.execute(table, [insert("1", x="kept", y="left out"), insert("2", y="left out")], soon())

    found = [one.row for one in await tables.find(table, "", soon(), ("RowKey", "x"))]

    assert [{name: value for name, value in one.items() if value is not None} for one in found] == [
        {"RowKey": "1", "x": "kept"},
        {"RowKey": "2"},
    ]


async def test_a_deleted_row_is_gone_and_the_others_stay(tables, table):
    """Deleting again, or from a table that is not there, is no error."""
    await tables.execute(table, [insert("1"), insert("it's 2 %"), insert("3")], soon())
    for _ in range(2):
        await tables.delete(table, "p", "it's 2 %")
    await tables.delete("NeverMade", "p", "1")

    assert await row_keys(tables, table) == ["1", "3"]


async def test_a_row_that_changed_meanwhile_is_not_deleted(tables, table):
    """With its ETag a row goes only as it was read."""
    (read,) = await tables.execute(table, [insert("1")], soon())
    (written,) = await tables.execute(table, [Operation(Kind.UPDATE, insert("1", x="new").row, read)], soon())

    with pytest.raises(RowChanged):
        await tables.delete(table, "p", "1", etag=read)
    assert await row_keys(tables, table) == ["1"]
    await tables.delete(table, "p", "1", etag=written)
    await tables.delete(table, "p", "1", etag=written)

    assert await row_keys(tables, table) == []
