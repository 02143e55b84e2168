"""The one place where the table layer tries again: with growing, jittered pauses or as Retry-After says."""

import random
from collections.abc import Awaitable, Callable, Iterator
from typing import Final, TypeVar

import stamina

from shared import telemetry
from shared.deadlines import Deadline
from shared.errors import StorageUnavailable
from shared.tables.faults import is_worth_retrying

FIRST_PAUSE_SECONDS: Final = 0.2
LONGEST_PAUSE_SECONDS: Final = 5.0

Answer = TypeVar("Answer")


def pauses_seconds() -> Iterator[float]:
    """Pauses that double from about 0.2 s up to at most 5 s, each between half and all of its step.

    The spread keeps the workers that met the same fault from coming back in the same moment.
    """
    step = 1.5 * FIRST_PAUSE_SECONDS
    while True:
        yield random.uniform(0.5, 1.0) * step  # noqa: S311  # spreads load, guards nothing
        step = min(2 * step, LONGEST_PAUSE_SECONDS)


async def until_deadline(deadline: Deadline, attempt: Callable[[], Awaitable[Answer]]) -> Answer:
    """Call `attempt` until it succeeds, fails for good, or the next pause would end past the deadline.

    Raises the last error then.
    """
    pauses = pauses_seconds()

    def pause_seconds(error: Exception) -> bool | float:
        if not is_worth_retrying(error):
            return False
        asked = error.retry_after_seconds if isinstance(error, StorageUnavailable) else None
        pause = max(next(pauses), asked or 0.0)
        if pause >= deadline.remaining_seconds:
            return False
        telemetry.TABLES_RETRIES.record(reason=type(error).__name__)
        return pause

    async for trial in stamina.retry_context(on=pause_seconds, attempts=None, timeout=None):
        with trial:
            answer = await attempt()
    return answer
