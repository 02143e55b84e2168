"""The same event over Kafka, Service Bus and webhook, in any order, is one event."""

import asyncio
import os
import random
import time
from itertools import batched

import httpx
import pytest

from local.demo.stored import Stored
from shared.ingest.quarantine import QUARANTINE
from shared.ingest.rows import PUSH_EVENTS
from simulator import Fleet, disturb
from simulator.push import push_to_service_bus
from tests.crash.queue_front import QueueFront
from tests.crash.stored_rows import broken_promises, differences, plan_of, promised_rows
from tests.kafka.expected_rows import but_for_the_way
from tests.kafka.rig import KafkaRig
from tests.kafka.stream import poison_bodies, spread
from tests.kafka.waiting import until
from tests.kafka.ways import MOST_IN_A_BATCH, ways_into
from tests.order import rows
from tests.support.memory_tables import MemoryTables
from tests.support.tapping import TOKEN

MESSAGES = 240
ORDERS = int(os.environ.get("KAFKA_ORDERS", "20"))
REQUESTS_AT_ONCE = 8


@pytest.mark.slow
@pytest.mark.timeout(120)
async def test_a_host_that_is_told_everything_three_ways_stores_it_once(tmp_path, clean_rows):
    """A third comes first by each way, and then all of it by the two others, all three at the same time."""
    seed = int(os.environ.get("KAFKA_SEED") or time.time())
    chance = random.Random(seed)
    plan = plan_of(Fleet(seed=seed, chargers=20).take(MESSAGES), seed)
    expected = await clean_rows(plan.deliveries)
    thirds = [list(part) for part in batched(_shuffled(plan.deliveries, chance), -(-len(plan.deliveries) // 3))]

    with KafkaRig(tmp_path) as rig, QueueFront(rig.broker_connection, rig.queues[0]) as front:
        worker = rig.start_worker()
        worker.wait_until_ready()
        for turn in range(3):
            orders = [_shuffled(thirds[(way + turn) % 3], chance) for way in range(3)]
            await _tell(rig, worker, orders, chance)
            await until(lambda: rig.topic.is_worked_off() and not front.messages(), worker)
        found = promised_rows(rig.tables)
        dead_letters = front.dead_letters()

        assert differences(expected, but_for_the_way(found)) == [], f"KAFKA_SEED={seed}"
        assert broken_promises(plan, rig.tables, dead_letters) == [], f"KAFKA_SEED={seed}"
        assert QUARANTINE not in found
        events = Stored.read(rig.tables).rows(PUSH_EVENTS)
        assert {row["transport"] for row in events} == {"kafka", "servicebus", "webhook"}
        assert len(events) == len(plan.contents)
        assert rig.leaks() == []


@pytest.mark.parametrize("number", range(ORDERS))
async def test_any_order_of_ways_ends_in_the_same_rows(number):
    """Each message by two or three ways, some more than once, in batches of any size; poison is one row, too.

    KAFKA_ORDERS and KAFKA_SEED choose how many orders, and of what.
    """
    seed = f"{os.environ.get('KAFKA_SEED', '1')} {number}"
    chance = random.Random(seed)
    messages = Fleet(seed=number, chargers=5).take(40)
    bodies = [*disturb(messages, number, wrapped=0.0), *poison_bodies(1)]
    with ways_into(in_order := MemoryTables(), chance) as ways:
        await ways.over_service_bus(bodies)

    with ways_into(tables := MemoryTables(), chance) as ways:
        remaining = [(body, way) for body in bodies for way in _some_ways(ways, chance)]
        chance.shuffle(remaining)
        while remaining:
            size, way = chance.randint(1, MOST_IN_A_BATCH), remaining[0][1]
            together = [body for body, by in remaining[:size] if by == way]
            remaining = [one for one in remaining[:size] if one[1] != way] + remaining[size:]
            await way(together)
            if chance.random() < 0.3:
                await ways.work_off_queue()
        await ways.work_off_queue()

    expected, found = await rows.everything(in_order), await rows.everything(tables)
    assert rows.differences(but_for_the_way(found), but_for_the_way(expected)) == [], f"seed {seed}"
    assert len(found[QUARANTINE]) == len(poison_bodies(1))


async def _tell(rig, worker, orders, chance):
    """One order by each way, all at once."""
    by_kafka, by_service_bus, by_webhook = orders
    await asyncio.gather(
        asyncio.to_thread(rig.topic.send, list(spread(by_kafka, chance))),
        push_to_service_bus(rig.broker_connection, rig.queues[0], by_service_bus),
        _post(worker, by_webhook),
    )


async def _post(worker, bodies):
    turns = asyncio.Semaphore(REQUESTS_AT_ONCE)
    async with httpx.AsyncClient(base_url=worker.url, headers={"Authorization": TOKEN}, timeout=30) as client:

        async def post(body):
            async with turns:
                assert (await client.post("/api/push", content=body)).status_code == 200

        await asyncio.gather(*map(post, bodies))


def _shuffled(bodies, chance):
    return chance.sample(bodies, len(bodies))


def _some_ways(ways, chance):
    """Two or three of the ways, at times one of them twice."""
    all_ways = [ways.over_kafka, ways.over_service_bus, ways.over_webhook]
    return [*chance.sample(all_ways, chance.randint(2, 3)), *chance.sample(all_ways, chance.randint(0, 1))]
