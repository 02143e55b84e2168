"""Storing for Kafka: a fault of this app stops nothing for ever and loses nothing; an outage is told to the caller."""

from types import SimpleNamespace

import pytest
from azure_functions_runtime.utils.tracing import marshall_exception_trace

from shared import telemetry
from shared.errors import ConfigurationError, StorageRefusesAccess, StorageUnavailable
from shared.ingest import taking_apart
from shared.ingest.ingest import Ingest
from shared.ingest.rows import Delivery, KafkaPosition
from shared.ingest.taking_apart import MOST_TRIES, store_or_set_aside
from shared.tables.bodies import restore_body
from tests.support.memory_tables import MemoryTables
from tests.support.messages import RECEIVED_AT, body, documented, within

STATE, TRANSACTION, BOOT = (
    body(documented("mt", name)) for name in ("charger_state", "charging_transaction", "charger_boot")
)


class FaultyIngest(Ingest):
    """An ingest with a fault of its own in whatever batch holds a certain body, for its first so many calls."""

    def __init__(self, tables, cannot=b"", fault=RuntimeError, most_faults=1_000):
        super().__init__(tables, shards=4)
        self.cannot, self.fault, self.faults_left = cannot, fault, most_faults
        self.batches = []

    async def store(self, deliveries, deadline):
        """See Ingest; the sizes of the batches are remembered."""
        self.batches.append(len(deliveries))
        if self.faults_left and any(delivery.body == self.cannot for delivery in deliveries):
            self.faults_left -= 1
            raise self.fault("TAG-SECRET is in the text of the error")
        return await super().store(deliveries, deadline)


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch):
    """Tries follow each other at once."""
    monkeypatch.setattr(taking_apart, "PAUSE_SECONDS", 0.0)


@pytest.fixture
def tables():
    """Storage that works."""
    return MemoryTables()


def deliveries(*bodies):
    """Messages of one partition, one after the other."""
    return [
        Delivery(content, "kafka", RECEIVED_AT, position=KafkaPosition("push-events", 2, 5_000_000_000 + number))
        for number, content in enumerate(bodies)
    ]


def event_types(tables):
    """What the archive has."""
    return sorted(row["type"] for row in tables.rows("PushEvents202504"))


async def test_a_batch_without_a_fault_is_stored_in_one_call(tables):
    """Nothing is taken apart without need."""
    ingest = FaultyIngest(tables)

    outcome = await store_or_set_aside(ingest, deliveries(STATE, TRANSACTION), within(5))

    assert (ingest.batches, outcome.deliveries, outcome.stored.total()) == ([2], 2, 2)


async def test_a_fault_that_passes_sets_nothing_aside(tables):
    """The batch is tried again before it is taken apart."""
    ingest = FaultyIngest(tables, cannot=STATE, most_faults=MOST_TRIES - 1)

    outcome = await store_or_set_aside(ingest, deliveries(STATE, TRANSACTION), within(5))

    assert (ingest.batches, outcome.stored.total(), outcome.quarantined.total()) == ([2] * MOST_TRIES, 2, 0)


@pytest.mark.parametrize("fault", [RuntimeError, KeyError, AssertionError])
async def test_a_fault_that_stays_costs_the_one_message_and_is_bounded(tables, fault):
    """Three tries and a call for each message: one is in quarantine, whole, with its place, the others are stored."""
    ingest = FaultyIngest(tables, cannot=TRANSACTION, fault=fault)

    outcome = await store_or_set_aside(ingest, deliveries(STATE, TRANSACTION, BOOT), within(5))

    assert ingest.batches == [3] * MOST_TRIES + [1] * 3
    assert event_types(tables) == ["ChargerBoot", "ChargerState"]
    (row,) = tables.rows("Quarantine")
    assert (row["reason"], row["transport"]) == (f"not-stored-{fault.__name__}", "kafka")
    assert (row["topic"], row["partition"], row["offset"]) == ("push-events", 2, 5_000_000_001)
    assert restore_body(row) == TRANSACTION
    assert (outcome.deliveries, outcome.stored.total()) == (3, 2)
    assert dict(outcome.quarantined) == {f"not-stored-{fault.__name__}": 1}


async def test_the_same_again_is_counted_and_no_second_row(tables):
    """As after a rebalance: the batch comes to another owner, who meets the same fault."""
    for _ in range(2):
        await store_or_set_aside(FaultyIngest(tables, cannot=STATE), deliveries(STATE), within(5))

    (row,) = tables.rows("Quarantine")
    assert row["deliveries"] == 2


@pytest.mark.parametrize("raised", [StorageUnavailable, ConfigurationError])
async def test_an_outage_and_a_wrong_setting_are_the_callers_to_wait_for(tables, raised):
    """At the first try, however often: nobody's messages are set aside for them."""
    ingest = FaultyIngest(tables, cannot=STATE, fault=raised)

    for _ in range(2 * MOST_TRIES):
        with pytest.raises(raised):
            await store_or_set_aside(ingest, deliveries(STATE), within(5))

    assert ingest.batches == [1] * 2 * MOST_TRIES
    assert "Quarantine" not in await tables.list_tables()


@pytest.mark.parametrize("table", ["PushEvents202504", "Quarantine"])
async def test_an_outage_while_a_batch_is_taken_apart_loses_nothing(tables, table):
    """The whole comes again; what was stored or set aside by then is a repeat."""
    ingest = FaultyIngest(tables, cannot=STATE, most_faults=MOST_TRIES + 1)

    def fail(_method, failing_table):
        if failing_table == table and ingest.batches[-1] == 1:
            raise StorageUnavailable("the test says so")

    tables.before = fail
    with pytest.raises(StorageUnavailable):
        await store_or_set_aside(ingest, deliveries(STATE, TRANSACTION), within(0.2))
    tables.before = None
    ingest.faults_left = 1_000
    await store_or_set_aside(ingest, deliveries(STATE, TRANSACTION), within(5))

    assert event_types(tables) == ["ChargingTransaction"]
    assert [row["reason"] for row in tables.rows("Quarantine")] == ["not-stored-RuntimeError"]


async def test_the_log_says_where_a_fault_is_and_nothing_of_its_text(tables, caplog):
    """The text of a fault that nobody foresaw could hold anything."""
    await store_or_set_aside(FaultyIngest(tables, cannot=STATE), deliveries(STATE), within(5))

    assert caplog.text.count("error=RuntimeError at ") == MOST_TRIES + 1
    assert f"{__file__}:" in caplog.text
    assert "TAG-SECRET" not in caplog.text


async def test_what_an_outage_tells_has_nothing_of_the_fault_before_it(tables):
    """Storage goes away while a message is set aside: the runtime logs the whole chain of what is raised."""

    def refuse(_method, _table):
        raise StorageRefusesAccess("the test says so", status=403)

    tables.before = refuse
    with pytest.raises(StorageRefusesAccess) as raised:
        await store_or_set_aside(FaultyIngest(tables, cannot=STATE), deliveries(STATE), within(0.2))

    assert "TAG-SECRET" not in marshall_exception_trace(raised.value)


async def test_an_outage_while_a_message_is_set_aside_is_counted_as_given_back(tables, monkeypatch):
    """Once: an alert rings by it."""
    outcomes = []
    duration = SimpleNamespace(record=lambda _value, outcome: outcomes.append(outcome))
    monkeypatch.setattr(telemetry, "INGEST_DURATION", duration)

    def refuse(_method, _table):
        raise StorageRefusesAccess("the test says so", status=403)

    tables.before = refuse
    with pytest.raises(StorageRefusesAccess):
        await store_or_set_aside(FaultyIngest(tables, cannot=STATE), deliveries(STATE), within(0.2))

    assert outcomes == ["given_back"]


async def test_what_is_not_from_kafka_leaves_the_place_alone(tables):
    """The same body over Service Bus, later that day: Kafka still has it where it had it."""
    ingest = Ingest(tables, shards=4)
    await ingest.store(deliveries(b"no json"), within(5))
    await ingest.store([Delivery(b"no json", "servicebus", RECEIVED_AT)], within(5))

    (row,) = tables.rows("Quarantine")
    assert (row["transport"], row["deliveries"]) == ("servicebus", 2)
    assert (row["topic"], row["partition"], row["offset"]) == ("push-events", 2, 5_000_000_000)
