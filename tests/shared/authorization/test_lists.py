"""Lists are switched whole and back, single tags are changed in place, and nobody's change is undone."""

import asyncio

import pytest

from shared.authorization.lists import Edit, ListChanged, Lists, NoSuchList, is_list, list_table
from shared.authorization.registry import TAGS, Registry
from shared.authorization.tag_rows import tag_row
from shared.authorization.tags import Places, Tag
from shared.errors import RowExists, RowRefused, StorageUnavailable, Unacceptable
from shared.instants import TICKS_PER_SECOND, Instant
from shared.tables.client import AzureTables
from shared.tables.store import Kind, Operation
from tests.support.memory_tables import MemoryTables
from tests.support.messages import within

NOW = Instant.from_iso("2026-11-21T12:00:00.1234567Z")
DAY = 86_400 * TICKS_PER_SECOND


def _later(days=0.0, milliseconds=1):
    return Instant(NOW + int(days * DAY) + milliseconds * TICKS_PER_SECOND // 1000)


@pytest.fixture(params=["memory", "azurite"])
async def tables(request):
    """The double, and a real table service emptied of lists."""
    if request.param == "memory":
        yield MemoryTables()
        return
    real = AzureTables.from_connection_string(request.getfixturevalue("azurite"))
    for table in await real.list_tables():
        if table.startswith(TAGS):
            await real.drop_table(table)
    yield real
    await real.close()


@pytest.fixture
def lists(tables):
    """Over those tables."""
    return Lists(tables)


async def _use(lists, *id_tags, now=NOW):
    """Import so many tags."""
    expected = await lists.pointer()
    table = await lists.write([Tag(id_tag) for id_tag in id_tags], now)
    return await lists.switch(table, len(id_tags), expected, now)


async def _in_use(lists):
    pointer = await lists.pointer()
    return {tag.id_tag async for tag in lists.tags(pointer.current.table)}


async def test_a_list_comes_back_as_it_was_written(lists):
    """Whatever its tags are; more than a transaction takes, and in every shard."""
    tags = {f"TAG/{number}": Tag(f"TAG/{number}", "RFID", name=f"Ä {number}") for number in range(950)}
    tags["X"] = Tag("X", is_blocked=True, valid_from=NOW, valid_until=_later(), denied=Places(prefixes=("C",)))
    pieces = []
    table = await lists.write(tags.values(), NOW, pieces.append)

    assert {tag.id_tag: tag async for tag in lists.tags(table)} == tags
    assert (sum(pieces), max(pieces)) == (951, 100)
    assert await lists.find(table, "X") == tags["X"]


async def test_a_switch_keeps_the_list_before_for_the_way_back(lists):
    """And a second roll-back undoes the first."""
    await _use(lists, "A", "B")
    second = await _use(lists, "B", "C", now=_later())
    assert await _in_use(lists) == {"B", "C"}

    await lists.roll_back(_later(milliseconds=2))
    assert await _in_use(lists) == {"A", "B"}
    again = await lists.roll_back(_later(milliseconds=3))
    assert again.current.table == second.current.table


async def test_without_a_list_before_there_is_no_way_back(lists):
    """Neither on an empty registry nor after the first import."""
    with pytest.raises(NoSuchList):
        await lists.roll_back(NOW)
    await _use(lists, "A")
    with pytest.raises(NoSuchList):
        await lists.roll_back(NOW)


async def test_of_two_imports_at_once_one_wins_whole(lists, tables):
    """The other is told, and leaves no table behind."""
    await _use(lists, "A")
    expected = await lists.pointer()
    first = await lists.write([Tag("FIRST")], _later())
    second = await lists.write([Tag("SECOND")], _later(milliseconds=2))
    await lists.switch(second, 1, expected, NOW)

    with pytest.raises(ListChanged, match="Run it again"):
        await lists.switch(first, 1, expected, NOW)
    assert await _in_use(lists) == {"SECOND"}
    assert first not in await tables.list_tables()


async def test_an_import_does_not_undo_an_edit(lists):
    """One that was begun before it fails at its switch."""
    await _use(lists, "A")
    expected = await lists.pointer()
    table = await lists.write([Tag("A")], _later())
    await lists.edit("A", lambda _: Tag("A", is_blocked=True), NOW)

    with pytest.raises(ListChanged):
        await lists.switch(table, 1, expected, NOW)
    pointer = await lists.pointer()
    assert (await lists.find(pointer.current.table, "A")).is_blocked


async def test_an_edit_during_a_switch_is_made_in_the_list_that_is_in_use_then(lists):
    """It is done again where its list was replaced under it."""
    await _use(lists, "A")
    switched = []

    def block(before):
        return Tag("A", is_blocked=True, note=f"call {len(switched)}")

    async def switch_under_the_edit():
        original = lists._point

        async def point(*arguments):
            if not switched:
                switched.append(True)
                await _use(Lists(lists._tables), "A", "B", now=_later())
            return await original(*arguments)

        lists._point = point
        await lists.edit("A", block, NOW)

    await switch_under_the_edit()
    pointer = await lists.pointer()
    assert await lists.find(pointer.current.table, "A") == Tag("A", is_blocked=True, note="call 1")
    assert await _in_use(lists) == {"A", "B"}


async def test_the_first_edit_makes_the_first_list(lists):
    """An operator may begin with a single tag."""
    edit = await lists.edit("A", lambda before: Tag("A", note=str(before)), NOW)

    assert edit == Edit(None, Tag("A", note="None"))
    pointer = await lists.pointer()
    assert (pointer.current.tags, pointer.edits, await _in_use(lists)) == (1, 1, {"A"})


async def test_edits_at_once_all_count(lists):
    """Twelve people, twelve tags; each edit is told where it had to be given up."""
    await _use(lists, "A")
    results = await asyncio.gather(
        *(lists.edit(f"T{number}", lambda _, number=number: Tag(f"T{number}"), NOW) for number in range(12)),
        return_exceptions=True,
    )
    done = {f"T{number}" for number, result in enumerate(results) if isinstance(result, Edit)}

    assert done
    assert {type(result) for result in results} <= {Edit, ListChanged}
    assert done <= await _in_use(lists)


async def test_leftovers_are_dropped_when_nobody_needs_them(lists, tables):
    """Not the list in use, not the one before, not a young one, and none soon after a switch."""
    old = await lists.write([Tag("OLD")], NOW)
    first = await _use(lists, "A", now=_later())
    second = await _use(lists, "B", now=_later(milliseconds=2))
    running = await lists.write([Tag("RUNNING")], _later(days=2))

    assert await lists.drop_leftovers(_later(days=0.0001)) == []
    assert await lists.drop_leftovers(_later(days=2.1)) == [old]
    assert {first.current.table, second.current.table, running} <= set(await tables.list_tables())


async def test_no_tap_sees_half_a_list(lists, tables):
    """While lists are switched, every look finds one of them whole: all its tags of the same version."""
    registry = Registry(tables)
    names = [f"T{number}" for number in range(40)]
    await _use(lists, *names)
    seen = set()
    stopping = asyncio.Event()

    async def look():
        while not stopping.is_set():
            pointer = await registry.pointer(within(5))
            found = [await registry.find(pointer.current.table, name, within(5)) for name in names]
            assert None not in found
            seen.add(frozenset(tag.note for tag in found))
            await asyncio.sleep(0)

    looking = asyncio.create_task(look())
    for version in range(1, 6):
        expected = await lists.pointer()
        table = await lists.write([Tag(name, note=f"v{version}") for name in names], _later(milliseconds=version))
        await lists.switch(table, len(names), expected, NOW)
    await asyncio.sleep(0.05)
    stopping.set()
    await looking

    assert all(len(notes) == 1 for notes in seen)


def test_lists_sort_by_when_they_were_begun():
    """Their names are Table Storage's, and nobody else's tables are taken for one."""
    assert list_table(NOW) == "Tags20261121120000123"
    assert list_table(NOW) < list_table(_later())
    assert is_list(list_table(NOW))
    assert not any(is_list(name) for name in ("Tags", "Tags2026", "UnknownTags", "TagsOf20261121120000", "X" * 21))


# ---- In memory alone: faults ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("failing", [TAGS, "row", "list"])
async def test_a_lost_answer_is_no_conflict(failing):
    """The write is carried out, its answer is lost, and sent again it meets itself: the list stays in use."""
    tables = MemoryTables()
    lists = Lists(tables)
    first = await _use(lists, "A")
    lost = []

    def lose(method, table):
        is_meant = {TAGS: table == TAGS, "row": table == first.current.table, "list": table == list_table(_later())}
        if method == "execute" and is_meant[failing] and not lost:
            lost.append(table)
            raise _LostAnswer

    tables.after = lose
    original = tables.execute

    async def execute(table, operations, deadline):
        try:
            return await original(table, operations, deadline)
        except _LostAnswer:
            return await original(table, operations, deadline)

    tables.execute = execute
    if failing != "row":
        await _use(lists, "B", now=_later())
        assert await _in_use(lists) == {"B"}
    else:
        await lists.edit("A", lambda _: Tag("A", note="new"), NOW)
        assert await lists.find(first.current.table, "A") == Tag("A", note="new")
    assert lost


class _LostAnswer(Exception):
    """Stands for the answer that got lost."""


async def test_an_import_that_fails_leaves_the_list_in_use_and_no_table():
    """Storage fails in the middle."""
    tables = MemoryTables()
    lists = Lists(tables)
    first = await _use(lists, "A")
    writes = []

    def fail(method, table):
        if method == "execute":
            writes.append(table)
            if len(writes) == 3:
                raise StorageUnavailable("storage is gone")

    tables.before = fail
    with pytest.raises(StorageUnavailable):
        await lists.write([Tag(f"T{number}") for number in range(2000)], _later())

    assert sorted(await tables.list_tables()) == sorted([TAGS, first.current.table])
    assert len(writes) < 20


async def test_a_tag_that_no_table_takes_is_refused_before_the_switch():
    """What is too large is told; the list in use stays."""
    tables = MemoryTables()
    lists = Lists(tables)
    await _use(lists, "A")

    with pytest.raises(RowRefused):
        await lists.write([Tag("B", note="x" * 40_000)], _later())
    assert await _in_use(lists) == {"A"}


async def test_a_switch_that_happened_is_not_undone_by_an_edit_after_it():
    """Its answer is lost and somebody edits a tag before it is sent again: the list is in use, and stays."""
    tables = MemoryTables()
    lists = Lists(tables)
    await _use(lists, "A")
    expected = await lists.pointer()
    table = await lists.write([Tag("B")], _later())
    original = tables.execute

    async def execute(name, operations, deadline):
        tables.execute = original
        await original(name, operations, deadline)
        await Lists(tables).edit("B", lambda _: Tag("B", is_blocked=True), NOW)
        return await original(name, operations, deadline)

    tables.execute = execute
    switched = await lists.switch(table, 1, expected, NOW)

    assert (switched.current.table, switched.edits) == (table, 1)
    assert await lists.find(table, "B") == Tag("B", is_blocked=True)


async def test_first_edits_at_once_make_one_list():
    """The one that comes second finds the list that the first one made."""
    tables = MemoryTables()
    lists = Lists(tables)
    both_looked = asyncio.Barrier(2)
    looks = []

    async def meet(method, table):
        if method == "get" and len(looks) < 2:
            looks.append(table)
            await both_looked.wait()

    tables.before = meet
    await asyncio.gather(
        *(
            lists.edit(name, lambda _, name=name: Tag(name), _later(milliseconds=number))
            for number, name in enumerate("AB")
        )
    )

    assert await _in_use(lists) == {"A", "B"}


async def test_there_is_no_way_back_to_a_list_that_was_dropped():
    """Every tag would be unknown."""
    tables = MemoryTables()
    lists = Lists(tables)
    first = await _use(lists, "A")
    await _use(lists, "B", now=_later())
    await tables.drop_table(first.current.table)

    with pytest.raises(NoSuchList, match="was dropped"):
        await lists.roll_back(NOW)
    assert await _in_use(lists) == {"B"}


async def test_a_spoiled_row_is_told_and_the_others_are_read():
    """Where nobody wants to be told, it is an error."""
    tables = MemoryTables()
    lists = Lists(tables)
    pointer = await _use(lists, "A", "B", "C")
    table = pointer.current.table
    for spoiled in ({**tag_row(Tag("B")), "hours": "whenever"}, {**tag_row(Tag("C")), "id_tag": None}):
        await tables.execute(table, [Operation(Kind.UPSERT, spoiled)], within(5))
    unreadable = []

    assert [tag.id_tag async for tag in lists.tags(table, unreadable.append)] == ["A"]
    assert sorted(unreadable) == ["B", "C"]
    with pytest.raises(Unacceptable):
        await _in_use(lists)


class _LosesAnAnswer(MemoryTables):
    """What `AzureTables` does where the answer to an insertion is lost: it sends it again, which meets itself."""

    is_losing = False

    async def execute(self, table, operations, deadline):
        etags = await super().execute(table, operations, deadline)
        if self.is_losing and operations[0].kind is Kind.INSERT and is_list(table):
            self.is_losing = False
            raise RowExists("the row is there already", index=0)
        return etags


async def test_a_tag_whose_answer_was_lost_is_counted():
    """Three tags are in the list, and three it says to have."""
    tables = _LosesAnAnswer()
    lists = Lists(tables)
    await _use(lists, "A", "B")
    tables.is_losing = True

    await lists.edit("C", lambda _: Tag("C"), NOW)

    assert ((await lists.pointer()).current.tags, tables.is_losing) == (3, False)


async def test_a_tag_whose_adding_failed_halfway_is_counted_when_it_is_added_again():
    """It was in the list already, but not in the count."""
    tables = MemoryTables()
    lists = Lists(tables)
    await _use(lists, "A", "B")

    def fail(method, table):
        if (method, table) == ("execute", TAGS):
            raise StorageUnavailable("the test says so")

    tables.before = fail
    with pytest.raises(StorageUnavailable):
        await lists.edit("C", lambda _: Tag("C"), NOW)
    tables.before = None
    await lists.edit("C", lambda _: Tag("C"), NOW)

    assert (await lists.pointer()).current.tags == 3
