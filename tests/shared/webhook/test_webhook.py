"""An event is acknowledged once it is safe."""

import json

import pytest

from shared.errors import ConfigurationError, QueueUnavailable, StorageUnavailable, Unacceptable
from shared.ingest.ingest import Ingest
from shared.webhook.reading import Kind, kind_of
from shared.webhook.webhook import QUEUE_REST_SECONDS, Webhook
from tests.support.memory_tables import MemoryTables
from tests.support.messages import body, documented

EVENT = body(documented("mt", "charger_state"))


class FakeQueue:
    """Takes bodies, or raises what a test tells it to."""

    def __init__(self):
        self.bodies = []
        self.error = None
        self.asked = 0

    async def send(self, body, _patience_seconds):
        """As EventQueue does."""
        self.asked += 1
        if self.error is not None:
            raise self.error
        self.bodies.append(body)


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
def queue():
    """Takes everything."""
    return FakeQueue()


@pytest.fixture
def clock():
    """A clock."""
    return Clock()


@pytest.fixture
def webhook(tables, queue, clock):
    """With a queue, and storage in memory."""
    ingest = Ingest(tables, 4)
    return Webhook(queue, lambda: ingest, clock)


async def _receive(webhook, text):
    answered = await webhook.take(text, kind_of(text))
    return answered.status, json.loads(answered.body)


def _stored(tables, table):
    return [row["transport"] for row in tables.rows(table)]


@pytest.fixture
def no_time(monkeypatch):
    """Ingest gives up at once."""
    monkeypatch.setattr("shared.webhook.webhook.STORE_SECONDS", 0.1)


async def test_an_event_goes_to_the_queue_as_it_came(webhook, queue, tables):
    """Bit for bit; and not into the tables, where the queue's function will store it."""
    assert await _receive(webhook, EVENT) == (200, {"status": "accepted"})
    assert queue.bodies == [EVENT]
    assert await tables.list_tables() == []


async def test_where_the_queue_cannot_be_reached_the_event_is_stored_here(webhook, queue, tables, clock, caplog):
    """And the queue is left alone for a while, so that not every event waits for it."""
    queue.error = QueueUnavailable("no answer")

    assert await _receive(webhook, EVENT) == (200, {"status": "accepted"})
    assert await _receive(webhook, EVENT) == (200, {"status": "accepted"})
    assert (_stored(tables, "PushEvents202504"), queue.asked) == (["webhook"], 1)
    assert "stores events itself" in caplog.text

    queue.error = None
    clock.seconds += QUEUE_REST_SECONDS
    await _receive(webhook, EVENT)
    assert queue.bodies == [EVENT]


@pytest.mark.parametrize(
    "error", [Unacceptable("too-large-for-queue", "too large"), ConfigurationError("no connection string")]
)
async def test_what_the_queue_will_not_take_is_stored_here_and_the_queue_asked_again(webhook, queue, tables, error):
    """One large event says nothing about the next."""
    queue.error = error
    await _receive(webhook, EVENT)
    await _receive(webhook, EVENT)

    assert (_stored(tables, "PushEvents202504"), queue.asked) == (["webhook"], 2)


async def test_without_a_queue_events_are_stored_here(tables):
    """An operator may have none."""
    ingest = Ingest(tables, 4)

    assert await _receive(Webhook(None, lambda: ingest), EVENT) == (200, {"status": "accepted"})
    assert _stored(tables, "PushEvents202504") == ["webhook"]


@pytest.mark.usefixtures("no_time")
async def test_where_neither_works_emabler_keeps_the_event(webhook, queue, tables, caplog):
    """A 503, so that its retry queue brings it again; and then it is stored."""

    def fail(_method, _table):
        raise StorageUnavailable("storage is gone")

    queue.error = QueueUnavailable("no answer")
    tables.before = fail
    status, answered = await _receive(webhook, EVENT)
    assert (status, list(answered)) == (503, ["error"])
    assert "could not keep an event error=StorageUnavailable" in caplog.text

    tables.before = None
    assert await _receive(webhook, EVENT) == (200, {"status": "accepted"})
    assert _stored(tables, "PushEvents202504") == ["webhook"]


async def test_wrong_settings_keep_the_event_at_emabler(queue, caplog):
    """A person has to correct them first."""

    def store():
        raise ConfigurationError("No storage is set. Set EventStorage.")

    queue.error = QueueUnavailable("no answer")

    assert (await Webhook(queue, store).take(EVENT, Kind.EVENTS)).status == 503
    assert "Set EventStorage" in caplog.text


async def test_what_is_no_json_is_kept_aside_and_never_a_yes(webhook, queue, tables):
    """A repeat would not help, so it is acknowledged; on the way of all events, or here."""
    assert await _receive(webhook, b"not json") == (200, {"status": "accepted", "charging_allowed": False})
    assert queue.bodies == [b"not json"]
    queue.error = QueueUnavailable("no answer")
    await _receive(webhook, b"not json either")

    assert _stored(tables, "Quarantine") == ["webhook"]


async def test_the_same_event_by_both_ways_is_one(webhook, queue, tables):
    """What the webhook stored itself, and what comes by the queue after an answer that was lost."""
    queue.error = QueueUnavailable("the answer was lost")
    array = b"[" + EVENT + b"," + body(documented("mt", "charger_boot")) + b"]"
    await _receive(webhook, array)
    await _receive(webhook, EVENT)

    assert sum(len(tables.rows(name)) for name in await tables.list_tables() if name.startswith("PushEvents")) == 2


async def test_no_body_is_logged(webhook, queue, caplog):
    """Whatever happens to it."""
    caplog.set_level("DEBUG")
    for text in (b'{"authorizedIdTag": "SECRET"}', b"SECRET no json"):
        await _receive(webhook, text)
        queue.error = QueueUnavailable("no answer")
        await _receive(webhook, text)

    assert "SECRET" not in caplog.text
