"""`AzureTables` held to azure-data-tables: each reads what the other wrote, and both are refused alike (on Azurite)."""

import math
import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest
from azure.core import MatchConditions
from azure.data.tables import EdmType, EntityProperty, TableTransactionError
from azure.data.tables.aio import TableClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.errors import RowChanged, RowExists
from shared.instants import Instant
from shared.tables.client import AzureTables
from shared.tables.store import Int64
from tests.shared.tables.rows import NOON, VALUES, insert, row, soon, update, upsert

given_a_few = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
async def ours(azurite) -> AsyncIterator[AzureTables]:
    """Our client."""
    tables = AzureTables.from_connection_string(azurite)
    yield tables
    await tables.close()


@pytest.fixture
async def sdk(azurite, ours) -> AsyncIterator[TableClient]:
    """The SDK's client for a new table."""
    name = f"T{uuid.uuid4().hex}"
    await ours.create_table(name, soon())
    async with TableClient.from_connection_string(azurite, name) as client:
        yield client


def as_sdk_reads(value):
    """What the SDK makes of one of our values."""
    if isinstance(value, Int64):
        return EntityProperty(int(value), EdmType.INT64)
    if isinstance(value, Instant):
        return value.datetime
    return value


def as_sdk_writes(value):
    """What the SDK is given for one of our values; a text passes a time's seventh digit."""
    return EntityProperty(value.iso, EdmType.DATETIME) if isinstance(value, Instant) else as_sdk_reads(value)


async def test_the_sdk_reads_what_we_wrote(ours, sdk):
    """Every Edm type arrives as that type, times with their seventh digit."""
    [etag] = await ours.execute(sdk.table_name, [insert("1", **VALUES)], soon())
    entity = await sdk.get_entity("p", "1")

    assert {name: as_sdk_reads(value) for name, value in row("1", **VALUES).items()} == dict(entity)
    assert NOON.iso == entity["time_to_100_ns"].tables_service_value
    assert etag == entity.metadata["etag"]
    for name, value in VALUES.items():
        assert isinstance(entity[name], type(as_sdk_reads(value)))


async def test_we_read_what_the_sdk_wrote(ours, sdk):
    """Every Edm type is understood, by point read and by query."""
    written = await sdk.create_entity({name: as_sdk_writes(value) for name, value in row("1", **VALUES).items()})
    read = await ours.get(sdk.table_name, "p", "1", soon())
    [queried] = [found async for found in ours.query(sdk.table_name)]

    assert row("1", **VALUES) == read.row == queried.row
    assert written["etag"] == read.etag == queried.etag
    assert {name: type(value) for name, value in VALUES.items()} == {name: type(read.row[name]) for name in VALUES}


async def test_not_a_number_is_the_same_to_both(ours, sdk):
    """NaN travels both ways."""
    await ours.execute(sdk.table_name, [insert("1", x=math.nan)], soon())
    await sdk.create_entity(row("2", x=math.nan))

    assert math.isnan((await sdk.get_entity("p", "1"))["x"])
    assert math.isnan((await ours.get(sdk.table_name, "p", "2", soon())).row["x"])


async def test_times_without_fraction_are_read(ours, sdk):
    """The service leaves out a fraction of zero, and digits at its end."""
    await sdk.create_entity(
        row(
            "1",
            x=EntityProperty("2025-04-02T10:11:12Z", EdmType.DATETIME),
            y=EntityProperty("2025-04-02T10:11:12.5Z", EdmType.DATETIME),
        )
    )
    read = (await ours.get(sdk.table_name, "p", "1", soon())).row

    second = Instant.from_datetime(datetime(2025, 4, 2, 10, 11, 12, tzinfo=UTC))
    assert (second, Instant(second + 5_000_000)) == (read["x"], read["y"])


@given_a_few
@given(
    text=st.text(st.characters(exclude_categories=["Cs"])),
    large=st.integers(-(2**63), 2**63 - 1),
    number=st.floats(allow_nan=False),
    data=st.binary(),
)
async def test_any_value_is_the_same_to_both(ours, sdk, text, large, number, data):
    """What we write the SDK reads, and what it writes from that we read."""
    values = {"text": text, "large": Int64(large), "number": number, "data": data}
    await ours.execute(sdk.table_name, [upsert("1", **values)], soon())
    entity = await sdk.get_entity("p", "1")
    entity["RowKey"] = "2"
    await sdk.upsert_entity(entity)

    assert (text, (large, EdmType.INT64), number, data) == tuple(entity[name] for name in values)
    assert row("2", **values) == (await ours.get(sdk.table_name, "p", "2", soon())).row


async def test_both_are_told_the_same_existing_row(ours, sdk):
    """A transaction that inserts an existing row fails at the same index."""
    await ours.execute(sdk.table_name, [insert("2")], soon())

    with pytest.raises(RowExists) as raised:
        await ours.execute(sdk.table_name, [insert("1"), insert("2")], soon())
    with pytest.raises(TableTransactionError) as raised_by_sdk:
        await sdk.submit_transaction([("create", row("1")), ("create", row("2"))])

    assert 1 == raised.value.index == raised_by_sdk.value.index


async def test_both_are_told_the_same_changed_row(ours, sdk):
    """A transaction with an old ETag fails at the same index."""
    [old] = await ours.execute(sdk.table_name, [insert("2")], soon())
    await ours.execute(sdk.table_name, [upsert("2", x=1)], soon())

    with pytest.raises(RowChanged) as raised:
        await ours.execute(sdk.table_name, [insert("1"), update(old, "2")], soon())
    condition = {"mode": "replace", "etag": old, "match_condition": MatchConditions.IfNotModified}
    with pytest.raises(TableTransactionError) as raised_by_sdk:
        await sdk.submit_transaction([("create", row("1")), ("update", row("2"), condition)])

    assert 1 == raised.value.index == raised_by_sdk.value.index


async def test_an_etag_of_the_sdk_serves_our_update(ours, sdk):
    """ETags are the service's, so either may go on with the other's."""
    written = await sdk.create_entity(row("1"))
    [etag] = await ours.execute(sdk.table_name, [update(written["etag"], "1", x=1)], soon())
    await sdk.update_entity(row("1", x=2), mode="replace", etag=etag, match_condition=MatchConditions.IfNotModified)

    assert row("1", x=2) == (await ours.get(sdk.table_name, "p", "1", soon())).row
