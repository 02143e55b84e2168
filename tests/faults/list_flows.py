"""The flows of operators' commands that change the lists of tags, and the two that only look or tidy up."""

from collections.abc import Awaitable, Callable
from typing import Final

from shared.authorization.lists import Lists, is_list
from shared.authorization.tags import Tag
from shared.health.looking import PATIENCE_SECONDS, HealthCheck
from shared.instants import TICKS_PER_SECOND, Instant
from shared.retention import drop_expired_tables
from tests.faults.matrix import ALL_COLUMNS, Flow, Work
from tests.support.faulty_tables import FaultyTables
from tests.support.memory_tables import MemoryTables
from tests.support.messages import within

NOW: Final = Instant.from_iso("2026-01-15T12:00:00.0000000Z")
COMMAND_SECONDS: Final = 600.0
"""Several transactions, of which each may wait a minute for storage."""

_DAY: Final = 86_400 * TICKS_PER_SECOND
_LATER: Final = Instant(NOW + _DAY // 24)
_TWO_DAYS_LATER: Final = Instant(NOW + 2 * _DAY)
_FIRST_TAGS: Final = [Tag("A1"), Tag("A2"), Tag("A3")]
_NEXT_TAGS: Final = [Tag("A1"), Tag("B2", is_blocked=True), Tag("B3")]
_LISTS: Final = {"Tags": frozenset({ALL_COLUMNS})}
"""Lists are compared by what is told of them, because each has a table of its own that is named after its time."""

_Change = Callable[[Lists, Instant], Awaitable[object]]


async def _nothing(_tables: MemoryTables) -> None:
    """New tables."""


async def _import(lists: Lists, tags: list[Tag], now: Instant) -> None:
    expected = await lists.pointer()
    await lists.switch(await lists.write(tags, now), len(tags), expected, now)


async def _one_list(tables: MemoryTables) -> None:
    await _import(Lists(tables), _FIRST_TAGS, Instant(NOW - 9 * _DAY))


async def _two_lists(tables: MemoryTables) -> None:
    await _one_list(tables)
    await _import(Lists(tables), _NEXT_TAGS, Instant(NOW - 8 * _DAY))


async def _three_lists(tables: MemoryTables) -> None:
    await _two_lists(tables)
    await _import(Lists(tables), _FIRST_TAGS, Instant(NOW - 7 * _DAY))


async def _told(lists: Lists) -> str:
    """The tags of the list in use and of the one before, and how many it says there are; a - is for a blocked one."""
    pointer = await lists.pointer()
    tag_lists = [] if pointer is None else [one for one in (pointer.current, pointer.previous) if one is not None]
    told = []
    for tag_list in tag_lists:
        tags = [f"{tag.id_tag}{'-' * tag.is_blocked}" async for tag in lists.tags(tag_list.table)]
        told.append(f"{tag_list.tags}: {' '.join(sorted(tags))}")
    return "; before: ".join(told)


def _command(change: _Change, wanted: str) -> Callable[[FaultyTables], Awaitable[Work]]:
    """A command. Where it failed, an operator looks, and runs it again unless the lists are as `wanted` already."""

    async def start(tables: FaultyTables) -> Work:
        lists = Lists(tables.kept)

        async def run(again: bool) -> str:  # noqa: FBT001  # see Work
            if not again or await _told(lists) != wanted:
                await change(Lists(tables), _LATER if again else NOW)
            if not again:
                return await _told(lists)
            await lists.drop_leftovers(_TWO_DAYS_LATER)
            tables_left = [table for table in await tables.kept.list_tables() if is_list(table)]
            return f"{await _told(lists)} in {len(tables_left)} tables"

        return run

    return start


async def _edit(lists: Lists, tag: Tag, now: Instant) -> None:
    await lists.edit(tag.id_tag, lambda _: tag, now)


async def _roll_back(lists: Lists, now: Instant) -> None:
    await lists.roll_back(now)


async def _tidy(lists: Lists, now: Instant) -> None:
    await lists.drop_leftovers(now)


_COMMANDS: Final[list[tuple[str, Callable[[MemoryTables], Awaitable[None]], _Change, str]]] = [
    ("import, first list", _nothing, lambda lists, now: _import(lists, _FIRST_TAGS, now), "3: A1 A2 A3"),
    (
        "import, next list",
        _one_list,
        lambda lists, now: _import(lists, _NEXT_TAGS, now),
        "3: A1 B2- B3; before: 3: A1 A2 A3",
    ),
    ("roll back", _two_lists, _roll_back, "3: A1 A2 A3; before: 3: A1 B2- B3"),
    (
        "add a tag",
        _two_lists,
        lambda lists, now: _edit(lists, Tag("C4"), now),
        "4: A1 B2- B3 C4; before: 3: A1 A2 A3",
    ),
    (
        "revoke a tag",
        _two_lists,
        lambda lists, now: _edit(lists, Tag("A1", is_blocked=True), now),
        "3: A1- B2- B3; before: 3: A1 A2 A3",
    ),
    ("add the first tag", _nothing, lambda lists, now: _edit(lists, Tag("C4"), now), "1: C4"),
    ("drop old lists", _three_lists, _tidy, "3: A1 A2 A3; before: 3: A1 B2- B3"),
]


async def _old_months(tables: MemoryTables) -> None:
    for name in ("PushEvents202410", "Measurements202410", "AuthDecisions202411", "PushEvents202601", "Transactions"):
        await tables.create_table(name, within(1))


async def _retention(tables: FaultyTables) -> Work:
    async def drop(again: bool) -> str:  # noqa: FBT001  # every night is the same
        await drop_expired_tables(tables, NOW, 13)
        return "dropped"

    return drop


async def _health(tables: FaultyTables) -> Work:
    check = HealthCheck(tables, 2, None, is_polling=True)

    async def look(again: bool) -> str:  # noqa: FBT001  # it only looks
        health = await check.whole(NOW)
        quarantine = health.quarantine
        return f"{health.status}, {quarantine.entries if quarantine else None} in quarantine"

    return look


FLOWS: Final = [
    *(
        Flow(name, before, _command(change, wanted), wanted, COMMAND_SECONDS, _LISTS)
        for name, before, change, wanted in _COMMANDS
    ),
    Flow("retention", _old_months, _retention, "dropped", COMMAND_SECONDS),
    Flow("health", _nothing, _health, "ok, 0 in quarantine", PATIENCE_SECONDS),
]
