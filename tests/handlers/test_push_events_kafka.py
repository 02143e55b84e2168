"""The Kafka trigger gives ingest what the host gave it, and never raises because of a message."""

import asyncio
import base64
import itertools
import json
from types import SimpleNamespace

import azure.functions as func
import pytest
from azure.functions.kafka import KafkaTriggerConverter
from azure.functions.meta import Datum
from azure.functions.servicebus import ServiceBusMessage

from handlers.kafka_batches import decode_batch, take_messages_without_value
from handlers.push_events import push_events
from handlers.push_events_kafka import blueprint_for, push_events_kafka
from shared import services, telemetry
from shared.errors import ConfigurationError, StorageRefusesAccess
from shared.ingest import taking_apart
from shared.ingest.ingest import Ingest
from shared.settings import settings
from shared.webhook.reading import Kind
from shared.webhook.webhook import Webhook
from tests.support.memory_tables import MemoryTables
from tests.support.messages import DOCUMENTED, body, deliver, documented, within

BOTH = {"KAFKA_BROKER_LIST": "broker:9092", "PUSH_EVENTS_TOPIC": "push-events"}
STATE = body(documented("mt", "charger_state"))


@pytest.fixture
def tables(monkeypatch):
    """The process's ingest, over memory, with little patience."""
    monkeypatch.setenv("INGEST_DEADLINE_SECONDS", "0.2")
    monkeypatch.setattr(taking_apart, "PAUSE_SECONDS", 0.0)
    settings.cache_clear()
    memory = MemoryTables()
    ingest = Ingest(memory, shards=4)
    monkeypatch.setattr(services, "ingest", lambda: ingest)
    yield memory
    settings.cache_clear()


def message(content, offset=7, headers=(), partition=1):
    """A message as azure.functions decodes it."""
    return func.KafkaEvent(
        body=content, topic="push-events", partition=partition, offset=offset, key="ID", headers=list(headers)
    )


def service_bus_message(content):
    """The same by the other trigger."""
    return ServiceBusMessage(body=content, application_properties={}, user_properties={}, message_id="1")


def header(key, value):
    """A header as the host writes it."""
    return {"Key": key, "Value": base64.b64encode(value).decode()}


def datums(*bodies):
    """A batch as the host hands it to the worker: bodies that are null are left out, what stands beside them is not."""
    numbers = range(len(bodies))
    metadata = {
        "KeyArray": Datum(json.dumps([None for _ in numbers]), "json"),
        "PartitionArray": Datum(json.dumps([1 for _ in numbers]), "json"),
        "TimestampArray": Datum(json.dumps(["2026-01-15T12:00:00Z" for _ in numbers]), "json"),
        "HeadersArray": Datum(json.dumps([[] for _ in numbers]), "json"),
        "OffsetArray": Datum(SimpleNamespace(sint64=[70 + number for number in numbers]), "collection_sint64"),
        "TopicArray": Datum(SimpleNamespace(string=["push-events" for _ in numbers]), "collection_string"),
    }
    present = SimpleNamespace(bytes=[content for content in bodies if content is not None])
    return Datum(present, "collection_bytes"), metadata


def without_arrival(tables):
    """All rows of events, but for what tells how and when they came first."""
    arrival = {"transport", "properties", "first_received_at"}
    return {
        table: [{name: value for name, value in row.items() if name not in arrival} for row in tables.rows(table)]
        for table in ("PushEvents202504", "ChargerStatus", "Transactions", "Measurements202504")
    }


async def test_messages_become_rows_with_their_headers(tables):
    """The body, and the headers as the sender's properties; key and place are no part of an event."""
    headers = [header("tenant", b"north"), header("odd", b"\xff"), header("traceparent", b"00-1-2-01")]
    await push_events_kafka([message(STATE, headers=headers)])

    (row,) = tables.rows("PushEvents202504")
    assert row["transport"] == "kafka"
    assert json.loads(row["properties"]) == {"tenant": "north", "odd": "\ufffd", "traceparent": "00-1-2-01"}
    assert not {"topic", "partition", "offset"} & {name for name, value in row.items() if value is not None}


@pytest.mark.parametrize(
    "headers",
    [None, "text", [None], [{}], [{"Key": 5}], [{"Key": "k", "Value": None}], [{"Key": "\ud83d", "Value": 5}]],
)
async def test_headers_that_are_none_cost_nothing(tables, headers):
    """The event is stored, whatever stands beside it."""
    await push_events_kafka([func.KafkaEvent(body=STATE, headers=headers)])

    assert len(tables.rows("PushEvents202504")) == 1


@pytest.mark.parametrize(("content", "reason"), [(None, "empty-body"), (b"", "empty-body"), (b"{no json", "not-json")])
async def test_what_is_no_event_is_set_aside_with_its_place(tables, content, reason):
    """At once, and the others of its batch are stored; a message without a value is one of them, not an exception."""
    await push_events_kafka([message(STATE, 8), message(content, 9)])

    (row,) = tables.rows("Quarantine")
    assert (row["reason"], row["transport"]) == (reason, "kafka")
    assert (row["topic"], row["partition"], row["offset"]) == ("push-events", 1, 9)
    assert len(tables.rows("PushEvents202504")) == 1


async def test_a_fault_of_this_app_sets_the_message_aside_and_returns(tables, monkeypatch):
    """The offset moves past it, because it is in quarantine with its place."""
    ingest, store = services.ingest(), services.ingest().store

    async def stumble(deliveries, deadline):
        if any(b"charger_boot" in delivery.body for delivery in deliveries):
            raise KeyError("nobody foresaw it")
        return await store(deliveries, deadline)

    monkeypatch.setattr(ingest, "store", stumble)
    await push_events_kafka([message(STATE, 8), message(b'{"charger_boot": 1}', 9)])

    (row,) = tables.rows("Quarantine")
    assert (row["reason"], row["partition"], row["offset"]) == ("not-stored-KeyError", 1, 9)
    assert len(tables.rows("PushEvents202504")) == 1


async def test_an_outage_brings_the_batch_again_for_as_long_as_it_lasts(tables, caplog):
    """Each call is held until its deadline and raises; the first one after the outage stores everything."""

    def refuse(_method, _table):
        raise StorageRefusesAccess("the test says so", status=403)

    batch = [message(STATE, 8), message(b"no json", 9)]
    tables.before = refuse
    for _ in range(taking_apart.MOST_TRIES + 1):
        started = asyncio.get_running_loop().time()
        with pytest.raises(StorageRefusesAccess):
            await push_events_kafka(batch)
        assert asyncio.get_running_loop().time() - started >= 0.19
    tables.before = None
    await push_events_kafka(batch)

    assert [len(tables.rows(table)) for table in ("PushEvents202504", "Quarantine")] == [1, 1]
    assert "cannot store the batch, given back in" in caplog.text


async def test_a_wrong_setting_is_waited_for_like_an_outage(tables, monkeypatch):
    """Until a person has mended it."""

    def broken():
        raise ConfigurationError("No storage is set.")

    monkeypatch.setattr(services, "ingest", broken)
    with pytest.raises(ConfigurationError):
        await push_events_kafka([message(STATE)])


class Recorded(list):
    """In the place of a metric: the attributes of what was recorded."""

    def record(self, _value, **attributes):
        """As `Metric.record`."""
        self.append(attributes)


@pytest.mark.parametrize(
    "raised", [ConfigurationError("No storage is set."), StorageRefusesAccess("no role", status=403)]
)
async def test_what_is_given_back_is_counted_once(tables, monkeypatch, raised):
    """A wrong setting rings as an outage does, from the first call on."""
    recorded = Recorded()
    monkeypatch.setattr(telemetry, "INGEST_DURATION", recorded)

    def fail(_method, _table):
        raise raised

    tables.before = fail
    with pytest.raises(type(raised)):
        await push_events_kafka([message(STATE)])

    assert recorded == [{"outcome": "given_back"}]


@pytest.mark.parametrize("order", list(itertools.permutations(["kafka", "servicebus", "webhook"])), ids="-".join)
async def test_the_same_events_by_three_ways_are_the_same_rows(tables, order):
    """Kafka, Service Bus and webhook, in any order: each event once, told by the way that was first."""
    bodies = [body(documented(generation, name)) for generation, name in DOCUMENTED]
    webhook = Webhook(None, services.ingest)
    for way in order:
        if way == "kafka":
            await push_events_kafka([message(content, offset) for offset, content in enumerate(bodies)])
        elif way == "servicebus":
            sent = [service_bus_message(content) for content in bodies]
            await push_events.build().get_user_function()(sent)
        else:
            assert [(await webhook.take(content, Kind.EVENTS)).status for content in bodies] == [200] * len(bodies)
    by_one_way = MemoryTables()
    await Ingest(by_one_way, shards=4).store(deliver(*bodies), within(10))

    assert without_arrival(tables) == without_arrival(by_one_way)
    transports = {row["transport"] for row in tables.rows("PushEvents202504")}
    assert transports == {order[0]}
    assert "Quarantine" not in await tables.list_tables()


async def test_two_owners_of_a_partition_end_in_the_rows_of_one(tables, monkeypatch):
    """A rebalance in the middle: both store the same messages, at once and each in its own order."""
    bodies = [body(documented(generation, name)) for generation, name in DOCUMENTED]
    batch = [message(content, offset) for offset, content in enumerate(bodies)]
    owners = itertools.cycle([Ingest(tables, shards=4), Ingest(tables, shards=4)])
    monkeypatch.setattr(services, "ingest", lambda: next(owners))
    monkeypatch.setenv("INGEST_DEADLINE_SECONDS", "10")
    settings.cache_clear()

    await asyncio.gather(push_events_kafka(batch), push_events_kafka(batch[::-1]))
    by_one = MemoryTables()
    await Ingest(by_one, shards=4).store(deliver(*bodies), within(10))

    assert without_arrival(tables) == without_arrival(by_one)


def test_messages_without_a_value_do_not_stop_their_batch():
    """The host leaves them out of the bodies alone; the library would refuse such a batch, for ever."""
    take_messages_without_value()

    data, metadata = datums(STATE, None, b"second", None)

    decoded = KafkaTriggerConverter.decode(data, trigger_metadata=metadata)

    assert [event.get_body() for event in decoded] == [STATE, b"second", b"", b""]
    assert {event.offset for event in decoded} == {None}


def test_a_batch_of_such_messages_alone_keeps_their_places():
    """Then it is known which they are; so it mostly is, where few messages come."""
    take_messages_without_value()
    data, metadata = datums(None, None)

    decoded = KafkaTriggerConverter.decode(data, trigger_metadata=metadata)

    assert [(event.get_body(), event.offset, event.partition) for event in decoded] == [(b"", 70, 1), (b"", 71, 1)]


def test_batches_without_such_messages_are_decoded_as_ever():
    """Bodies with what stands beside them, by the library itself; an empty value is a value."""
    take_messages_without_value()
    data, metadata = datums(STATE, b"")

    decoded = KafkaTriggerConverter.decode(data, trigger_metadata=metadata)

    assert [(event.get_body(), event.offset, event.partition) for event in decoded] == [(STATE, 70, 1), (b"", 71, 1)]
    assert {event.topic for event in decoded} == {"push-events"}


async def test_no_body_key_or_header_reaches_the_log(tables, caplog):
    """Counts and reasons only."""
    await push_events_kafka([message(b"no json but SECRET-BODY", headers=[header("h", b"SECRET-HEADER")])])

    assert "quarantined reason=not-json entries=1" in caplog.text
    assert "SECRET" not in caplog.text


@pytest.mark.parametrize(
    ("environment", "told"),
    [
        ({}, ""),
        ({"KAFKA_BROKER_LIST": "broker:9092"}, "PUSH_EVENTS_TOPIC is not set"),
        ({"PUSH_EVENTS_TOPIC": "push-events"}, "KAFKA_BROKER_LIST is not set"),
        (BOTH | {"KAFKA_PROTOCOL": "tls"}, "KAFKA_PROTOCOL is a word that is not known"),
    ],
)
def test_without_broker_and_topic_there_is_no_function(caplog, environment, told):
    """Nothing set is no matter; half set, or set wrongly, is one clear line."""
    assert blueprint_for(environment)._function_builders == []
    assert len(caplog.records) == bool(told)
    assert told in caplog.text


def test_a_password_that_azure_did_not_resolve_is_told(caplog):
    """The function is there, and why the broker will not let it in is in the log; the reference itself is not."""
    reference = "@Microsoft.KeyVault(VaultName=kv;SecretName=kafka-password)"
    blueprint = blueprint_for(BOTH | {"KAFKA_USERNAME": "u", "KAFKA_PASSWORD": reference})

    assert len(blueprint._function_builders) == 1
    assert "KAFKA_PASSWORD is a reference to Key Vault that Azure has not resolved" in caplog.text
    assert "VaultName" not in caplog.text


@pytest.mark.parametrize(
    ("environment", "missing"),
    [
        ({"KAFKA_PROTOCOL": "SASL_SSL"}, ["KAFKA_USERNAME", "KAFKA_PASSWORD"]),
        ({"KAFKA_USERNAME": "u"}, ["KAFKA_PASSWORD"]),
        ({"KAFKA_USERNAME": "u", "KAFKA_PASSWORD": "p"}, []),
        ({"KAFKA_PROTOCOL": "ssl"}, []),
    ],
)
def test_sasl_without_a_user_or_a_password_is_told_by_name(caplog, environment, missing):
    """The function is there, and a line for each setting says why the broker will not let it in."""
    blueprint = blueprint_for(BOTH | environment)

    assert len(blueprint._function_builders) == 1
    assert [record.getMessage() for record in caplog.records] == [
        f"kafka will refuse the app: {name} is not set: set it, or a KAFKA_PROTOCOL without SASL." for name in missing
    ]


def test_the_function_comes_with_a_library_that_takes_messages_without_a_value(monkeypatch):
    """Where there is the function, its batches are decoded by us; without Kafka the library is left alone."""

    def of_the_library(_data, _metadata):
        raise AssertionError

    monkeypatch.setattr(KafkaTriggerConverter, "decode_multiple_events", staticmethod(of_the_library))

    blueprint_for({})
    assert KafkaTriggerConverter.decode_multiple_events is of_the_library

    blueprint_for(BOTH)
    assert KafkaTriggerConverter.decode_multiple_events is decode_batch
