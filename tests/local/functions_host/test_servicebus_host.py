"""The host between the broker stand-in and a function: real SDK, real runtime library, real AMQP."""

import asyncio
import gc
import sys
import uuid
import warnings
from pathlib import Path

import pytest
import pytest_asyncio
from azure.servicebus import ServiceBusMessage
from azure.servicebus.aio import ServiceBusClient

from local.functions_host.host import running_host
from local.servicebus import Broker, parse_topology

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    # The SDK leaves the socket of a connection that was cut to the garbage collector.
    pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"),
]

_QUEUE = "charger-queue"
_SUBSCRIPTION = "charger-topic/Subscriptions/stored"
_ENTITY = {"LockDuration": "PT1M", "MaxDeliveryCount": 3}
_TOPOLOGY = {
    "UserConfig": {
        "Namespaces": [
            {
                "Name": "sbemulatorns",
                "Queues": [{"Name": _QUEUE, "Properties": _ENTITY}],
                "Topics": [{"Name": "charger-topic", "Subscriptions": [{"Name": "stored", "Properties": _ENTITY}]}],
            }
        ]
    }
}


@pytest.fixture(scope="module")
def sockets_left_by_the_sdk():
    """Collects them at the end, so that they do not warn in the tests of other modules."""
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


@pytest.fixture(scope="module")
def broker(sockets_left_by_the_sdk):
    """A broker with the entities of the sample app; wants the other fixture so as to end before it."""
    with Broker(parse_topology(_TOPOLOGY)) as running_broker:
        yield running_broker


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def app(broker):
    """The sample app's module, hosted against the broker; what it is given is in its lists."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("ServiceBusConnection", broker.connection_string)
        environment.setenv("SAMPLE_QUEUE", _QUEUE)
        async with running_host(Path(__file__).parent / "sample_apps" / "queue", "127.0.0.1", 0):
            yield sys.modules["function_app"]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def client(broker):
    """A client for the broker."""
    async with ServiceBusClient.from_connection_string(broker.connection_string) as broker_client:
        yield broker_client


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def queue_sender(client):
    """Sends to the queue that is received in batches."""
    async with client.get_queue_sender(_QUEUE) as sender:
        yield sender


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def topic_sender(client):
    """Sends to the topic that is received in single messages."""
    async with client.get_topic_sender("charger-topic") as sender:
        yield sender


async def _eventually(holds):
    """Wait until a condition holds that another thread brings about; fail after 20 s."""
    async with asyncio.timeout(20):
        while not holds():  # noqa: ASYNC110  # the broker's thread has no event to wait for
            await asyncio.sleep(0.01)


def _messages(count, test_id, body=b"{}"):
    return [ServiceBusMessage(body, message_id=f"{test_id}-{number}") for number in range(count)]


def _batches_of(app, test_id):
    return [batch for batch in app.batches if batch[0].message_id.startswith(test_id)]


@pytest.fixture
def test_id():
    """What the ids of a test's messages begin with."""
    return str(uuid.uuid4())


async def test_function_gets_what_was_sent_and_the_queue_is_emptied(broker, app, queue_sender, test_id):
    """Body, properties and delivery count arrive through broker, SDK and runtime; success completes the message."""
    await queue_sender.send_messages(
        ServiceBusMessage(
            b"\x00\xff",
            message_id=test_id,
            application_properties={"source": "emabler", "n": 1},
            subject="ChargerState",
        )
    )
    await _eventually(lambda: _batches_of(app, test_id) and broker.queue_depth(_QUEUE) == 0)

    ((message,),) = _batches_of(app, test_id)
    assert message.get_body() == b"\x00\xff"
    assert message.application_properties == {"source": "emabler", "n": 1}
    assert (message.delivery_count, message.subject) == (1, "ChargerState")


async def test_batches_are_as_large_as_host_json_allows(broker, app, queue_sender, test_id):
    """40 messages come in batches of at most 16, each message once."""
    await queue_sender.send_messages(_messages(40, test_id))
    await _eventually(
        lambda: sum(map(len, _batches_of(app, test_id))) == 40 and broker.queue_depth(_QUEUE) == 0,
    )

    assert [len(batch) for batch in _batches_of(app, test_id)] == [16, 16, 8]
    assert len({message.message_id for batch in _batches_of(app, test_id) for message in batch}) == 40


async def test_failing_batch_is_given_back_whole_until_it_is_dead(broker, app, queue_sender, test_id):
    """One message that raises takes its batch with it: delivered three times, then all are dead letters."""
    dead_before = broker.dead_letter_depth(_QUEUE)

    await queue_sender.send_messages([*_messages(2, test_id), *_messages(1, f"{test_id}-bad", b"poison")])
    await _eventually(lambda: broker.dead_letter_depth(_QUEUE) == dead_before + 3)

    assert [[message.delivery_count for message in batch] for batch in _batches_of(app, test_id)] == [
        [1, 1, 1],
        [2, 2, 2],
        [3, 3, 3],
    ]
    assert broker.queue_depth(_QUEUE) == 0


async def test_single_messages_are_settled_each_by_its_own_outcome(broker, app, topic_sender, test_id):
    """With cardinality one, a message that raises is a dead letter in the end and the others are completed."""
    dead_before = broker.dead_letter_depth(_SUBSCRIPTION)

    await topic_sender.send_messages([*_messages(2, test_id), *_messages(1, f"{test_id}-bad", b"poison")])
    await _eventually(
        lambda: broker.dead_letter_depth(_SUBSCRIPTION) == dead_before + 1 and broker.queue_depth(_SUBSCRIPTION) == 0
    )

    delivered = [message.message_id for message in app.singles if message.message_id.startswith(test_id)]
    assert sorted(delivered) == sorted([f"{test_id}-0", f"{test_id}-1", *[f"{test_id}-bad-0"] * 3])


async def test_dropped_connections_are_survived(broker, app, queue_sender, test_id):
    """After the network failed, messages are received again without the host being restarted."""
    broker.drop_connections()

    await queue_sender.send_messages(_messages(1, test_id))
    await _eventually(lambda: _batches_of(app, test_id) and broker.queue_depth(_QUEUE) == 0)

    assert len(_batches_of(app, test_id)) == 1
