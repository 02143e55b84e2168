"""How long the event loop is held without a break, which is how long a tap waits that comes just then.

Everything that asyncio runs between two looks at its sockets and timers goes through `Handle._run`; while `stretches`
lasts, each of these runs is timed. The run in which the block begins is not: what is to be timed belongs into a task.
"""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch


@contextmanager
def stretches() -> Iterator[list[float]]:
    """The milliseconds of each run of a task or a callback, in order, of those that begin within the block."""
    milliseconds: list[float] = []
    run = asyncio.Handle._run  # noqa: SLF001  # there is no public way to time what a loop runs

    def run_timed(handle: asyncio.Handle) -> None:
        begun_at_seconds = time.perf_counter()
        run(handle)
        milliseconds.append((time.perf_counter() - begun_at_seconds) * 1000)

    with patch.object(asyncio.Handle, "_run", run_timed):
        yield milliseconds
