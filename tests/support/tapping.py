"""What tests that tap through a running host share: a list of every kind of tag, an oracle for it, and a client."""

import asyncio
import json
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Self

import httpx

from shared.authorization.hours import WeeklyHours
from shared.authorization.lists import Lists
from shared.authorization.tags import Places, Tag
from shared.instants import TICKS_PER_SECOND, Instant
from shared.tables.client import AzureTables

TOKEN = "a-token-for-tests"
MARKER = "FUZZ-"
"""Begins every tag that is held to a running host, so that a log line with any of them is recognised."""
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")

Expected = tuple[bool, str | None]
YES: Expected = (True, None)
UNAUTHORIZED: Expected = (False, "UNAUTHORIZED_RFID_TAG_ID")
EXPIRED: Expected = (False, "EXPIRED_RFID_TAG_ID")
UNKNOWN: Expected = (False, "UNKNOWN_RFID_TAG_ID")


def tags_of_every_kind(now: Instant) -> dict[str, tuple[Tag, Callable[[str], Expected]]]:
    """By id: the tag, and what it must be answered at a charger; good for two days around `now`."""
    hour, day = 3600 * TICKS_PER_SECOND, 86_400 * TICKS_PER_SECOND
    weekday = now.datetime.weekday()
    far = "; ".join(f"{_DAYS[(weekday + offset) % 7]} 00:00-24:00" for offset in (3, 4))
    near = "; ".join(f"{_DAYS[(weekday + offset) % 7]} 00:00-24:00" for offset in (-1, 0, 1))
    at_c1 = Places(charger_ids=frozenset({"C1"}))
    kinds: dict[str, tuple[dict[str, Any], Callable[[str], Expected]]] = {
        "FUZZ-GOOD": ({"tag_type": "RFID"}, lambda _: YES),
        "FUZZ-ÄÖ é": ({}, lambda _: YES),
        "FUZZ-" + "X" * 250: ({}, lambda _: YES),
        "FUZZ-BLOCKED": ({"is_blocked": True}, lambda _: UNAUTHORIZED),
        "FUZZ-ENDED": ({"valid_until": Instant(now - hour)}, lambda _: EXPIRED),
        "FUZZ-LATER": ({"valid_from": Instant(now + 2 * day)}, lambda _: UNAUTHORIZED),
        "FUZZ-NOW": ({"valid_from": Instant(now - hour), "valid_until": Instant(now + 2 * day)}, lambda _: YES),
        "FUZZ-ONLY-C1": ({"allowed": at_c1}, lambda charger: YES if charger == "C1" else UNAUTHORIZED),
        "FUZZ-NOT-C1": ({"denied": at_c1}, lambda charger: UNAUTHORIZED if charger == "C1" else YES),
        "FUZZ-DEPOT": (
            {"allowed": Places(prefixes=("DEPOT-",))},
            lambda charger: YES if charger.startswith("DEPOT-") else UNAUTHORIZED,
        ),
        "FUZZ-CLOSED": ({"hours": WeeklyHours.parse(far, "UTC")}, lambda _: UNAUTHORIZED),
        "FUZZ-OPEN": ({"hours": WeeklyHours.parse(near, "UTC")}, lambda _: YES),
    }
    made = {name.upper(): kind for name, kind in kinds.items()}
    return {name: (Tag(name, **columns), expected) for name, (columns, expected) in made.items()}


async def import_tags(connection_string: str, tags: Iterable[Tag]) -> None:
    """Make them the list in use."""
    tables = AzureTables.from_connection_string(connection_string)
    try:
        lists, now, listed = Lists(tables), Instant.now(), list(tags)
        await lists.switch(await lists.write(listed, now), len(listed), await lists.pointer(), now)
    finally:
        await tables.close()


async def decisions(connection_string: str) -> list[Mapping[str, Any]]:
    """All rows of AuthDecisions."""
    tables = AzureTables.from_connection_string(connection_string)
    try:
        names = [name for name in await tables.list_tables() if name.startswith("AuthDecisions")]
        return [stored.row for name in names async for stored in tables.query(name)]
    finally:
        await tables.close()


@dataclass(frozen=True)
class Answer:
    """What came back for one request."""

    status: int
    body: Any
    seconds: float


class Tapper:
    """Asks a running host, a few at a time."""

    def __init__(self, functions_url: str, at_once: int = 8, token: str = TOKEN) -> None:
        self._url = f"{functions_url}/api/realtime-auth"
        self._turns = asyncio.Semaphore(at_once)
        self._token = token
        self._client = httpx.AsyncClient(timeout=30, limits=httpx.Limits(max_connections=at_once))

    async def __aenter__(self) -> Self:
        """Connects with the first request."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def tap(self, id_tag: str, charger_id: str = "C1") -> Answer:
        """A well-formed question."""
        return await self.send(json.dumps({"charger_id": charger_id, "rfid_tag_id": id_tag}).encode())

    async def send(self, body: bytes, headers: Mapping[str, str | bytes] | None = None, method: str = "POST") -> Answer:
        """Any request; without headers it has the token. The time is without waiting for a turn."""
        async with self._turns:
            began = time.perf_counter()
            sent = {"Authorization": self._token} if headers is None else headers
            response = await self._client.request(method, self._url, content=body, headers=sent)
            seconds = time.perf_counter() - began
        return Answer(response.status_code, response.json() if response.content else None, seconds)
