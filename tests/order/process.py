"""One process of the app over tables that it can lose: what stores, polls, answers taps and changes lists of tags."""

import asyncio
import json
from collections.abc import Iterable
from typing import NamedTuple

from shared.authorization.authorizer import Authorizer, Policy
from shared.authorization.lists import Lists
from shared.authorization.recorder import Recorder
from shared.authorization.tags import Tag
from shared.authorization.taps import Taps
from shared.instants import Instant
from shared.retention import drop_expired_tables
from shared.tables.store import Tables
from tests.order.deployment import SHARDS, Deployment, FakeQueue
from tests.support.fake_emabler import FakeEmabler
from tests.support.messages import within
from tests.support.mortal_tables import MortalTables

CACHE_SECONDS = 30.0
"""The default of REALTIME_AUTH_CACHE_SECONDS."""
POINTER_SECONDS = 5.0
"""How long a process believes that the list it saw last is in use (docs/decisions/0008)."""
REMEMBERED_SECONDS = CACHE_SECONDS + POINTER_SECONDS
"""How old what a tap is answered by can be, where the list was switched."""

Content = dict[str, bool]
"""A list of tags: which are in it, and whether they are blocked."""


class Registry(NamedTuple):
    """The list in use and the one before."""

    current: Content
    previous: Content


class Clocks:
    """The time, as the polls and as the cache of tags see it; a test moves it."""

    def __init__(self, now: Instant) -> None:
        self.now = now
        self.seconds = 0.0

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.seconds += seconds
        self.now = Instant(self.now + round(seconds * 10_000_000))


class Process:
    """Everything that a process of the app keeps in memory."""

    def __init__(self, tables: Tables, api: FakeEmabler, clocks: Clocks, queue: FakeQueue) -> None:
        self.tables = MortalTables(tables)
        self.deployment = Deployment(self.tables, api, lambda: clocks.now, queue)
        self._clocks = clocks
        self._lists = Lists(self.tables)
        self._authorizer = Authorizer(self.tables, SHARDS, Policy(cache_seconds=CACHE_SECONDS, deadline_seconds=20))
        self._lookups = (self._authorizer._pointers, self._authorizer._tags, self._authorizer._chargers)
        for lookup in self._lookups:
            lookup._clock = lambda: clocks.seconds
        self._recorder = Recorder(self.tables, SHARDS)
        self._taps = Taps(self._authorizer, self._recorder)

    async def tap(self, id_tag: str) -> tuple[int, dict[str, object]]:
        """Hold a tag to a charger; returns the answer's status and body, when everything begun for it has ended."""
        answer = await self._taps.answer(json.dumps({"charger_id": "C1", "rfid_tag_id": id_tag}).encode())
        asking = [asked.task for lookup in self._lookups for asked in lookup._asking.values()]
        await asyncio.gather(*asking, return_exceptions=True)
        return answer.status, json.loads(answer.body)

    async def import_list(self, content: Content) -> None:
        """What `emabler tags import --replace` does."""
        pointer = await self._lists.pointer()
        tags = [Tag(id_tag, is_blocked=is_blocked) for id_tag, is_blocked in content.items()]
        table = await self._lists.write(tags, self._clocks.now)
        await self._lists.switch(table, len(tags), pointer, self._clocks.now)
        await self._lists.drop_leftovers(self._clocks.now)

    async def put_tag(self, id_tag: str, *, is_blocked: bool) -> None:
        """What `emabler tags block` and `unblock` do."""
        await self._lists.edit(id_tag, lambda _: Tag(id_tag, is_blocked=is_blocked), self._clocks.now)

    async def roll_back(self) -> None:
        """What `emabler tags rollback` does. Raises NoSuchList."""
        await self._lists.roll_back(self._clocks.now)

    async def drop_months(self, months_kept: int) -> None:
        """The timer `retention`."""
        await drop_expired_tables(self.tables, self._clocks.now, months_kept)

    async def flush(self) -> None:
        """Write the decisions that wait."""
        await self._recorder.flush(within(20))

    async def end(self) -> None:
        """End in good order, as the host does it: what runs is cancelled, and waited for."""
        tasks = [self._recorder._writing] if self._recorder._writing is not None else []
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def registry(tables: Tables) -> Registry:
    """Both lists as the tables have them."""
    lists = Lists(tables)
    pointer = await lists.pointer()

    async def content(table: str | None) -> Content:
        return {tag.id_tag: tag.is_blocked async for tag in lists.tags(table)} if table is not None else {}

    previous = pointer.previous.table if pointer is not None and pointer.previous is not None else None
    return Registry(await content(pointer.current.table if pointer is not None else None), await content(previous))


def answers(contents: Iterable[Content], id_tag: str) -> list[dict[str, object]]:
    """What each of the lists answers for a tag (docs/decisions/0007)."""
    found = []
    for content in contents:
        if id_tag not in content:
            found.append({"charging_allowed": False, "reason": "UNKNOWN_RFID_TAG_ID"})
        elif content[id_tag]:
            found.append({"charging_allowed": False, "reason": "UNAUTHORIZED_RFID_TAG_ID"})
        else:
            found.append({"charging_allowed": True})
    return found
