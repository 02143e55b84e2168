"""Storage is gone for a while under load: messages wait for it, drivers do not."""

import asyncio
import os
import statistics
import sys
import time
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import pytest

from shared.authorization.tags import Tag
from simulator import Fleet
from simulator.push import push_to_service_bus
from tests.crash.queue_front import QueueFront, most_deliveries
from tests.crash.rig import Rig
from tests.crash.stored_rows import broken_promises, plan_of
from tests.support.tapping import MARKER, Tapper, decisions, import_tags

OUTAGE_SECONDS = float(os.environ.get("OUTAGE_SECONDS", "8"))
DEADLINE_SECONDS = 0.8
"""REALTIME_AUTH_DEADLINE_MS where nothing else is set."""
ROUND_TRIP_SECONDS = 0.2
"""What the host and this client may add to the app's own deadline, on a machine that is busy with both."""
STANDSTILL_SECONDS = 4.0
"""Far over the deadline, for a machine that stands still for a moment, and far under what storage takes here."""
TAPS_PER_SECOND = 20
MESSAGES_PER_SECOND = 40
BEFORE_AND_AFTER_SECONDS = 4
PATIENCE_SECONDS = 120.0
GOOD = [f"{MARKER}GOOD-{number}" for number in range(10)]
BLOCKED = f"{MARKER}BLOCKED"


@dataclass
class Witnessed:
    """What was seen from outside."""

    front: QueueFront
    answers: list = field(default_factory=list)
    """Pairs: whether the tag is a good one, and what was answered."""
    most_deliveries: int = 0
    dead_letters: int = 0
    caught_up_seconds: float = 0.0

    def messages_left(self):
        """How many messages the queue holds, 250 at most; how often they came in vain is taken down."""
        messages = self.front.messages()
        self.most_deliveries = max(self.most_deliveries, most_deliveries(messages))
        return len(messages)


class Drivers:
    """Tap at a steady pace, whether or not the ones before have their answers."""

    def __init__(self, tapper, witnessed):
        self._tapper = tapper
        self._witnessed = witnessed

    @asynccontextmanager
    async def tapping(self):
        """Taps for as long as the block lasts; all have their answers after it."""
        pace = asyncio.create_task(self._keep_tapping())
        try:
            yield
        finally:
            pace.cancel()
            with suppress(asyncio.CancelledError):
                await pace

    async def _keep_tapping(self):
        async with asyncio.TaskGroup() as taps:
            began, number = time.monotonic(), 0
            with suppress(asyncio.CancelledError):
                while True:
                    taps.create_task(self._tap(number))
                    number += 1
                    await asyncio.sleep(max(0.0, began + number / TAPS_PER_SECOND - time.monotonic()))

    async def _tap(self, number):
        """Mostly good tags, some that are blocked, and some that nobody has seen before."""
        kinds = {3: BLOCKED, 7: f"{MARKER}NEVER-SEEN-{number}"}
        tag = kinds.get(number % 10, GOOD[number % 10])
        self._witnessed.answers.append((tag in GOOD, await self._tapper.tap(tag)))


@asynccontextmanager
async def _standing_still(rig):
    """Storage hangs: connections stay open, and nothing answers."""
    rig.storage.pause()
    try:
        yield
    finally:
        rig.storage.resume()


@asynccontextmanager
async def _refusing(rig):
    """Storage is down: every connection is refused, until it comes back with all it had confirmed."""
    await asyncio.to_thread(rig.stop_storage)
    yield
    await asyncio.to_thread(rig.start_storage)


@pytest.mark.slow
@pytest.mark.timeout(300 + 4 * OUTAGE_SECONDS)
async def test_an_outage_shorter_than_the_deadline_costs_no_delivery(tmp_path):
    """Storage stands still; the batch waits inside its invocation, and no message is given back.

    OUTAGE_SECONDS chooses for how long; INGEST_DEADLINE_SECONDS is its default of two minutes.
    """
    witnessed = await _live_through(tmp_path, _standing_still, {})

    assert witnessed.most_deliveries == 0
    _assert_taps_in_time(witnessed)


@pytest.mark.slow
@pytest.mark.timeout(300 + 4 * OUTAGE_SECONDS)
async def test_an_outage_longer_than_the_deadline_is_survived_within_the_deliveries_of_the_queue(tmp_path):
    """Storage refuses for four deadlines; each costs a delivery, ten would make dead letters, and none is one."""
    deadline_seconds = OUTAGE_SECONDS / 4
    settings = {"INGEST_DEADLINE_SECONDS": f"{deadline_seconds:g}"}
    witnessed = await _live_through(tmp_path, _refusing, settings)

    assert 1 <= witnessed.most_deliveries <= 5
    _assert_taps_in_time(witnessed)


async def _live_through(folder, outage, settings):
    """Messages and taps before, in and after an outage; returns what was seen, after all promises were looked at."""
    messages = round((OUTAGE_SECONDS + 2 * BEFORE_AND_AFTER_SECONDS) * MESSAGES_PER_SECOND)
    plan = plan_of(Fleet(seed=11, chargers=50).take(messages), seed=11)
    with Rig(folder) as rig, QueueFront(rig.broker_connection, rig.queues[0]) as front:
        worker = rig.start_worker(**settings)
        worker.wait_until_ready()
        witnessed = Witnessed(front)
        async with _drivers_tapping(rig, worker, witnessed):
            sending = asyncio.create_task(
                push_to_service_bus(
                    rig.broker_connection, rig.queues[0], plan.deliveries, messages_per_second=MESSAGES_PER_SECOND
                )
            )
            await _until(lambda: "ingest deliveries=" in worker.output, worker)
            async with outage(rig):
                await _until(_clock_of(OUTAGE_SECONDS, witnessed), worker)
            ended_at = time.monotonic()
            await sending
            await _until(lambda: witnessed.messages_left() == 0, worker)
            witnessed.caught_up_seconds = time.monotonic() - ended_at
        witnessed.dead_letters = front.dead_letters()
        sys.stdout.write(summary(witnessed))

        assert broken_promises(plan, rig.tables, witnessed.dead_letters) == []
        await _until_kept(rig, len(GOOD) + 1 + len(witnessed.answers))
        assert rig.leaks() == []
    return witnessed


@asynccontextmanager
async def _drivers_tapping(rig, worker, witnessed):
    """Drivers tap while the block lasts; every tag but those that nobody has seen was tapped before it began."""
    await import_tags(rig.tables, [*map(Tag, GOOD), Tag(BLOCKED, is_blocked=True)])
    async with Tapper(worker.url, at_once=2 * TAPS_PER_SECOND) as tapper:
        for tag in (*GOOD, BLOCKED):
            await tapper.tap(tag)
        await _until_kept(rig, len(GOOD) + 1)
        async with Drivers(tapper, witnessed).tapping():
            yield


def _clock_of(seconds, witnessed):
    """A condition that comes true after so many seconds, and meanwhile looks at the queue."""
    end = time.monotonic() + seconds

    def is_over():
        witnessed.messages_left()
        return time.monotonic() >= end

    return is_over


async def _until(condition, worker):
    give_up_at = time.monotonic() + PATIENCE_SECONDS
    while not await asyncio.to_thread(condition):
        assert time.monotonic() < give_up_at, worker.service.last_lines()
        await asyncio.sleep(0.05)


async def _until_kept(rig, taps):
    """Every answer is in the tables, each once."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while (kept := len(await decisions(rig.tables))) < taps:  # noqa: ASYNC110  # not our process
            await asyncio.sleep(0.2)
    assert kept == taps


def _assert_taps_in_time(witnessed):
    assert {answer.status for _, answer in witnessed.answers} == {200}
    assert [
        answer.body for is_good, answer in witnessed.answers if answer.body["charging_allowed"] is not is_good
    ] == []
    seconds = sorted(answer.seconds for _, answer in witnessed.answers)
    assert seconds[-1] <= STANDSTILL_SECONDS
    assert seconds[len(seconds) * 9 // 10] <= DEADLINE_SECONDS + ROUND_TRIP_SECONDS


def summary(witnessed):
    """What `make outage` shows."""
    milliseconds = sorted(answer.seconds * 1000 for _, answer in witnessed.answers)
    centiles = statistics.quantiles(milliseconds, n=100)
    in_time = sum(taken <= (DEADLINE_SECONDS + ROUND_TRIP_SECONDS) * 1000 for taken in milliseconds)
    return (
        f"\n{OUTAGE_SECONDS:.0f} s without storage: {len(milliseconds):,} taps answered, "
        f"{in_time / len(milliseconds):.2%} within {DEADLINE_SECONDS + ROUND_TRIP_SECONDS:g} s; "
        f"p50 {centiles[49]:.0f}, p99 {centiles[98]:.0f}, slowest {milliseconds[-1]:.0f} ms\n"
        f"  a message was given back {witnessed.most_deliveries} times at most, {witnessed.dead_letters} dead letters; "
        f"all stored {witnessed.caught_up_seconds:.1f} s after the end\n"
    )
