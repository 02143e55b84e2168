"""The Service Bus trigger gives ingest what the host gave it, and says in the log what became of it."""

import logging
import time

import pytest
from azure.functions.servicebus import ServiceBusMessage

from handlers.push_events import push_events
from shared import services
from shared.errors import StorageRefusesAccess, StorageUnavailable
from shared.ingest.ingest import Ingest
from shared.settings import settings
from tests.support.memory_tables import MemoryTables
from tests.support.messages import body, documented


@pytest.fixture
def tables(monkeypatch):
    """The process's ingest, over memory, with little patience."""
    monkeypatch.setenv("INGEST_DEADLINE_SECONDS", "0.3")
    settings.cache_clear()
    memory = MemoryTables()
    ingest = Ingest(memory, shards=4)
    monkeypatch.setattr(services, "ingest", lambda: ingest)
    yield memory
    settings.cache_clear()


def _message(content, **properties):
    return ServiceBusMessage(body=content, application_properties=properties, user_properties={}, message_id="1")


def _trigger(messages):
    """The function behind the decorators."""
    return push_events.build().get_user_function()(messages)


async def test_messages_become_rows_with_their_properties(tables):
    """The body and the application properties, and nothing else of a message, are used."""
    await _trigger([_message(body(documented("mt", "charger_state")), tenant="north")])

    (row,) = tables.rows("PushEvents202504")
    assert (row["transport"], row["properties"]) == ("servicebus", '{"tenant":"north"}')


@pytest.mark.parametrize(("told", "transport"), [("webhook", "webhook"), ("pigeon", "servicebus"), (5, "servicebus")])
async def test_what_the_webhook_put_on_the_queue_came_by_webhook(tables, told, transport):
    """It says so in an application property; anybody may set one, so only the one word counts."""
    await _trigger([_message(body(documented("mt", "charger_state")), transport=told)])

    assert [row["transport"] for row in tables.rows("PushEvents202504")] == [transport]


async def test_a_storage_fault_gives_the_batch_back(tables, caplog):
    """Raising is how a function tells the host to abandon the batch."""

    def fail(_method, _table):
        raise StorageUnavailable("the test says so")

    tables.before = fail
    with pytest.raises(StorageUnavailable):
        await _trigger([_message(body(documented("mt", "charger_state")))])

    assert "cannot store the batch, given back in 0 s error=StorageUnavailable: the test says so" in caplog.text


async def test_a_fault_that_shows_at_once_is_held_until_the_deadline(tables):
    """Given back at once it would come again at once, ten times, and be a dead letter within seconds."""

    def refuse(_method, _table):
        raise StorageRefusesAccess("the test says so", status=403)

    tables.before = refuse
    started = time.monotonic()
    with pytest.raises(StorageRefusesAccess):
        await _trigger([_message(body(documented("mt", "charger_state")))])

    assert time.monotonic() - started >= 0.3


async def test_half_a_character_in_a_property_costs_nothing(tables):
    """Properties are the sender's, and may hold anything."""
    await _trigger([_message(body(documented("mt", "charger_state")), tenant="\ud83d")])

    (row,) = tables.rows("PushEvents202504")
    assert row["properties"] == '{"tenant":"?"}'


async def test_neither_bodies_nor_tags_reach_the_log(tables, caplog):
    """Counts and ids of sessions only."""
    later = documented(
        "mt", "charging_transaction", receivedTimestamp="2025-05-02T00:00:00Z", deviceTimeStamp="2025-05-02T00:00:00Z"
    )
    with caplog.at_level(logging.DEBUG):
        await _trigger(
            [
                _message(b"no json but SECRET-BODY"),
                _message(body(documented("mt", "charging_transaction"))),
                _message(body(later)),
                _message(body(documented("mt", "charger_boot"))),
            ]
        )

    assert "quarantined reason=not-json entries=1" in caplog.text
    assert "transaction id used again charger_id='ID_OF_CHARGER' transaction_id='1032427936'" in caplog.text
    for secret in ("SECRET-BODY", "TAG123", "ICCID123", "IMSI123"):
        assert secret not in caplog.text
