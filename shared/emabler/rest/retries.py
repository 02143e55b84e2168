"""The one place where a call to eMabler is made again: a few times, with jittered pauses or as Retry-After says."""

from collections.abc import Awaitable, Callable
from itertools import islice
from typing import Final, TypeVar

from shared.emabler.rest.errors import EmablerUnavailable, RateLimited
from shared.emabler.rest.limits import RunLimits
from shared.tables.retries import again_after_pauses, pauses_seconds

MAX_ATTEMPTS: Final = 4
"""Calls for one question. What lasts longer than these pauses is for the next run."""

Result = TypeVar("Result")


async def with_retries(limits: RunLimits, attempt: Callable[[], Awaitable[Result]], *, is_read: bool) -> Result:
    """Call `attempt` until it succeeds, fails for good, or the next pause would end past the deadline.

    Each call is taken from the run's budget. A write is repeated only where eMabler surely did not carry it out.
    Raises the last error then.
    """
    pauses = islice(pauses_seconds(), MAX_ATTEMPTS - 1)

    def pause_seconds(error: Exception) -> float | None:
        if not isinstance(error, EmablerUnavailable | RateLimited) or not (is_read or _was_not_done(error)):
            return None
        own_pause = next(pauses, None)
        if own_pause is None:
            return None
        pause = max(own_pause, error.retry_after_seconds or 0.0)
        return pause if pause < limits.deadline.remaining_seconds else None

    def call() -> Awaitable[Result]:
        limits.spend_call()
        return attempt()

    return await again_after_pauses(call, pause_seconds)


def _was_not_done(error: EmablerUnavailable | RateLimited) -> bool:
    return isinstance(error, RateLimited) or not error.was_sent
