"""The webhook through an outage: the real SDK against the stand-in, the real ingest, tables in memory."""

import json

import pytest
from azure.servicebus.aio import ServiceBusClient

from local.servicebus import Broker
from local.servicebus.engine.settings import QueueSettings, Topology
from local.stack.ports import free_port
from shared.deadlines import Deadline
from shared.errors import StorageUnavailable
from shared.ingest.ingest import Ingest
from shared.ingest.rows import Delivery
from shared.instants import Instant
from shared.settings import Settings
from shared.webhook.connecting import connect_queue
from shared.webhook.queue import EventQueue
from shared.webhook.reading import Kind
from shared.webhook.webhook import ACCEPTED, NOT_SAFE, QUEUE_REST_SECONDS, Webhook
from tests.support.memory_tables import MemoryTables
from tests.support.messages import documented

QUEUE = "push-events"
TOPOLOGY = Topology(queues=(QueueSettings(QUEUE),))


class Clock:
    """Stands still until a test moves it."""

    seconds = 100.0

    def __call__(self):
        """The time."""
        return self.seconds


@pytest.fixture
def tables():
    """In memory."""
    return MemoryTables()


@pytest.fixture
def clock():
    """By which the webhook leaves a failed queue alone."""
    return Clock()


@pytest.fixture
def ingest(tables):
    """What stores events, whichever way they come."""
    return Ingest(tables, 4)


@pytest.fixture
def port():
    """Where the broker is, or is not; it comes back at the same one."""
    return free_port()


@pytest.fixture
async def webhook(port, ingest, clock):
    """As the app makes it, with the connection string of the broker."""
    connection = (
        f"Endpoint=sb://127.0.0.1:{port};SharedAccessKeyName=RootManageSharedAccessKey;"
        "SharedAccessKey=SAS_KEY_VALUE;UseDevelopmentEmulator=true;"
    )
    chosen = Settings.from_environment({"ServiceBusConnection": connection})
    queue = EventQueue(lambda: connect_queue(chosen), QUEUE)
    yield Webhook(queue, lambda: ingest, clock)
    await queue.close()


def _event(charger_id):
    return json.dumps(documented("mt", "charger_state") | {"chargerId": charger_id}).encode()


def _archived(tables):
    return sorted((row["charger_id"], row["transport"]) for row in tables.rows("PushEvents202504"))


async def _move_to_tables(running, ingest):
    """Store what is on the queue, under a transport of its own, so that a row tells which way its event took."""
    async with (
        ServiceBusClient.from_connection_string(running.connection_string) as client,
        client.get_queue_receiver(QUEUE) as receiver,
    ):
        for message in await receiver.receive_messages(running.queue_depth(QUEUE), max_wait_time=5):
            delivery = Delivery(b"".join(message.body), "servicebus", Instant.now())
            await ingest.store([delivery], Deadline.after(5))
            await receiver.complete_message(message)


async def test_an_event_by_the_queue_and_then_by_the_webhook_itself_is_one(webhook, tables, ingest, port):
    """It went onto the queue, and eMabler repeated it, beside a new one, while the broker was away."""
    with Broker(TOPOLOGY, port=port) as running:
        assert await webhook.take(_event("C1"), Kind.EVENTS) == ACCEPTED
        await _move_to_tables(running, ingest)
    assert await webhook.take(b"[" + _event("C1") + b"," + _event("C2") + b"]", Kind.EVENTS) == ACCEPTED

    assert _archived(tables) == [("C1", "servicebus"), ("C2", "webhook")]


async def test_every_acknowledged_event_is_stored_through_an_outage(webhook, tables, ingest, port, clock, monkeypatch):
    """Broker there, away, storage away with it, and both back: a 200 is stored, a 503 is not there yet."""
    monkeypatch.setattr("shared.webhook.webhook.STORE_SECONDS", 0.1)
    with Broker(TOPOLOGY, port=port) as running:
        assert await webhook.take(_event("by-queue"), Kind.EVENTS) == ACCEPTED
        await _move_to_tables(running, ingest)
    assert await webhook.take(_event("by-tables"), Kind.EVENTS) == ACCEPTED
    assert _archived(tables) == [("by-queue", "servicebus"), ("by-tables", "webhook")]

    tables.before = _storage_is_gone
    assert await webhook.take(_event("kept-by-emabler"), Kind.EVENTS) == NOT_SAFE
    tables.before = None
    assert len(_archived(tables)) == 2

    clock.seconds += QUEUE_REST_SECONDS
    with Broker(TOPOLOGY, port=port) as running:
        assert await webhook.take(_event("kept-by-emabler"), Kind.EVENTS) == ACCEPTED
        assert running.queue_depth(QUEUE) == 1
        await _move_to_tables(running, ingest)
    assert _archived(tables) == [
        ("by-queue", "servicebus"),
        ("by-tables", "webhook"),
        ("kept-by-emabler", "servicebus"),
    ]


def _storage_is_gone(_method, _table):
    raise StorageUnavailable("storage is gone")
