"""The worker is killed at random points of a stream: nothing is lost, nothing is doubled, and the rows are the same."""

import asyncio
import os
import random
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice

import pytest

from simulator import Fleet, oddities
from simulator.push import push_to_service_bus
from tests.crash.in_flight import Left, Traces, held_since, is_any_held, phases_hit, visible_events
from tests.crash.kill_points import Executioner, kill_points
from tests.crash.queue_front import QueueFront, most_deliveries
from tests.crash.rig import Rig, broker_connection, storage_connection
from tests.crash.stored_rows import COUNTED_ARRIVALS, broken_promises, differences, plan_of, promised_rows
from tests.crash.wiretap import Wiretap, pass_on_everything

POINTS = int(os.environ.get("CRASH_POINTS", "10"))
EVENTS = int(os.environ.get("CRASH_EVENTS", "600"))
LOCK_SECONDS = 3
"""Many times what a batch takes, and yet short enough to wait for."""
SPARED_FROM = 6
"""Deliveries in vain. Ten make a message a dead letter, as they should: that is for the broker to say, not for luck."""
PATIENCE_SECONDS = 120.0
LOOK_SECONDS = 2.0


@dataclass
class Killings:
    """What the lives of the workers came to."""

    kills: Counter = field(default_factory=Counter)
    left: Counter = field(default_factory=Counter)
    lives_that_left: Counter = field(default_factory=Counter)
    most_deliveries: int = 0
    spared: int = 0
    redelivered: set = field(default_factory=set)
    seconds: float = 0.0

    @property
    def has_hit_every_phase(self):
        """Whether workers died before they had archived something, before they had merged it, and before the end."""
        return set(self.left) == set(Left)


class Crashes:
    """Kills one worker after the other over a queue that is full, and looks at what each leaves behind."""

    def __init__(self, rig, storage_tap, broker_tap, front, events):
        self._rig = rig
        self._settings = {
            "EventStorage": storage_connection(storage_tap.port),
            "ServiceBusConnection": broker_connection(broker_tap.port),
        }
        self._storage_tap, self._broker_tap = storage_tap, broker_tap
        self._front = front
        self._events = events
        self._traces = Traces(frozenset(), frozenset())
        self.found = Killings()

    async def kill_workers(self, points, chance):
        """Kill so many, and up to as many again while a phase was not hit, as long as there are messages."""
        for number, point in enumerate(islice(kill_points(chance), 2 * points)):
            if number >= points and self.found.has_hit_every_phase:
                return
            if not await self.live_and_die(point):
                return
            await self.get_on_with_what_came_back_often()

    async def get_on_with_what_came_back_often(self):
        """Have the messages completed that were in many dying hands, once their locks have ended, and few others."""
        if most_deliveries(await asyncio.to_thread(self._front.messages)) < SPARED_FROM:
            return
        while is_any_held(await asyncio.to_thread(self._front.messages)):  # noqa: ASYNC110  # the broker tells nobody
            await asyncio.sleep(0.05)
        await self.live_on(lambda: most_deliveries(self._front.messages()) < SPARED_FROM)
        self.found.spared += 1

    async def live_and_die(self, point):
        """One worker's life; returns whether it came as far as the point, before the queue was empty.

        Raises ServiceEnded where the worker ends by itself.
        """
        began_at = datetime.now(UTC)
        worker = self._rig.start_worker(**self._settings)
        executioner = Executioner(worker.service, point)
        self._storage_tap.watch, self._broker_tap.watch = executioner.watch_storage, executioner.watch_broker
        while not await executioner.has_killed_within(LOOK_SECONDS):
            worker.service.check()
            if not await asyncio.to_thread(self._front.messages):
                worker.service.kill()
                return False
        messages, traces = await asyncio.gather(
            asyncio.to_thread(self._front.messages), asyncio.to_thread(Traces.read, self._rig.tables)
        )
        held = held_since(messages, began_at, LOCK_SECONDS)
        self._take_down(point, messages, phases_hit(held, self._events, self._traces, traces))
        self._traces = traces
        return True

    def _take_down(self, point, messages, left):
        found = self.found
        found.kills[point.phase] += 1
        found.left += left
        found.lives_that_left.update(left.keys())
        found.most_deliveries = max(found.most_deliveries, most_deliveries(messages))
        found.redelivered |= {message.sequence_number for message in messages if message.delivery_count}

    async def live_on(self, is_done):
        """A worker to which nothing happens until it is done; then it is killed at whatever it is about."""
        self._storage_tap.watch = self._broker_tap.watch = pass_on_everything
        worker = self._rig.start_worker(**self._settings)
        give_up_at = time.monotonic() + PATIENCE_SECONDS
        while not await asyncio.to_thread(is_done):
            assert time.monotonic() < give_up_at, worker.service.last_lines()
            await asyncio.sleep(0.05)
        worker.service.kill()


@pytest.mark.slow
@pytest.mark.timeout(180 + 20 * POINTS)
async def test_a_worker_killed_at_random_points_loses_and_doubles_nothing(tmp_path, clean_run):
    """What it had not completed comes again when its locks end, and meets whatever is there of it already.

    CRASH_POINTS, CRASH_EVENTS and CRASH_SEED choose how often, in how many events, and where.
    """
    seed = int(os.environ.get("CRASH_SEED") or time.time())
    plan = plan_of([*Fleet(seed=seed, chargers=100).take(EVENTS), *oddities(seed, count=3)], seed)
    expected = await clean_run.rows_after(plan.deliveries)

    with Rig(tmp_path, lock_seconds=LOCK_SECONDS) as rig:
        await push_to_service_bus(rig.broker_connection, rig.queues[0], plan.deliveries)
        async with Wiretap(rig.storage_port) as storage_tap, Wiretap(rig.broker_port) as broker_tap:
            with QueueFront(rig.broker_connection, rig.queues[0]) as front:
                crashes = Crashes(rig, storage_tap, broker_tap, front, visible_events(plan.deliveries))
                began = time.monotonic()
                await crashes.kill_workers(POINTS, random.Random(seed))
                await crashes.live_on(lambda: not front.messages())
                dead_letters = front.dead_letters()
        crashes.found.seconds = time.monotonic() - began
        sys.stdout.write(summary(seed, plan, crashes.found))

        assert dead_letters == 0
        assert broken_promises(plan, rig.tables, dead_letters, COUNTED_ARRIVALS) == [], f"CRASH_SEED={seed}"
        assert differences(expected, promised_rows(rig.tables)) == [], f"CRASH_SEED={seed}"
        assert rig.leaks() == []
        assert crashes.found.kills.total() >= POINTS, "the stream was too short for so many kills"
        assert crashes.found.has_hit_every_phase, f"CRASH_SEED={seed}"


def summary(seed, plan, found):
    """What `make crash` shows."""
    kills = ", ".join(f"{count} {phase}" for phase, count in sorted(found.kills.items()))
    left = ", ".join(f"{found.left[kind]} {kind} (in {found.lives_that_left[kind]} lives)" for kind in Left)
    return (
        f"\n{found.kills.total()} kills in {found.seconds:.0f} s (CRASH_SEED={seed}): {kills}\n"
        f"  {len(plan.deliveries):,} deliveries of {plan.events_by_type.total():,} events; at the kills, "
        f"of what the worker held and storage can tell of: {left}\n"
        f"  {len(found.redelivered):,} messages came again, one of them {found.most_deliveries} times at most; "
        f"{found.spared} workers were spared for a while\n"
    )
