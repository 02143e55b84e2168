"""What the writers are given is what ingest wrote."""

from azure.data.tables import EdmType, EntityProperty

from bench.recording import record, sdk_operation, unconditional
from bench.storing import BATCH_SIZE, delivered
from shared.instants import Instant
from shared.tables.store import Int64, Kind, Operation
from tests.support.messages import body, documented


async def test_a_batch_is_recorded_in_its_two_phases():
    """The archive's rows come first; the current state of the same message is in the second phase."""
    (batch,) = await record(delivered([body(documented("mt", "charger_state"))]))

    assert [written.table for written in batch.archive] == ["PushEvents202504"]
    assert [written.table for written in batch.projections] == [
        *("Layout", "ChargerStatus"),
        *("PollState", "PollState"),  # when push told something of the charger, and of the fleet
    ]


async def test_every_batch_is_recorded_by_itself():
    """What the first batch wrote does not come again with the second."""
    messages = [body(documented("mt", "charger_state", message=str(number))) for number in range(BATCH_SIZE + 1)]

    batches = await record(delivered(messages))

    assert [sum(len(written.operations) for written in batch.archive) for batch in batches] == [BATCH_SIZE, 1]


def test_an_update_becomes_a_replacement_and_an_insert_stays_one():
    """ETags belong to ingest's own tables; what needs none is written as ingest writes it."""
    row = {"PartitionKey": "00", "RowKey": "A"}

    assert unconditional(Operation(Kind.UPDATE, row, 'W/"1"')) == Operation(Kind.UPSERT, row)
    assert unconditional(Operation(Kind.INSERT, row)) == Operation(Kind.INSERT, row)


def test_the_sdk_gets_the_same_types():
    """Int64 stays an Int64 and a time a time; empty columns are left out, as our own encoder does."""
    when = Instant.from_iso("2025-04-02T09:11:03.7849430Z")
    row = {"PartitionKey": "00", "RowKey": "A", "energy_wh": Int64(5), "ended_at": when, "id_tag": None}

    kind, entity = sdk_operation(Operation(Kind.INSERT, row))

    assert kind == "create"
    assert entity == {
        "PartitionKey": "00",
        "RowKey": "A",
        "energy_wh": EntityProperty(5, EdmType.INT64),
        "ended_at": when.datetime,
    }
