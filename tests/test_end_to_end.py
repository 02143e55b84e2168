"""Through the broker, the host and the tables, each a process of its own: what is stored is what was sent."""

import asyncio
import os
import re
import time

import httpx
import pytest

from local.demo.expectations import check
from local.demo.queue import QueueWatch
from local.demo.stored import Stored
from local.stack import Stack
from simulator import Fleet, oddities
from simulator.push import push_to_service_bus
from tests.crash.stored_rows import plan_of
from tests.support.leaks import leaking_lines

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

PATIENCE_SECONDS = 120.0
OUTAGE_SECONDS = 10.0


@pytest.fixture
def stack_of(tmp_path):
    """Makes a stack of its own for a test, with settings."""

    def make(**settings):
        environment = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("EventStorage", "ServiceBusConnection"))
        }
        return Stack(run_folder=tmp_path, environment=environment | {"EVENT_RETENTION_MONTHS": "0"} | settings)

    return make


def _push(stack, deliveries):
    asyncio.run(push_to_service_bus(stack.service_bus_connection, stack.queue, deliveries))


def _wait_until(stack, condition):
    patience_ends = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        stack.check()
        assert time.monotonic() < patience_ends, stack.output("functions")[-2000:]
        time.sleep(0.05)


def _outage(stack, deliveries):
    """Storage stands still for a while, and messages keep coming."""
    stack.pause("storage")
    try:
        paused_at = time.monotonic()
        _push(stack, deliveries)
        time.sleep(max(0.0, OUTAGE_SECONDS - (time.monotonic() - paused_at)))
    finally:
        stack.resume("storage")


def _broken_promises(stack, plan):
    with QueueWatch(stack.service_bus_connection, stack.queue) as queue:
        _wait_until(stack, lambda: queue.waiting() == 0)
        dead_letters = queue.dead_letters()
    expectations = check(plan, Stored.read(stack.event_storage), dead_letters)
    return [(broken.promise, broken.differences) for broken in expectations if not broken.holds]


def test_two_thousand_messages_and_an_outage_of_storage_lose_nothing(stack_of):
    """Repeats, disorder and poison among them; the outage is ridden out and puts nothing into quarantine."""
    plan = plan_of([*Fleet(seed=3, chargers=200).take(2000), *oddities(3, count=2)], seed=3)
    middle = len(plan.deliveries) // 2

    with stack_of() as stack:
        _push(stack, plan.deliveries[:middle])
        _wait_until(stack, lambda: "ingest deliveries=" in stack.output("functions"))
        _outage(stack, plan.deliveries[middle:])

        assert _broken_promises(stack, plan) == []
        assert "Traceback" not in stack.output("functions"), "an invocation failed instead of waiting"
        durations_ms = [float(text) for text in re.findall(r"duration_ms=([\d.]+)", stack.output("functions"))]
        assert max(durations_ms) > 500 * OUTAGE_SECONDS, "no invocation met the outage"
        assert leaking_lines(stack.output("functions")) == []


def test_an_outage_that_lasts_gives_batches_back_and_they_come_again(stack_of):
    """The deadline ends in the middle of the outage: the batch is abandoned, redelivered and stored."""
    plan = plan_of(Fleet(seed=4, chargers=30).take(300), seed=4)

    with stack_of(INGEST_DEADLINE_SECONDS="2") as stack:
        _push(stack, plan.deliveries[:100])
        _wait_until(stack, lambda: "ingest deliveries=" in stack.output("functions"))
        _outage(stack, plan.deliveries[100:])

        assert _broken_promises(stack, plan) == []
        assert "StorageUnavailable" in stack.output("functions"), "the outage was not noticed"


def test_the_host_serves_health_and_runs_the_nightly_timer_now(stack_of):
    """The other two functions, over the real socket and the host's admin route."""
    with stack_of() as stack:
        answer = httpx.get(f"{stack.functions_url}/api/health")
        assert (answer.status_code, answer.json()) == (200, {"status": "ok"})

        fired = httpx.post(f"{stack.functions_url}/admin/functions/drop_expired_tables", json={"input": ""})
        assert fired.status_code == 202

        _wait_until(stack, lambda: "retention dropped nothing months_kept=0" in stack.output("functions"))
