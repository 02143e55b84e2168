"""Changes of the registry: a whole new list and the switch to it, the way back, and single tags.

Everybody else's change is noticed by the ETag of the row that names the list in use. A list is written first and then
switched to. A single tag is changed in the list in use, and then the row's count of edits goes up: so an import that
copied the list before the edit fails at its switch, instead of undoing it.
"""

from collections.abc import AsyncIterator, Callable, Generator, Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from uuid import uuid4

from shared.authorization.registry import TAGS, Pointer, Registry, TagList, pointer_row
from shared.authorization.tag_rows import TAG_SHARDS, read_tag, tag_keys, tag_row
from shared.authorization.tags import Tag
from shared.deadlines import Deadline
from shared.errors import EmablerError, RowConflict, RowExists, TableMissing, Unacceptable
from shared.instants import TICKS_PER_SECOND, Instant
from shared.tables.limits import MAX_TRANSACTION_ROWS
from shared.tables.store import Kind, Operation, Row, Tables
from shared.tables.writing import execute, together

WRITE_SECONDS: Final = 60.0
"""How long storage is waited for, for one transaction."""
READ_SECONDS: Final = 300.0
"""How long storage is waited for, for one partition of a list."""
TRANSACTIONS_AT_ONCE: Final = TAG_SHARDS
LEFTOVER_AGE: Final = timedelta(days=1)
SWITCH_REST: Final = timedelta(minutes=1)
"""Workers may believe for a few seconds that an older list is in use, so none is dropped so soon after a switch."""
MOST_EDIT_ROUNDS: Final = 5

_LIST_NAME_DIGITS: Final = len("yyyyMMddHHmmssfff")


class ListChanged(EmablerError):
    """Somebody else changed the registry meanwhile: run the command again."""


class NoSuchList(EmablerError):
    """There is no list to do this with."""


@dataclass(frozen=True, slots=True)
class Edit:
    """A change of one tag: what it was, and what it is now."""

    before: Tag | None
    after: Tag


class Lists:
    """Changes the registry. Every method raises StorageUnavailable or StorageRefusesAccess where storage fails."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        self._registry = Registry(tables)

    async def pointer(self) -> Pointer | None:
        """Which list is in use; None where there never was one."""
        return await self._registry.pointer(Deadline.after(WRITE_SECONDS))

    async def find(self, table: str, id_tag: str) -> Tag | None:
        """A tag of a list."""
        return await self._registry.find(table, id_tag, Deadline.after(WRITE_SECONDS))

    async def tags(self, table: str, on_unreadable: Callable[[str], None] | None = None) -> AsyncIterator[Tag]:
        """All tags of a list, in no order that means anything.

        `on_unreadable` is told the id of a tag whose row somebody spoiled; without it, Unacceptable is raised.
        """
        for shard in range(TAG_SHARDS):
            for row in await self._rows_of_shard(table, shard):
                try:
                    tag = read_tag(row)
                except Unacceptable:
                    if on_unreadable is None:
                        raise
                    on_unreadable(_id_of(row))
                    continue
                yield tag

    async def write(self, tags: Iterable[Tag], now: Instant, on_written: Callable[[int], None] = lambda _: None) -> str:
        """Write a new list beside the one in use; returns its table's name. `on_written` is told of every piece.

        Raises RowRefused, without the tag, for one that no table takes; what was written is dropped then.
        """
        table = list_table(now)
        await self._tables.create_table(table, Deadline.after(WRITE_SECONDS))
        pieces = _pieces(tags)

        async def write_pieces() -> None:
            """Take pieces for as long as there are some; several do so at once."""
            try:
                for piece in pieces:
                    await self._write_piece(table, piece)
                    on_written(len(piece))
            finally:
                pieces.close()  # after a failure the others need not go on

        try:
            await together(write_pieces() for _ in range(TRANSACTIONS_AT_ONCE))
        except BaseException:
            await self._tables.drop_table(table)
            raise
        return table

    async def switch(self, table: str, tags: int, expected: Pointer | None, now: Instant) -> Pointer:
        """Use a list that was written, keeping the one before; raises ListChanged, and then the list is dropped.

        `expected` is what the new list was made from.
        """
        previous = expected.current if expected is not None else None
        try:
            return await self._point(TagList(table, tags, now), previous, 0, expected)
        except RowConflict:
            pointer = await self.pointer()
            # Our own switch may have been carried out with its answer lost, and somebody may have edited a tag since.
            if pointer is not None and table in _tables_of(pointer):
                return pointer
            await self._tables.drop_table(table)
            raise ListChanged(
                "Somebody else changed the tags meanwhile, and nothing was changed now. Run it again."
            ) from None

    async def roll_back(self, now: Instant) -> Pointer:
        """Use the list that was in use before; a second time undoes it. Raises NoSuchList, or ListChanged."""
        pointer = await self.pointer()
        if pointer is None or pointer.previous is None:
            raise NoSuchList("There is no list before this one.")
        if pointer.previous.table not in await self._tables.list_tables():
            raise NoSuchList("The table of the list before this one was dropped. Import that list again.")
        current = pointer.previous._replace(switched_at=now)
        try:
            return await self._point(current, pointer.current, 0, pointer)
        except RowConflict:
            raise ListChanged(
                "Somebody else changed the tags meanwhile, and nothing was rolled back. Look first."
            ) from None

    async def edit(self, id_tag: str, change: Callable[[Tag | None], Tag], now: Instant) -> Edit:
        """Change one tag of the list in use, or of a new first list; `change` may be called again with what is newer.

        Raises what `change` raises, and ListChanged where others kept changing the same tag.
        """
        for round_number in range(MOST_EDIT_ROUNDS):
            try:
                pointer = await self.pointer() or await self._first_list(now)
                return await self._edit_once(pointer, id_tag, change, is_again=round_number > 0)
            except (RowConflict, TableMissing):  # others edit, or switched to another list: look again
                continue
        raise ListChanged("Others keep changing the tags at the same time. Run it again.")

    async def drop_leftovers(self, now: Instant) -> list[str]:
        """Drop lists that nobody needs any more; returns their tables' names.

        That is those that are neither in use nor the one before, and were begun more than a day ago: a younger one may
        be somebody's running import.
        """
        pointer = await self.pointer()
        if pointer is None or now - pointer.current.switched_at < _ticks(SWITCH_REST):
            return []
        kept = _tables_of(pointer)
        oldest_kept = list_table(Instant(now - _ticks(LEFTOVER_AGE)))
        leftovers = [
            table
            for table in await self._tables.list_tables()
            if is_list(table) and table not in kept and table < oldest_kept
        ]
        for table in leftovers:
            await self._tables.drop_table(table)
        return leftovers

    async def _rows_of_shard(self, table: str, shard: int) -> list[Row]:
        """A whole partition at once: for a long list that takes a quarter of the time that a query takes."""
        deadline = Deadline.after(READ_SECONDS)
        found = await self._tables.find(table, "PartitionKey eq @shard", deadline, shard=f"{shard:02d}")
        return [stored.row for stored in found]

    async def _write_piece(self, table: str, rows: list[Row]) -> None:
        """Insert rows: cheaper than an upsert, for which Azurite searches the whole list."""
        try:
            await self._tables.execute(
                table, [Operation(Kind.INSERT, row) for row in rows], Deadline.after(WRITE_SECONDS)
            )
        except RowExists:  # the answer got lost, and it was sent again
            await self._tables.execute(
                table, [Operation(Kind.UPSERT, row) for row in rows], Deadline.after(WRITE_SECONDS)
            )

    async def _edit_once(
        self, pointer: Pointer, id_tag: str, change: Callable[[Tag | None], Tag], *, is_again: bool
    ) -> Edit:
        table = pointer.current.table
        stored = await self._tables.get(table, *tag_keys(id_tag), Deadline.after(WRITE_SECONDS))
        before = read_tag(stored.row) if stored is not None else None
        after = change(before)
        operation = (
            Operation(Kind.INSERT, tag_row(after))
            if stored is None
            else Operation(Kind.UPDATE, tag_row(after), stored.etag)
        )
        await self._tables.execute(table, [operation], Deadline.after(WRITE_SECONDS))
        # An earlier try, of this edit or of one that failed, may have written the tag without counting it.
        is_count_sure = not is_again and before != after
        tags = pointer.current.tags + (before is None) if is_count_sure else await self._count(table)
        await self._point(pointer.current._replace(tags=tags), pointer.previous, pointer.edits + 1, pointer)
        return Edit(before, after)

    async def _count(self, table: str) -> int:
        return sum([len(await self._rows_of_shard(table, shard)) for shard in range(TAG_SHARDS)])

    async def _first_list(self, now: Instant) -> Pointer:
        table = await self.write([], now)
        return await self._point(TagList(table, 0, now), None, 0, None)

    async def _point(self, current: TagList, previous: TagList | None, edits: int, expected: Pointer | None) -> Pointer:
        """Write the row that names the list in use, if it is still as expected. Raises RowConflict otherwise."""
        change_id = uuid4().hex
        row = pointer_row(current, previous, edits, change_id)
        operation = Operation(Kind.INSERT, row) if expected is None else Operation(Kind.UPDATE, row, expected.etag)
        try:
            (etag,) = await execute(self._tables, TAGS, [operation], Deadline.after(WRITE_SECONDS))
        except RowConflict:
            # Where the answer to our own write got lost, it was sent again, and met itself.
            found = await self.pointer()
            if found is None or found.change_id != change_id:
                raise
            return found
        return Pointer(current, previous, edits, etag, change_id)


def list_table(begun_at: Instant) -> str:
    """The name of a list that is begun at a moment, to the millisecond; later ones sort after it."""
    digits = "".join(character for character in begun_at.iso if character.isdigit())
    return f"{TAGS}{digits[:_LIST_NAME_DIGITS]}"


def is_list(table: str) -> bool:
    """Whether a table is a list by its name."""
    digits = table.removeprefix(TAGS)
    return len(digits) == _LIST_NAME_DIGITS and digits.isdigit() and table.startswith(TAGS)


def _tables_of(pointer: Pointer) -> set[str]:
    return {tag_list.table for tag_list in (pointer.current, pointer.previous) if tag_list is not None}


def _id_of(row: Row) -> str:
    """The tag's id, or what is left of it in the row's key."""
    id_tag = row.get("id_tag")
    return id_tag if isinstance(id_tag, str) else str(row["RowKey"])


def _pieces(tags: Iterable[Tag]) -> Generator[list[Row]]:
    """Transactions, as soon as each is full: a list may be long, and only its pieces need to be in memory."""
    waiting: dict[str, list[Row]] = {}
    for tag in tags:
        shard, _ = tag_keys(tag.id_tag)
        waiting.setdefault(shard, []).append(tag_row(tag))
        if len(waiting[shard]) == MAX_TRANSACTION_ROWS:
            yield waiting.pop(shard)
    yield from waiting.values()


def _ticks(span: timedelta) -> int:
    return int(span.total_seconds() * TICKS_PER_SECOND)
