"""The registry of tags: lists, of which one is in use.

A list is a table of its own, `Tags{yyyyMMddHHmmssfff}`, named after the moment at which it was begun. The row
`list`/`current` of the table `Tags` names the one in use and the one before. So a list of any length is switched to in
one write, and back; no tap sees half of one; and an old list goes by dropping its table, which costs nothing.
"""

from typing import Final, NamedTuple

from shared.authorization.tag_rows import read_tag, tag_keys
from shared.authorization.tags import Tag
from shared.deadlines import Deadline
from shared.errors import Unacceptable
from shared.instants import Instant
from shared.tables.store import Row, Tables

TAGS: Final = "Tags"
POINTER_KEYS: Final = ("list", "current")


class TagList(NamedTuple):
    """A list: its table, how many tags it was switched to with, and when."""

    table: str
    tags: int
    switched_at: Instant


class Pointer(NamedTuple):
    """Which list is in use, which one was before, how often single tags were changed; and the row's ETag.

    `change_id` is another one after every change, so that who made it can recognise it.
    """

    current: TagList
    previous: TagList | None
    edits: int
    etag: str
    change_id: str = ""


class Registry:
    """Reads the registry. Every method raises StorageUnavailable or StorageRefusesAccess where storage fails."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def pointer(self, deadline: Deadline) -> Pointer | None:
        """Which list is in use; None where there never was one.

        Raises Unacceptable with the reason `unreadable-list` where somebody changed the row into something else.
        """
        stored = await self._tables.get(TAGS, *POINTER_KEYS, deadline)
        if stored is None:
            return None
        current, previous = _tag_list(stored.row, ""), _tag_list(stored.row, "previous_")
        if current is None:
            raise Unacceptable("unreadable-list", f"the row {'/'.join(POINTER_KEYS)} of {TAGS} names no list of tags")
        edits, change_id = stored.row.get("edits"), stored.row.get("change_id")
        return Pointer(current, previous, int(edits or 0), stored.etag, str(change_id))

    async def find(self, table: str, id_tag: str, deadline: Deadline) -> Tag | None:
        """A tag of a list by its canonical spelling.

        Raises Unacceptable where its row cannot be read, and TableMissing where there is no such list: then nobody
        knows whether the tag is known.
        """
        stored = await self._tables.get(table, *tag_keys(id_tag), deadline, needs_table=True)
        return read_tag(stored.row) if stored is not None else None


def pointer_row(current: TagList, previous: TagList | None, edits: int, change_id: str = "") -> Row:
    """The row that names the list in use."""
    partition_key, row_key = POINTER_KEYS
    return {
        "PartitionKey": partition_key,
        "RowKey": row_key,
        "edits": edits,
        "change_id": change_id,
        **_list_columns(current, ""),
        **(_list_columns(previous, "previous_") if previous is not None else {}),
    }


def _list_columns(tag_list: TagList, prefix: str) -> Row:
    return {
        f"{prefix}table": tag_list.table,
        f"{prefix}tags": tag_list.tags,
        f"{prefix}switched_at": tag_list.switched_at,
    }


def _tag_list(row: Row, prefix: str) -> TagList | None:
    table, tags, switched_at = (row.get(f"{prefix}{column}") for column in ("table", "tags", "switched_at"))
    if not isinstance(table, str) or not isinstance(tags, int) or not isinstance(switched_at, Instant):
        return None
    return TagList(table, tags, switched_at)
