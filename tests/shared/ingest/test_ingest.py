"""What a batch leaves in the tables: everything once, nothing lost, whatever came in it and how often."""

import random

import pytest

from shared.errors import ConfigurationError, RowRefused, StorageUnavailable
from shared.events import EventType
from shared.ingest.ingest import Ingest
from shared.instants import Instant
from shared.retention import drop_expired_tables
from shared.tables.bodies import restore_body
from tests.support.memory_tables import MemoryTables
from tests.support.messages import DOCUMENTED, body, deliver, documented, within

ALL = [documented(generation, name) for generation, name in DOCUMENTED]
NO_JSON = b"ChargerState;C1;Available"


async def test_every_documented_message_is_archived_and_projected(store):
    """Five types in three generations."""
    outcome = await store.store(*ALL)

    assert outcome.stored.total() == len(ALL)
    assert not outcome.quarantined
    archived = [
        row
        for table in await store.tables.list_tables()
        if table.startswith("PushEvents")
        for row in await store.rows(table)
    ]
    assert sorted(row["raw"] for row in archived) == sorted(body(message).decode() for message in ALL)
    assert {row["transport"] for row in archived} == {"servicebus"}
    sessions = await store.rows("Transactions")
    assert [(row["RowKey"], row["state"]) for row in sessions] == [
        ("ChargerId1234!123445", "complete"),
        ("ID_OF_CHARGER!1032427936", "complete"),
    ]
    assert {row["RowKey"] for row in await store.rows("ChargerStatus")} == {
        f"{charger}!{part}" for charger in ("ChargerId1234", "ID_OF_CHARGER") for part in ("charger", "socket-1")
    }


async def test_repeats_change_nothing_in_the_same_batch_the_next_or_another_worker(store):
    """The first delivery's transport and time stay."""
    await store.store(*ALL, *ALL)
    before = await store.everything()

    same_worker = await store.store(*ALL)
    other_worker = await store.store(*ALL, ingest=store.restarted(), transport="webhook")

    assert await store.everything() == before
    assert (same_worker.repeats, other_worker.repeats) == (len(ALL), len(ALL))
    assert not same_worker.stored + other_worker.stored


async def test_any_order_and_any_cutting_into_batches_ends_in_the_same_rows(memory):
    """The promise, over all types and generations at once."""
    await memory.store(*ALL)
    expected = await memory.everything()
    chance = random.Random(4)

    for _ in range(30):
        other = type(memory)(MemoryTables())
        order = chance.sample(ALL * 2, len(ALL) * 2)
        while order:
            size = chance.randint(1, 12)
            await other.store(*order[:size], ingest=chance.choice([other.ingest, other.restarted()]))
            order = order[size:]
        assert await other.everything() == expected


async def test_one_bad_message_in_a_thousand_costs_the_others_nothing(memory):
    """It goes to quarantine with its reason, whole."""
    good = [documented("mt", "charger_state", chargerId=f"CP{number}") for number in range(999)]

    outcome = await memory.store(*good[:500], NO_JSON, *good[500:])

    assert outcome.stored == {EventType.CHARGER_STATE: 999}
    (row,) = await memory.rows("Quarantine")
    assert (row["reason"], row["raw"], row["deliveries"]) == ("not-json", NO_JSON.decode(), 1)


async def test_quarantine_counts_how_often_a_body_came(store):
    """In one batch and over several."""
    await store.store(NO_JSON, NO_JSON)
    await store.store(NO_JSON, ingest=store.restarted())

    (row,) = await store.rows("Quarantine")
    assert row["deliveries"] == 3


async def test_the_events_of_an_array_are_told_apart(store):
    """One message, one event stored, one element that is no event."""
    outcome = await store.store([documented("mt", "charger_state"), 17])

    assert (outcome.stored.total(), outcome.quarantined) == (1, {"not-an-object": 1})


async def test_a_body_too_large_for_a_row_comes_back_bit_for_bit(store):
    """Two megabytes that do not compress."""
    large = documented("mt", "charger_state", note=random.Random(1).randbytes(1_000_000).hex())
    await store.store(large)

    (row,) = await store.rows("PushEvents202504")
    parts = await store.rows(row["raw_table"]) if "raw_table" in row else []
    assert restore_body(row, parts) == body(large)


async def test_what_is_new_is_counted_by_day_with_its_first_sample(store):
    """And a repeat is not counted again."""
    new_field = [documented("mt", "charger_state", chargerId=f"C{number}", fanSpeed=number) for number in range(3)]
    await store.store(*new_field[:2])
    await store.store(*new_field, ingest=store.restarted())

    (row,) = await store.rows("Drift")
    assert (row["PartitionKey"], row["kind"], row["name"]) == ("20250402", "field", "ChargerState.fanSpeed")
    assert (row["count"], row["sample"], row["sample_charger_id"]) == (3, "0", "C0")


async def test_drift_is_bounded_for_each_day(memory):
    """A sender that invents field names fills one overflow row, also across a restart."""
    for part in range(4):
        wild = {f"field{part}_{number}": number for number in range(100)}
        await memory.store(documented("mt", "charger_state", chargerId=f"C{part}", **wild), ingest=memory.restarted())

    rows = {row["RowKey"]: row["count"] for row in await memory.rows("Drift")}
    assert (len(rows), rows["overflow"]) == (301, 100)


async def test_measurements_are_one_wide_row_for_each_message(store):
    """Base units, and the unit it came in."""
    values = [
        {"value": "12.5", "typeOfMeasurement": "Energy.Active.Import.Register", "unit": "kWh"},
        {"value": "236", "typeOfMeasurement": "Voltage", "phase": "L1-N", "unit": "V"},
    ]
    await store.store(documented("mt", "measurements", measurements=values))

    (row,) = await store.rows("Measurements202504")
    assert row["RowKey"].startswith("ID_OF_CHARGER!1199757308!2025-04-02T07:50:27.7813314Z!")
    assert (row["energy_active_import_register_wh"], row["voltage_l1_n_v"]) == (12500.0, 236.0)
    assert row["source_units"] == '{"energy_active_import_register_wh":"kWh"}'


async def test_events_without_a_time_have_one_fixed_place(store):
    """So that their repeats still meet."""
    timeless = documented("mt", "charger_state", receivedTimestamp="0001-01-01T00:00:00Z", deviceTimeStamp=None)
    await store.store(timeless)
    await store.store(timeless, ingest=store.restarted())

    (row,) = await store.rows("PushEventsUndated")
    assert row["PartitionKey"].startswith("undated-")


async def test_a_session_id_used_again_is_logged_once(memory, caplog):
    """The row says it for good, also where the batch is given back for something else."""
    later = documented(
        "mt", "charging_transaction", receivedTimestamp="2025-05-02T00:00:00Z", deviceTimeStamp="2025-05-02T00:00:00Z"
    )
    await memory.store(documented("mt", "charging_transaction"))
    assert "used again" not in caplog.text

    def fail(_method, table):
        if table.startswith("Measurements"):
            raise StorageUnavailable("the test says so")

    memory.tables.before = fail
    with pytest.raises(StorageUnavailable):
        await memory.store(later, documented("mt", "measurements"))
    memory.tables.before = None
    await memory.store(later, documented("mt", "measurements"))
    await memory.store(documented("mt", "full_charging_transaction"))

    assert caplog.text.count("used again charger_id='ID_OF_CHARGER' transaction_id='1032427936'") == 1


async def test_an_event_nested_deep_or_with_odd_values_is_stored_like_any_other(memory):
    """Alone and in an array with good ones."""
    deep = b'{"chargerId":"X","a":' + b"[" * 300 + b"]" * 300 + b"}"
    odd = b'{"chargerId":"Y","status":"Available","message":"\\ud83d","x":1e400}'

    outcome = await memory.store(*ALL, deep, b"[%s,%s]" % (odd, deep))

    assert (outcome.stored.total(), outcome.quarantined.total()) == (len(ALL) + 2, 0)


async def test_a_statistic_that_cannot_be_written_gives_nothing_back(memory, caplog):
    """Drift is logged as not counted."""

    def fail(_method, table):
        if table == "Drift":
            raise StorageUnavailable("the test says so")

    memory.tables.before = fail
    outcome = await memory.store(documented("mt", "charger_state", fanSpeed=1))

    assert outcome.stored.total() == 1
    assert "drift not counted novelties=1" in caplog.text


async def test_a_large_body_in_quarantine_keeps_its_parts_when_months_are_dropped(memory):
    """Retention takes whole month tables, and no row of quarantine."""
    body_of_noise = random.Random(1).randbytes(700_000)
    await memory.store(body_of_noise)

    await drop_expired_tables(memory.tables, Instant.from_iso("2040-01-01T00:00:00.0000000Z"), 1)

    (row,) = await memory.rows("Quarantine")
    assert restore_body(row, await memory.rows(row["raw_table"])) == body_of_noise


async def test_another_shard_count_is_refused(store):
    """Rows would be looked for in other partitions than they are in."""
    await store.store(*ALL)

    with pytest.raises(ConfigurationError, match="EVENT_SHARDS is 8, but the tables were made with 4"):
        await Ingest(store.tables, shards=8).store(deliver(*ALL), within(5))


async def test_two_workers_over_the_same_messages_end_in_the_same_rows(store):
    """Conditional writes hold: whoever is slower reads again."""
    await store.store(*ALL)
    expected = await store.everything()
    for table in await store.tables.list_tables():
        await store.tables.drop_table(table)
    workers = [store.restarted(), store.restarted()]
    chance = random.Random(9)
    queues = [chance.sample(ALL, len(ALL)) for _ in workers]

    import asyncio  # noqa: PLC0415

    async def work(worker, queue):
        for start in range(0, len(queue), 4):
            await store.store(*queue[start : start + 4], ingest=worker)

    await asyncio.gather(*(work(worker, queue) for worker, queue in zip(workers, queues, strict=True)))

    found = await store.everything()
    assert found.keys() == expected.keys()
    ignored = {"first_received_at"}
    for table, rows in expected.items():
        assert [{k: v for k, v in row.items() if k not in ignored} for row in found[table]] == [
            {k: v for k, v in row.items() if k not in ignored} for row in rows
        ]


@pytest.mark.parametrize("failing_call", range(12))
@pytest.mark.parametrize("moment", ["before", "after"])
async def test_a_batch_that_fails_at_any_call_is_whole_after_its_redelivery(memory, failing_call, moment):
    """Storage fails once, before or after the effect of one call; the batch is given back and comes again."""
    await memory.store(*ALL)
    expected = await memory.everything()
    calls = iter(range(10_000))

    def fail(_method, _table):
        if next(calls) == failing_call:
            raise StorageUnavailable("the test says so")

    tables = MemoryTables(**{moment: fail})
    other = type(memory)(tables)
    with pytest.raises(StorageUnavailable):
        await other.store(*ALL)
    outcome = await other.store(*ALL)

    assert await other.everything() == expected
    assert not outcome.quarantined
    assert "Quarantine" not in await tables.list_tables()


async def test_a_row_that_storage_refuses_for_good_goes_to_quarantine_alone(memory, monkeypatch):
    """Told by its place in the transaction; all others are stored."""
    refused = documented("mt", "charger_state", chargerId="REFUSED")
    execute = memory.tables.execute

    async def refuse(table, operations, deadline):
        for index, operation in enumerate(operations):
            if table.startswith("PushEvents") and operation.row["charger_id"] == "REFUSED":
                raise RowRefused("the test says so", index=index, code="PropertyValueTooLarge")
        return await execute(table, operations, deadline)

    monkeypatch.setattr(memory.tables, "execute", refuse)
    outcome = await memory.store(*ALL, refused)

    assert (outcome.stored.total(), outcome.quarantined) == (len(ALL), {"row-refused-PropertyValueTooLarge": 1})
    (row,) = await memory.rows("Quarantine")
    assert (row["charger_id"], row["raw"]) == ("REFUSED", body(refused).decode())


async def test_a_refusal_that_names_no_row_costs_only_the_row_it_is_about(memory, monkeypatch):
    """Each row of the transaction is tried by itself."""
    execute = memory.tables.execute

    async def refuse(table, operations, deadline):
        if table == "ChargerStatus" and any("socket-1" in str(op.row["RowKey"]) for op in operations):
            raise RowRefused("the test says so", index=None, code="RequestBodyTooLarge", status=413)
        return await execute(table, operations, deadline)

    monkeypatch.setattr(memory.tables, "execute", refuse)
    outcome = await memory.store(*ALL)

    assert outcome.quarantined.total() == 3  # the states of the two sockets, told by three messages
    assert {row["RowKey"] for row in await memory.rows("ChargerStatus")} == {
        "ChargerId1234!charger",
        "ID_OF_CHARGER!charger",
    }
    assert len(await memory.rows("Transactions")) == 2


async def test_an_unforeseen_fault_of_ours_costs_one_message(memory, monkeypatch):
    """A bug in reading one message must not stop the queue; the message waits in quarantine for its repair."""
    from shared.ingest import plan  # noqa: PLC0415

    read_event = plan.read_event

    def read(element):
        if element.value.get("chargerId") == "BUG":
            raise ZeroDivisionError
        return read_event(element)

    monkeypatch.setattr(plan, "read_event", read)
    outcome = await memory.store(*ALL, documented("mt", "charger_state", chargerId="BUG"))

    assert (outcome.stored.total(), outcome.quarantined) == (len(ALL), {"not-understood-ZeroDivisionError": 1})
