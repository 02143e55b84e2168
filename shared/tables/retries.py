"""The one place where the table layer tries again: with growing, jittered pauses or as Retry-After says."""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Iterator
from typing import Final, TypeVar

from shared import telemetry
from shared.deadlines import Deadline
from shared.errors import StorageUnavailable
from shared.tables.faults import is_worth_retrying

FIRST_PAUSE_SECONDS: Final = 0.2
LONGEST_PAUSE_SECONDS: Final = 5.0

Answer = TypeVar("Answer")

_log = logging.getLogger(__name__)


def pauses_seconds() -> Iterator[float]:
    """Pauses that double from about 0.2 s up to at most 5 s, each between half and all of its step.

    The spread keeps the workers that met the same fault from coming back in the same moment.
    """
    step = 1.5 * FIRST_PAUSE_SECONDS
    while True:
        yield random.uniform(0.5, 1.0) * step  # noqa: S311  # spreads load, guards nothing
        step = min(2 * step, LONGEST_PAUSE_SECONDS)


async def again_after_pauses(
    attempt: Callable[[], Awaitable[Answer]], pause_seconds: Callable[[Exception], float | None]
) -> Answer:
    """Call `attempt` until it succeeds, or an error has no pause (None), which is raised.

    Nearly every call succeeds at once. A library's machinery around each was an eighth of what ingest costs.
    """
    while True:
        try:
            return await attempt()
        except Exception as error:
            pause = pause_seconds(error)
            if pause is None:
                raise
            _log.warning("asking again in %.2f s error=%s", pause, type(error).__name__)
        await asyncio.sleep(pause)


async def until_deadline(deadline: Deadline, attempt: Callable[[], Awaitable[Answer]]) -> Answer:
    """Call `attempt` until it succeeds, fails for good, or the next pause would end past the deadline.

    Raises the last error then.
    """
    pauses = pauses_seconds()

    def pause_seconds(error: Exception) -> float | None:
        if not is_worth_retrying(error):
            return None
        asked = error.retry_after_seconds if isinstance(error, StorageUnavailable) else None
        pause = max(next(pauses), asked or 0.0)
        if pause >= deadline.remaining_seconds:
            return None
        telemetry.TABLES_RETRIES.record(reason=type(error).__name__)
        return pause

    return await again_after_pauses(attempt, pause_seconds)
