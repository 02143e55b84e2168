"""The Kafka trigger's loop between the mock cluster and a function: real client, real protocol.

What it must do is what the real extension does, as local/functions_host/kafka_trigger.py says with its sources.
"""

import asyncio
from collections import Counter
from contextlib import asynccontextmanager
from dataclasses import replace
from types import SimpleNamespace

import pytest
from confluent_kafka import KafkaError, Producer

from local.functions_host import kafka_trigger
from local.functions_host.configuration import KafkaOptions
from local.functions_host.errors import HostError
from local.functions_host.kafka_source import KafkaSource
from local.functions_host.kafka_trigger import KafkaListener
from local.functions_host.worker import IndexedFunction, Outcome
from local.kafka import MockCluster
from tests.support.kafka import PARTITIONS, TOPIC, eventually, send
from tests.support.kafka import committed as committed_by

OPTIONS = KafkaOptions(
    max_batch_size=16, subscriber_interval_seconds=0.1, auto_commit_interval_ms=20, session_timeout_ms=3500
)


@pytest.fixture
def cluster():
    """A broker with nothing in its topic."""
    with MockCluster({TOPIC: PARTITIONS}) as running:
        yield running


class Function:
    """Keeps the bodies it is invoked with; fails, or waits, as a test says."""

    def __init__(self, *, failures=0):
        self.bodies = []
        self.calls = []
        self.failures_left = failures
        self.may_go_on = asyncio.Event()
        self.may_go_on.set()

    async def invoke(self, _function, data, _metadata, retry_count, max_retry_count):
        """As `worker.invoke`."""
        self.calls.append((retry_count, max_retry_count))
        bodies = list(data.collection_bytes.bytes)
        self.bodies += bodies
        await self.may_go_on.wait()
        if self.failures_left and b"fault" in bodies:
            self.failures_left -= 1
            return Outcome(succeeded=False)
        return Outcome(succeeded=True)


@asynccontextmanager
async def listening(cluster, function, options=OPTIONS, retry_options=None):
    """A listener that runs for the block, stopped as the host stops it."""
    indexed = IndexedFunction("push_events_kafka", "1", (), retry_options)
    source = KafkaSource(cluster.bootstrap_servers, TOPIC, "bridge")
    listener = KafkaListener(indexed, source, options, function.invoke)
    stopping = asyncio.Event()
    running = asyncio.create_task(listener.run(stopping))
    try:
        yield
    finally:
        stopping.set()
        await running


def committed(cluster):
    """The offsets that the listeners' group has committed, by partition."""
    return committed_by(cluster.bootstrap_servers, "bridge")


def numbered(count):
    """So many different bodies."""
    return [str(number).encode() for number in range(count)]


async def test_every_message_is_invoked_once_and_committed(cluster):
    """300 messages of three partitions come once each, in batches as large as host.json allows."""
    function = Function()
    send(cluster.bootstrap_servers, numbered(300))

    async with listening(cluster, function):
        await eventually(lambda: len(function.bodies) == 300)

    assert Counter(function.bodies) == Counter(numbered(300))
    assert len(function.calls) >= 300 / OPTIONS.max_batch_size
    assert committed(cluster) == [100, 100, 100]


async def test_a_time_stamp_that_no_calendar_has_stops_no_partition(cluster):
    """Brokers take any 64 bits as one; what is behind it is delivered, too."""
    function = Function()
    producer = Producer({"bootstrap.servers": cluster.bootstrap_servers})
    producer.produce(TOPIC, b"first", partition=0, timestamp=2**60)
    producer.produce(TOPIC, b"second", partition=0)
    assert producer.flush(10) == 0

    async with listening(cluster, function):
        await eventually(lambda: function.bodies == [b"first", b"second"])

    assert committed(cluster) == [2, 0, 0]


async def test_a_partition_keeps_its_order(cluster):
    """Batches mix partitions, but what one partition has comes in its order."""
    function = Function()
    send(cluster.bootstrap_servers, numbered(90))

    async with listening(cluster, function):
        await eventually(lambda: len(function.bodies) == 90)

    for partition in range(PARTITIONS):
        assert [body for body in function.bodies if int(body) % PARTITIONS == partition] == numbered(90)[
            partition::PARTITIONS
        ]


async def test_a_slow_function_holds_the_flow_back(cluster, monkeypatch):
    """One batch runs, one waits, one is in the thread's hands: the rest stays with the broker, as in the real one."""
    consumed, leads = [], []
    consume = KafkaListener._consume

    def consume_and_count(listener):
        batch = consume(listener)
        consumed.extend(batch)
        return batch

    class Slow(Function):
        async def invoke(self, *arguments):
            outcome = await super().invoke(*arguments)
            await asyncio.sleep(0.05)
            leads.append(len(consumed) - len(self.bodies))
            return outcome

    monkeypatch.setattr(KafkaListener, "_consume", consume_and_count)
    function = Slow()
    send(cluster.bootstrap_servers, numbered(160))

    async with listening(cluster, function):
        await eventually(lambda: len(function.bodies) == 160)

    assert 0 < max(leads) <= 2 * OPTIONS.max_batch_size


async def test_a_failed_batch_is_passed_by_default(cluster):
    """As in the real extension, commitOnFailure moves the offset past what failed: the message is gone."""
    function = Function(failures=-1)
    send(cluster.bootstrap_servers, [b"fault"])

    async with listening(cluster, function):
        await eventually(lambda: committed(cluster) == [1, 0, 0])

    assert function.bodies == [b"fault"]


async def test_without_commit_on_failure_a_batch_is_repeated_in_its_place(cluster, monkeypatch):
    """Until it succeeds, and nothing behind it overtakes it."""
    monkeypatch.setattr(kafka_trigger, "IN_PLACE_PAUSE_SECONDS", 0.01)
    function = Function(failures=3)
    send(cluster.bootstrap_servers, [b"fault", b"b", b"c", b"d"])

    async with listening(cluster, function, replace(OPTIONS, commit_on_failure=False, max_batch_size=1)):
        await eventually(lambda: len(function.bodies) == 7)

    assert sorted(function.bodies) == [b"b", b"c", b"d", *[b"fault"] * 4]
    first, last = function.bodies.index(b"fault"), function.bodies.index(b"fault") + 4
    assert function.bodies[first:last] == [b"fault"] * 4
    assert committed(cluster) == [2, 1, 1]


@pytest.mark.parametrize(("max_retries", "tries"), [(0, 1), (2, 3)])
async def test_max_retries_bound_the_repeats_in_place(cluster, monkeypatch, max_retries, tries):
    """After them the offset moves on, as in the real extension."""
    monkeypatch.setattr(kafka_trigger, "IN_PLACE_PAUSE_SECONDS", 0.01)
    function = Function(failures=-1)
    send(cluster.bootstrap_servers, [b"fault"])

    async with listening(cluster, function, replace(OPTIONS, commit_on_failure=False, max_retries=max_retries)):
        await eventually(lambda: committed(cluster) == [1, 0, 0])

    assert function.bodies == [b"fault"] * tries


async def test_a_retry_policy_comes_before_the_offset(cluster):
    """A batch that succeeds at its third call is stored after that, and the function is told the number of retries."""
    function = Function(failures=2)
    policy = SimpleNamespace(retry_strategy="fixed_delay", max_retry_count=5, delay_interval=_Delay(0.01))
    send(cluster.bootstrap_servers, [b"fault"])

    async with listening(cluster, function, retry_options=policy):
        await eventually(lambda: committed(cluster) == [1, 0, 0])

    assert function.calls == [(0, 5), (1, 5), (2, 5)]


async def test_a_stop_between_two_retries_commits_nothing(cluster):
    """The batch comes again to whoever is next."""
    function, successor = Function(failures=-1), Function()
    policy = SimpleNamespace(retry_strategy="fixed_delay", max_retry_count=-1, delay_interval=_Delay(60))
    send(cluster.bootstrap_servers, [b"fault"])

    async with listening(cluster, function, retry_options=policy):
        await eventually(lambda: function.bodies == [b"fault"])
    assert committed(cluster) == [0, 0, 0]
    async with listening(cluster, successor):
        await eventually(lambda: successor.bodies == [b"fault"])


async def test_a_stop_ends_the_batch_that_runs_and_commits_it(cluster):
    """Nothing is begun after the stop; what was begun is not done twice."""
    function = Function()
    function.may_go_on.clear()
    send(cluster.bootstrap_servers, [b"a"])

    async with listening(cluster, function):
        await eventually(lambda: function.bodies == [b"a"])
        asyncio.get_running_loop().call_later(0.2, function.may_go_on.set)

    assert committed(cluster) == [1, 0, 0]


async def test_a_member_that_joins_takes_its_part_in_the_middle_of_a_batch(cluster):
    """What the first one has in hand then comes to both, its commit is refused, and nothing is lost or left."""
    first, second = Function(), Function()
    first.may_go_on.clear()
    send(cluster.bootstrap_servers, numbered(12))

    async with listening(cluster, first):
        await eventually(lambda: first.bodies)
        async with listening(cluster, second):
            await eventually(lambda: second.bodies)
            first.may_go_on.set()
            send(cluster.bootstrap_servers, [b"later"] * 30)
            await eventually(lambda: committed(cluster) == [14, 14, 14])
            assert second.bodies.count(b"later") > 0
            assert first.bodies.count(b"later") > 0

    assert set(first.bodies) | set(second.bodies) == {*numbered(12), b"later"}
    assert set(first.bodies) & set(second.bodies) & set(numbered(12)), (
        "nothing came to both: no batch was in the middle"
    )


async def test_a_broker_that_is_away_at_the_start_is_waited_for(cluster, caplog):
    """And when it is back, the messages come without the host being started again."""
    function = Function()
    send(cluster.bootstrap_servers, numbered(3))
    cluster.go_away()

    async with listening(cluster, function):
        await eventually(lambda: "Connection refused" in caplog.text)
        assert function.bodies == []
        cluster.come_back()
        await eventually(lambda: len(function.bodies) == 3)


async def test_a_stop_is_bounded_while_the_broker_is_away(cluster):
    """Nobody answers the leave then."""
    async with asyncio.timeout(15):
        async with listening(cluster, Function()):
            cluster.go_away()


def test_an_event_of_the_client_is_no_message(cluster, caplog):
    """It is told in the log, and the function never sees it."""
    source = KafkaSource(cluster.bootstrap_servers, TOPIC, "bridge")
    listener = KafkaListener(IndexedFunction("push_events_kafka", "1", ()), source, OPTIONS, Function().invoke)
    missing = SimpleNamespace(error=lambda: KafkaError(KafkaError.UNKNOWN_TOPIC_OR_PART))
    message = SimpleNamespace(error=lambda: None)
    listener._consumer = SimpleNamespace(consume=lambda _count, _seconds: [missing, message])

    assert listener._consume() == [message]
    assert "push-events as bridge cannot be read now (UNKNOWN_TOPIC_OR_PART)" in caplog.text


def test_settings_that_the_client_refuses_stop_the_start():
    """With what is wrong, and not in the first batch."""
    source = KafkaSource("localhost:9092", TOPIC, "bridge", {"security.protocol": "pigeon"})

    with pytest.raises(HostError, match="pigeon"):
        KafkaListener(IndexedFunction("f", "1", ()), source, OPTIONS, Function().invoke)


class _Delay:
    """A timedelta shorter than a second, which the decorator of the function cannot say."""

    def __init__(self, seconds):
        self._seconds = seconds

    def total_seconds(self):
        return self._seconds
