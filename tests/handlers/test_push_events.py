"""The Service Bus trigger gives ingest what the host gave it, and says in the log what became of it."""

import logging

import pytest
from azure.functions.servicebus import ServiceBusMessage

from handlers.push_events import log_outcome, push_events
from shared import services
from shared.errors import StorageUnavailable
from shared.ingest.ingest import Ingest, Outcome
from tests.support.memory_tables import MemoryTables
from tests.support.messages import body, documented


@pytest.fixture
def tables(monkeypatch):
    """The process's ingest, over memory."""
    memory = MemoryTables()
    ingest = Ingest(memory, shards=4)
    monkeypatch.setattr(services, "ingest", lambda: ingest)
    return memory


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


async def test_a_storage_fault_gives_the_batch_back(tables):
    """Raising is how a function tells the host to abandon the batch."""

    def fail(_method, _table):
        raise StorageUnavailable("the test says so")

    tables.before = fail
    with pytest.raises(StorageUnavailable):
        await _trigger([_message(body(documented("mt", "charger_state")))])


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

    assert "quarantined reason=not-json messages=1" in caplog.text
    assert "transaction id used again charger_id='ID_OF_CHARGER' transaction_id='1032427936'" in caplog.text
    for secret in ("SECRET-BODY", "TAG123", "ICCID123", "IMSI123"):
        assert secret not in caplog.text


def test_an_empty_outcome_is_one_line(caplog):
    """Nothing quarantined, nothing reused: nothing more to say."""
    with caplog.at_level(logging.INFO):
        log_outcome(Outcome(deliveries=2, repeats=2))

    assert [record.getMessage() for record in caplog.records] == [
        "ingest deliveries=2 stored=none repeats=2 quarantined=0 duration_ms=0.0"
    ]
