"""Two workers over the same tables, each with its own order of the same messages, end in the rows of one worker."""

import asyncio
import os
import random
import re
import time
from contextlib import ExitStack

import pytest

from simulator import Fleet
from simulator.push import push_to_service_bus
from tests.crash.queue_front import QueueFront
from tests.crash.rig import Rig
from tests.crash.stored_rows import differences, promised_rows

ROUNDS = int(os.environ.get("WORKER_ROUNDS", "2"))
CHARGERS = 20
"""Few, so that both workers are at the same rows nearly all the time."""
MESSAGES_A_ROUND = 200
PATIENCE_SECONDS = 60.0
QUEUES = {"one queue": ("push-events",), "a queue each": ("push-events-one", "push-events-other")}


@pytest.mark.slow
@pytest.mark.timeout(120 + 40 * ROUNDS)
@pytest.mark.parametrize("queues", QUEUES.values(), ids=QUEUES)
async def test_two_workers_end_in_the_rows_of_one(tmp_path, clean_run, queues):
    """Round after round both work on the same sessions and sockets, with what they remember of the rounds before.

    On one queue every message comes twice, to whichever worker takes it: there an update that overwrites the other's
    is lost for good. With a queue each, both get all of them, so that everything is done twice, at about the same time.
    WORKER_ROUNDS and WORKER_SEED choose how many rounds, and of what.
    """
    seed = int(os.environ.get("WORKER_SEED") or time.time())
    chance = random.Random(seed)
    bodies = [message.body for message in Fleet(seed=seed, chargers=CHARGERS).take(ROUNDS * MESSAGES_A_ROUND)]

    with Rig(tmp_path, queues=queues) as rig, ExitStack() as opened:
        workers = [rig.start_worker(PUSH_EVENTS_QUEUE=queue) for queue in (queues[0], queues[-1])]
        fronts = [opened.enter_context(QueueFront(rig.broker_connection, queue)) for queue in queues]
        for worker in workers:
            worker.wait_until_ready()
        for first in range(0, len(bodies), MESSAGES_A_ROUND):
            together = bodies[first : first + MESSAGES_A_ROUND]
            orders = [chance.sample(together, len(together)) for _ in workers]
            await _send(rig, orders)
            await _until_empty(fronts, workers)
            expected = await clean_run.rows_after(together)
            found = await asyncio.to_thread(promised_rows, rig.tables)
            assert differences(expected, found) == [], f"round {first // MESSAGES_A_ROUND + 1}, WORKER_SEED={seed}"

        assert [front.dead_letters() for front in fronts] == [0] * len(fronts)
        assert all(_events_stored(worker) for worker in workers), "one worker did all the work"
        assert rig.leaks() == []


async def _send(rig, orders):
    """Each order into the queue of its worker; two for one queue alternate."""
    if len(rig.queues) == 1:
        orders = [[body for pair in zip(*orders, strict=True) for body in pair]]
    await asyncio.gather(
        *(
            push_to_service_bus(rig.broker_connection, queue, order)
            for queue, order in zip(rig.queues, orders, strict=True)
        )
    )


async def _until_empty(fronts, workers):
    give_up_at = time.monotonic() + PATIENCE_SECONDS
    while any([await asyncio.to_thread(front.messages) for front in fronts]):
        assert time.monotonic() < give_up_at, [worker.service.last_lines() for worker in workers]
        await asyncio.sleep(0.05)


def _events_stored(worker):
    """How many events a worker was the first to store."""
    lines = re.findall(r"ingest deliveries=\d+ stored=(\S+)", worker.output)
    return sum(int(count) for line in lines for count in re.findall(r":(\d+)", line))
