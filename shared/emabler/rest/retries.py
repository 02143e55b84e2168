"""The one place where a call to eMabler is made again: a few times, with jittered pauses or as Retry-After says."""

from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

import stamina

from shared.emabler.rest.errors import EmablerUnavailable, RateLimited
from shared.emabler.rest.limits import RunLimits
from shared.tables.retries import pauses_seconds

MAX_ATTEMPTS: Final = 4
"""Calls for one question. What lasts longer than these pauses is for the next run."""

Result = TypeVar("Result")


async def with_retries(limits: RunLimits, attempt: Callable[[], Awaitable[Result]], *, is_read: bool) -> Result:
    """Call `attempt` until it succeeds, fails for good, or the next pause would end past the deadline.

    Each call is taken from the run's budget. A write is repeated only where eMabler surely did not carry it out.
    Raises the last error then.
    """
    pauses = pauses_seconds()

    def pause_seconds(error: Exception) -> bool | float:
        if not isinstance(error, EmablerUnavailable | RateLimited) or not (is_read or _was_not_done(error)):
            return False
        pause = max(next(pauses), error.retry_after_seconds or 0.0)
        return pause if pause < limits.deadline.remaining_seconds else False

    async for trial in stamina.retry_context(on=pause_seconds, attempts=MAX_ATTEMPTS, timeout=None):
        with trial:
            limits.spend_call()
            result = await attempt()
    return result


def _was_not_done(error: EmablerUnavailable | RateLimited) -> bool:
    return isinstance(error, RateLimited) or not error.was_sent
