"""Retry policies: how often, and how long in between."""

import asyncio
import random
from datetime import timedelta
from types import SimpleNamespace

import pytest

from local.functions_host.retry_policy import RetryPolicy, invoke_with_retries
from local.functions_host.worker import IndexedFunction, Outcome, index_app

FIXED = SimpleNamespace(retry_strategy="fixed_delay", max_retry_count=2, delay_interval=timedelta(0))
BACK_OFF = SimpleNamespace(
    retry_strategy="exponential_backoff",
    max_retry_count=-1,
    minimum_interval=timedelta(seconds=1),
    maximum_interval=timedelta(seconds=30),
)


def function(retry_options):
    """A function with such a policy."""
    return IndexedFunction("push_events_kafka", "1", (), retry_options)


class Failing:
    """An invocation that fails so often."""

    def __init__(self, times):
        self._left = times
        self.counts = []

    async def invoke(self, _function, _data, _metadata, retry_count, max_retry_count):
        """As `worker.invoke`."""
        self.counts.append((retry_count, max_retry_count))
        self._left -= 1
        return Outcome(succeeded=self._left < 0)


@pytest.mark.parametrize(
    ("options", "failures", "counts", "succeeds"),
    [
        (None, 1, [(0, 0)], False),
        (FIXED, 0, [(0, 2)], True),
        (FIXED, 2, [(0, 2), (1, 2), (2, 2)], True),
        (FIXED, 9, [(0, 2), (1, 2), (2, 2)], False),
    ],
)
async def test_a_function_is_called_as_often_as_its_policy_says(options, failures, counts, succeeds):
    """Once, and the retries; each call is told which it is."""
    failing = Failing(failures)

    outcome = await invoke_with_retries(function(options), None, {}, failing.invoke, asyncio.Event())

    assert failing.counts == counts
    assert outcome.succeeded is succeeds


def test_delays_grow_to_the_maximum():
    """About two, three, five times the minimum, and so on: a fifth more or less of what is added each time."""
    policy, chance = RetryPolicy.of(function(BACK_OFF)), random.Random(1)

    for retries, middle in enumerate([2, 3, 5, 9, 17]):
        delays = [policy.delay_seconds(retries, chance) for _ in range(200)]
        added = middle - 1
        assert middle - 0.2 * added <= min(delays) < max(delays) <= middle + 0.2 * added
    assert policy.delay_seconds(10_000, chance) == 30


def test_a_fixed_delay_stays():
    """Whatever came before."""
    policy = RetryPolicy.of(function(FIXED.__class__(**vars(FIXED) | {"delay_interval": timedelta(seconds=7)})))

    assert {policy.delay_seconds(retries, random.Random(1)) for retries in range(9)} == {7}


@pytest.mark.parametrize("retries", [0, 10_000])
def test_minus_one_has_no_end(retries):
    """An outage is nobody's fault."""
    assert RetryPolicy.of(function(BACK_OFF)).allows(retries)


async def test_a_stop_ends_the_waiting():
    """With the failure that was there."""
    stopping = asyncio.Event()
    stopping.set()
    failing = Failing(5)

    outcome = await invoke_with_retries(function(BACK_OFF), None, {}, failing.invoke, stopping)

    assert (outcome.succeeded, failing.counts) == (False, [(0, -1)])


def test_the_policy_comes_from_the_app(kafka_app, monkeypatch):
    """As its decorator says, through the runtime library's own indexing."""
    monkeypatch.setenv("SAMPLE_RETRIES", "4")

    (indexed,) = index_app(kafka_app)

    assert RetryPolicy.of(indexed) == RetryPolicy(max_retry_count=4, minimum_seconds=1, maximum_seconds=1)
