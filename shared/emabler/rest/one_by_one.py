"""Asking for many things one by one, a few at a time, so that one bad thing does not cost the others."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from contextlib import aclosing
from http import HTTPStatus
from typing import Final

from shared.emabler.rest.errors import EmablerUnavailable, PermissionMissing
from shared.emabler.rest.listings import Ended, Tally
from shared.emabler.rest.reading import Row
from shared.errors import EmablerError, Unacceptable

OUTAGE_AFTER: Final = 3
"""So many failures in a row that may be eMabler's, and they are, unless who answered before answers still: then the
run ends with the last one."""


async def one_by_one(
    ids: Iterable[str], ask: Callable[[str], Awaitable[Row]], concurrency: int, tally: Tally
) -> AsyncGenerator[Row, None]:
    """The answers in the order of the ids, each asked for once; an id without an answer is in the tally's failures.

    Raises what the ids cannot be blamed for: credentials, rate limit, the run's limits, an outage.
    """
    failures_in_a_row = 0
    answered_id: str | None = None
    async with aclosing(_outcomes(dict.fromkeys(ids), ask, concurrency)) as outcomes:
        async for charger_id, outcome in outcomes:
            if not isinstance(outcome, EmablerError):
                failures_in_a_row = 0
                answered_id = charger_id
                tally.rows += 1
                yield outcome
                continue
            tally.failures[charger_id] = outcome
            failures_in_a_row = failures_in_a_row + 1 if _may_be_an_outage(outcome) else 0
            if failures_in_a_row == OUTAGE_AFTER:
                if answered_id is None or not await _answers(answered_id, ask):
                    raise outcome
                failures_in_a_row = 0
    tally.ended = Ended.LAST_PAGE


async def _answers(charger_id: str, ask: Callable[[str], Awaitable[Row]]) -> bool:
    try:
        await ask(charger_id)
    except (Unacceptable, EmablerUnavailable, PermissionMissing):
        return False
    return True


def _may_be_an_outage(error: EmablerError) -> bool:
    """Not 500, and not what one thing alone can have: v1 answers a wrong id with an error it does not document."""
    if isinstance(error, EmablerUnavailable):
        return error.status != HTTPStatus.INTERNAL_SERVER_ERROR
    return isinstance(error, PermissionMissing)


async def _outcomes(
    ids: Iterable[str], ask: Callable[[str], Awaitable[Row]], concurrency: int
) -> AsyncGenerator[tuple[str, Row | EmablerError], None]:
    """Each id with its answer or its own failure; other errors are raised, and what is still under way is stopped."""

    async def outcome(charger_id: str) -> tuple[str, Row | EmablerError]:
        try:
            return charger_id, await ask(charger_id)
        except (Unacceptable, EmablerUnavailable, PermissionMissing) as error:
            return charger_id, error

    under_way: deque[asyncio.Task[tuple[str, Row | EmablerError]]] = deque()
    try:
        for charger_id in ids:
            under_way.append(asyncio.create_task(outcome(charger_id)))
            if len(under_way) == concurrency:
                yield await under_way.popleft()
        while under_way:
            yield await under_way.popleft()
    finally:
        for task in under_way:
            task.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)
