"""Waiting for what workers bring about, and no longer than one of them lives."""

import asyncio
import time
from collections.abc import Callable

from tests.crash.rig import Worker

PATIENCE_SECONDS = 60.0
_GLANCE_SECONDS = 0.005


async def until(condition: Callable[[], object], *workers: Worker) -> None:
    """Return when the condition holds; it is asked in a thread, as it may ask a server.

    Raises ServiceEnded where a worker ends by itself, and AssertionError after a minute.
    """
    give_up_at = time.monotonic() + PATIENCE_SECONDS
    while not await asyncio.to_thread(condition):
        for worker in workers:
            worker.service.check()
        assert time.monotonic() < give_up_at, [worker.service.last_lines() for worker in workers]
        await asyncio.sleep(_GLANCE_SECONDS)
