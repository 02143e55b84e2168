"""How long a loop is held."""

import asyncio
import time

from bench.stretches import stretches


async def _hold(seconds):
    begun_at_seconds = time.perf_counter()
    while time.perf_counter() - begun_at_seconds < seconds:
        pass


async def test_working_holds_the_loop_and_waiting_does_not():
    """The longest stretch is the work, however long was waited before."""
    with stretches() as milliseconds:
        await asyncio.sleep(0.2)
        await asyncio.create_task(_hold(0.05))

    assert 50 <= max(milliseconds) < 200


async def test_nothing_is_timed_after_the_block():
    """The loop runs as before."""
    with stretches() as milliseconds:
        await asyncio.sleep(0)
    await asyncio.sleep(0)  # the run in which the block ended is timed still
    count = len(milliseconds)
    await asyncio.sleep(0)

    assert len(milliseconds) == count
