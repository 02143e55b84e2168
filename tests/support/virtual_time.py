"""An event loop on which waiting costs nothing: where nothing can be done, its clock jumps to what is due next."""

import asyncio
import random
import selectors
import time
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import pytest

from shared.instants import Instant
from shared.tables import retries

Result = TypeVar("Result")

_LONGEST_PAUSE_SECONDS = 60.0


class _JumpingSelector(selectors.DefaultSelector):
    """Moves the clock on instead of waiting. A loop in which nothing will ever happen again is a test's fault."""

    def __init__(self) -> None:
        super().__init__()
        self.now_seconds = 1_000_000.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """What is ready at once; the time that was to be waited has passed when this returns."""
        ready = super().select(0)
        if not ready:
            if timeout is None:
                raise RuntimeError("everything waits for something that is not going to happen")
            self.now_seconds += max(0.0, timeout)
        return ready


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """An event loop with a clock of its own."""

    def __init__(self) -> None:
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)

    def time(self) -> float:
        """Seconds on the virtual clock."""
        return self._jumping.now_seconds


def run_in_virtual_time(main: Callable[[], Coroutine[Any, Any, Result]], now: Instant) -> Result:
    """Run a test's coroutine while the process's monotonic clocks are the loop's, and `Instant.now()` is `now`.

    Pauses between attempts have no jitter, so that a run is the same every time, and go on growing, so that an outage
    is not a hundred attempts.
    """
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner, pytest.MonkeyPatch.context() as patch:
        loop = runner.get_loop()
        patch.setattr(time, "monotonic", loop.time)
        patch.setattr(time, "perf_counter", loop.time)
        patch.setattr(Instant, "now", classmethod(lambda _: now))
        patch.setattr(random, "uniform", _longest)
        patch.setattr(retries, "LONGEST_PAUSE_SECONDS", _LONGEST_PAUSE_SECONDS)
        return runner.run(main())


def _longest(_least: float, most: float) -> float:
    return most
