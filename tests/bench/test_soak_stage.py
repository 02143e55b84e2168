"""What goes on beside a soak's load."""

import asyncio

import pytest

from bench.soak_progress import Progress
from bench.soak_stage import beside


async def test_work_beside_ends_with_the_block():
    """It has no end of its own."""
    progress, samples = Progress(), []

    async with beside(progress.sample_waiting(samples)):
        await asyncio.sleep(0)
    count = len(samples)
    await asyncio.sleep(0)

    assert count == len(samples) == 1
    assert {asyncio.current_task()} == asyncio.all_tasks()


async def test_work_beside_that_failed_fails_the_block():
    """A soak whose memory nobody looked at has found nothing."""

    async def fail():
        raise OSError("the process is gone")

    with pytest.raises(OSError, match="the process is gone"):
        async with beside(fail(), Progress().sample_waiting([])):
            await asyncio.sleep(0)
    assert {asyncio.current_task()} == asyncio.all_tasks()


async def test_who_waits_goes_on_once_enough_is_stored():
    """As the app's log tells."""
    progress = Progress()
    progress.send(10, due_at_seconds=0.0)
    waiting = asyncio.create_task(progress.at_most_waiting(4))
    await asyncio.sleep(0)
    assert not waiting.done()

    progress.read("ingest deliveries=6 stored=none", seen_at_seconds=1.0)

    await asyncio.wait_for(waiting, 5)
