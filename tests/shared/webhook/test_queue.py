"""Onto the queue with the real SDK: against the stand-in, also where it goes away and comes back."""

import asyncio
import hashlib

import pytest
from azure.servicebus.aio import ServiceBusClient

from local.servicebus import Broker
from local.servicebus.engine.settings import QueueSettings, Topology
from local.stack.ports import free_port
from shared.errors import ConfigurationError, QueueUnavailable, Unacceptable
from shared.identity import identity
from shared.settings import Settings
from shared.webhook.connecting import connect_queue, has_queue
from shared.webhook.queue import EventQueue

QUEUE = "push-events"
EVENT = b'{"chargerId": "C1",  "status": "Available"}'
TOPOLOGY = Topology(queues=(QueueSettings(QUEUE, duplicate_detection_window_seconds=60),))


@pytest.fixture
def port():
    """Where the broker is, or is not."""
    return free_port()


@pytest.fixture
async def queue(port):
    """The app's way to the queue at that port."""
    connection = (
        f"Endpoint=sb://127.0.0.1:{port};SharedAccessKeyName=RootManageSharedAccessKey;"
        "SharedAccessKey=SAS_KEY_VALUE;UseDevelopmentEmulator=true;"
    )
    chosen = Settings.from_environment({"ServiceBusConnection": connection})
    opened = EventQueue(lambda: connect_queue(chosen), QUEUE)
    yield opened
    await opened.close()


async def _received(broker, messages):
    async with (
        ServiceBusClient.from_connection_string(broker.connection_string) as client,
        client.get_queue_receiver(QUEUE) as receiver,
    ):
        return await receiver.receive_messages(messages, max_wait_time=5)


async def test_a_body_arrives_bit_for_bit_with_what_tells_how_it_came(port, queue):
    """Its message id is its hash, so the queue's duplicate detection spares a repeat."""
    with Broker(TOPOLOGY, port=port) as broker:
        for _ in range(2):
            await queue.send(EVENT, 5)
        await queue.send(b"not json \xff", 5)
        first, second = await _received(broker, 3)

    assert (b"".join(first.body), b"".join(second.body)) == (EVENT, b"not json \xff")
    assert first.message_id == hashlib.sha256(EVENT).hexdigest()
    assert first.application_properties == {b"transport": b"webhook"}
    assert first.content_type == "application/json"


async def test_many_at_once_all_arrive(port, queue):
    """The SDK's sender takes one call at a time, so they take turns."""
    with Broker(TOPOLOGY, port=port) as broker:
        await asyncio.gather(*(queue.send(b"%d" % number, 10) for number in range(50)))

        assert broker.queue_depth(QUEUE) == 50


async def test_a_body_over_the_queues_limit_is_told_apart(port, queue):
    """It says nothing about the queue, which takes the next one."""
    with Broker(TOPOLOGY, port=port) as broker:
        with pytest.raises(Unacceptable) as caught:
            await queue.send(b"x" * 300_000, 5)
        await queue.send(EVENT, 5)

        assert caught.value.reason == "too-large-for-queue"
        assert broker.queue_depth(QUEUE) == 1


async def test_a_queue_that_is_away_is_unavailable_and_used_again_when_it_is_back(port, queue):
    """Not there yet, cut off in the middle, and gone again: each time the next send makes a new connection."""
    with pytest.raises(QueueUnavailable):
        await queue.send(EVENT, 2)
    with Broker(TOPOLOGY, port=port) as broker:
        await queue.send(b"1", 5)
        broker.drop_connections()
        await _sent_again(queue, b"2")
        assert broker.queue_depth(QUEUE) == 2
    with pytest.raises(QueueUnavailable):
        await queue.send(EVENT, 2)
    with Broker(TOPOLOGY, port=port) as broker:
        await _sent_again(queue, b"3")
        assert broker.queue_depth(QUEUE) == 1


async def _sent_again(queue, body):
    """A connection that broke behind our back may cost a send; the one after it gets through."""
    try:
        await queue.send(body, 5)
    except QueueUnavailable:
        await queue.send(body, 5)


async def test_a_queue_that_does_not_answer_is_unavailable_in_time(port, queue):
    """A server that takes the connection and says nothing."""
    connections = []

    async def say_nothing(_reader, writer):
        connections.append(writer)

    server = await asyncio.start_server(say_nothing, "127.0.0.1", port)
    loop = asyncio.get_running_loop()
    began = loop.time()
    try:
        with pytest.raises(QueueUnavailable):
            await queue.send(EVENT, 1)
        assert loop.time() - began < 2
    finally:
        server.close()
        for connection in connections:
            connection.close()


def test_a_namespace_is_named_by_a_connection_string_or_by_its_host():
    """Or there is none, and the webhook stores events itself."""
    assert not has_queue(Settings.from_environment({}))
    assert has_queue(Settings.from_environment({"ServiceBusConnection": "x"}))
    assert has_queue(Settings.from_environment({"ServiceBusConnection__fullyQualifiedNamespace": "n.example"}))


@pytest.mark.parametrize("settings", [{}, {"ServiceBusConnection": "SharedAccessKey=SECRET"}])
def test_what_is_no_connection_is_told_without_repeating_it(settings):
    """It may hold a key."""
    with pytest.raises(ConfigurationError, match="ServiceBusConnection") as caught:
        connect_queue(Settings.from_environment(settings))

    assert "SECRET" not in str(caught.value)


async def test_with_a_host_name_the_managed_identity_is_shown():
    """No key in the settings at all."""
    client = connect_queue(
        Settings.from_environment({"ServiceBusConnection__fullyQualifiedNamespace": "n.servicebus.windows.net"})
    )

    assert client.fully_qualified_namespace == "n.servicebus.windows.net"
    await client.close()


async def test_a_new_connection_shows_the_identity_of_the_one_before(monkeypatch):
    """The SDK's clients leave a credential open: one for each of an outage's connections would never be closed."""
    made = []
    monkeypatch.setattr(
        "shared.webhook.connecting.identity", lambda client_id: made.append(client_id) or identity(client_id)
    )
    chosen = Settings.from_environment(
        {
            "ServiceBusConnection__fullyQualifiedNamespace": "n.servicebus.windows.net",
            "ServiceBusConnection__clientId": "an-identity-of-this-test-alone",
        }
    )

    for _ in range(3):
        await connect_queue(chosen).close()

    assert made == ["an-identity-of-this-test-alone"]
