"""What every implementation of `Tables` does: the double in memory and `AzureTables` on Azurite alike."""

import asyncio
import math
import uuid

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.deadlines import Deadline
from shared.errors import RowChanged, RowExists, RowRefused, StorageUnavailable, TableMissing
from shared.instants import Instant
from shared.tables.batch_body import changesets
from shared.tables.limits import END_OF_INSTANTS, FIRST_INSTANT, row_size_bytes
from shared.tables.store import Int64, Kind, Operation
from tests.shared.tables.rows import NOON, VALUES, insert, row, row_keys, soon, update, upsert

# Azurite looks for the end of a key in the decoded URL, and there `',` within a key misleads it.
# Azurite loses keys that hold `',` in their address, and a key that begins with a comma is such a one.
LEGAL_KEYS = st.text(
    st.characters(exclude_categories=["Cc", "Cs"], exclude_characters="/\\#?',"), min_size=1, max_size=60
)
ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=200)

# Azurite reads no literals of infinities, of empty binaries and of doubles with an exponent.
NOT_ASKED_FOR = {"infinity", "negative_infinity", "empty_binary", "double_large", "double_tiny", "double_exponent"}

given_a_few = settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)

TOO_MUCH = {
    "int32": ({"x": 2**31}, "OutOfRangeInput"),
    "negative_int32": ({"x": -(2**31) - 1}, "OutOfRangeInput"),
    "int64": ({"x": Int64(2**63)}, "OutOfRangeInput"),
    "negative_int64": ({"x": Int64(-(2**63) - 1)}, "OutOfRangeInput"),
    "year_1600": ({"x": Instant(FIRST_INSTANT - 1)}, "OutOfRangeInput"),
    "year_10000": ({"x": Instant(END_OF_INSTANTS)}, "OutOfRangeInput"),
    "text": ({"x": "x" * (32 * 1024 + 1)}, "PropertyValueTooLarge"),
    "text_in_utf_16": ({"x": "😀" * (16 * 1024) + "x"}, "PropertyValueTooLarge"),
    "binary": ({"x": bytes(64 * 1024 + 1)}, "PropertyValueTooLarge"),
    "half_a_surrogate_pair": ({"x": "\ud83d"}, "InvalidInput"),
    "columns": ({f"c{number}": number for number in range(253)}, "TooManyProperties"),
    "name_length": ({"c" * 256: 1}, "PropertyNameTooLong"),
    "name_with_hyphen": ({"a-b": 1}, "PropertyNameInvalid"),
    "name_with_dot": ({"odata.etag": "x"}, "PropertyNameInvalid"),
    "empty_name": ({"": 1}, "PropertyNameInvalid"),
    "name_of_the_service": ({"Timestamp": NOON}, "PropertyNameInvalid"),
    "row": ({f"c{number}": "x" * 32_000 for number in range(17)}, "EntityTooLarge"),
    "unknown_type": ({"x": 1j}, "InvalidValueType"),
    "row_key_length": ({"RowKey": "k" * 513}, "OutOfRangeInput"),
    "row_key_length_in_utf_16": ({"RowKey": "😀" * 256 + "k"}, "OutOfRangeInput"),
    "row_key_missing": ({"RowKey": None}, "PropertiesNeedValue"),
    **{
        f"row_key_with_{ord(character):04x}": ({"RowKey": f"a{character}b"}, "InvalidInput")
        for character in "/\\#?\x00\x1f\x7f\x9f\ud800"
    },
}

UP_TO_THE_LIMIT = {
    "text": {"x": "x" * (32 * 1024)},
    "text_in_utf_16": {"x": "😀" * (16 * 1024)},
    "binary": {"x": bytes(64 * 1024)},
    "columns": {f"c{number}": number for number in range(252)} | {"left_out": None},
    "name_length": {"c" * 255: 1},
    "name_of_letters": {"Ladezustand_Größe": 1},
    "row": {f"c{number}": "x" * 32_000 for number in range(16)},
}


async def stored(tables, table, row_key="1", partition_key="p"):
    """The row that is there; it must be."""
    found = await tables.get(table, partition_key, row_key, soon())
    assert found is not None
    return found


async def test_every_value_comes_back_with_its_type(tables, table):
    """A point read and a query return each Edm type exactly as it was written."""
    await tables.execute(table, [insert("1", **VALUES)], soon())
    read = (await stored(tables, table)).row
    queried = [found.row async for found in tables.query(table)]

    assert row("1", **VALUES) == read
    assert [read] == queried
    assert {name: type(value) for name, value in VALUES.items()} == {name: type(read[name]) for name in VALUES}
    assert {name: type(value) for name, value in read.items()} == {
        name: type(value) for name, value in queried[0].items()
    }


async def test_not_a_number_comes_back(tables, table):
    """NaN, which equals nothing, is stored too."""
    await tables.execute(table, [insert("1", x=math.nan)], soon())

    value = (await stored(tables, table)).row["x"]

    assert isinstance(value, float)
    assert math.isnan(value)


async def test_none_is_left_out(tables, table):
    """A column that is None is no column."""
    await tables.execute(table, [insert("1", x=None, y=1)], soon())

    assert row("1", y=1) == (await stored(tables, table)).row


@given_a_few
@given(texts=st.lists(ANY_TEXT, min_size=1, max_size=5))
async def test_any_text_comes_back(tables, table, texts):
    """Whatever characters a text has, it is read as it was written."""
    await tables.execute(table, [upsert(str(number), x=text) for number, text in enumerate(texts)], soon())

    for number, text in enumerate(texts):
        assert text == (await stored(tables, table, str(number))).row["x"]


@given_a_few
@given(number=st.floats(allow_nan=False), ticks=st.integers(FIRST_INSTANT, END_OF_INSTANTS - 1), data=st.binary())
async def test_any_number_time_and_binary_comes_back(tables, table, number, ticks, data):
    """Doubles keep every bit but the sign of zero, times every tick, binaries every byte."""
    values = {"number": number, "time": Instant(ticks), "data": data}
    await tables.execute(table, [upsert("1", **values)], soon())

    assert row("1", **values) == (await stored(tables, table)).row


@given_a_few
@given(partition_key=LEGAL_KEYS, row_key=LEGAL_KEYS)
async def test_any_legal_key_finds_its_row(tables, table, partition_key, row_key):
    """Keys of all legal characters lead to their row, however it was written."""
    await tables.execute(table, [upsert(row_key, partition_key, x=1)], soon())
    first = await stored(tables, table, row_key, partition_key)
    await tables.execute(table, [update(first.etag, row_key, partition_key, x=2)], soon())

    assert row(row_key, partition_key, x=2) == (await stored(tables, table, row_key, partition_key)).row


async def test_keys_with_quotes_find_their_row(tables, table):
    """Single quotes in keys are doubled in addresses and come back single."""
    await tables.execute(table, [upsert("it's", "o''clock", x=1)], soon())

    assert row("it's", "o''clock", x=1) == (await stored(tables, table, "it's", "o''clock")).row


async def test_etags_come_back_in_order(tables, table):
    """`execute` returns the ETags that reading the rows shows, and each write makes a new one."""
    first = await tables.execute(table, [insert("1"), upsert("2"), insert("3")], soon())
    second = await tables.execute(table, [update(first[1], "2", x=1)], soon())

    assert [first[0], second[0], first[2]] == [(await stored(tables, table, key)).etag for key in "123"]
    assert first[1] != second[0]


async def test_update_replaces_the_whole_row(tables, table):
    """An update leaves no column of the row before."""
    [etag] = await tables.execute(table, [insert("1", old=1)], soon())
    await tables.execute(table, [update(etag, "1", new=2)], soon())

    assert row("1", new=2) == (await stored(tables, table)).row


async def test_upsert_replaces_whatever_is_there(tables, table):
    """An upsert needs no ETag and leaves no column of the row before."""
    await tables.execute(table, [insert("1", old=1)], soon())
    await tables.execute(table, [upsert("1", new=2)], soon())

    assert row("1", new=2) == (await stored(tables, table)).row


async def test_insert_of_an_existing_row_stores_nothing(tables, table):
    """RowExists tells which row was there, and the rest of the transaction is undone."""
    await tables.execute(table, [insert("2", x=1)], soon())

    with pytest.raises(RowExists) as raised:
        await tables.execute(table, [insert("1"), upsert("3"), insert("2", x=2)], soon())

    assert raised.value.index == 2
    assert await row_keys(tables, table) == ["2"]
    assert row("2", x=1) == (await stored(tables, table, "2")).row


async def test_update_of_a_changed_row_stores_nothing(tables, table):
    """RowChanged tells which row was written since, and the rest of the transaction is undone."""
    [old_etag] = await tables.execute(table, [insert("1", x=1)], soon())
    await tables.execute(table, [upsert("1", x=2)], soon())

    with pytest.raises(RowChanged) as raised:
        await tables.execute(table, [insert("2"), update(old_etag, "1", x=3)], soon())

    assert raised.value.index == 1
    assert await row_keys(tables, table) == ["1"]
    assert row("1", x=2) == (await stored(tables, table)).row


async def test_update_of_a_missing_row_is_a_changed_row(tables, table):
    """A row that is gone has changed."""
    [etag] = await tables.execute(table, [insert("1")], soon())

    with pytest.raises(RowChanged) as raised:
        await tables.execute(table, [insert("2"), insert("3"), update(etag, "4")], soon())

    assert raised.value.index == 2
    assert await row_keys(tables, table) == ["1"]


async def test_missing_table_is_told_on_writing_only(tables):
    """Writing to a missing table raises; reading finds nothing."""
    with pytest.raises(TableMissing) as raised:
        await tables.execute("Missing", [insert("1")], soon())

    assert raised.value.table == "Missing"
    assert await tables.get("Missing", "p", "1", soon()) is None
    assert await row_keys(tables, "Missing") == []


async def test_missing_row_is_none(tables, table):
    """Reading a row that does not exist is no error."""
    assert await tables.get(table, "p", "1", soon()) is None


async def test_two_workers_create_a_month_table_at_once(tables):
    """Creating is no error, whoever was first."""
    name = f"PushEvents{uuid.uuid4().hex}"

    await asyncio.gather(*(tables.create_table(name, soon()) for _ in range(8)))
    await tables.create_table(name, soon())

    assert (await tables.list_tables()).count(name) == 1


async def test_dropped_table_is_gone(tables, table):
    """Dropping takes rows and table, and dropping again is no error."""
    await tables.execute(table, [insert("1")], soon())
    await tables.drop_table(table)
    await tables.drop_table(table)

    assert table not in await tables.list_tables()
    assert await tables.get(table, "p", "1", soon()) is None


@pytest.fixture(params=["query", "find"])
def select(request, tables):
    """Both ways to ask for rows: page by page as they are wanted, and all of a few within a deadline."""

    async def rows(table, filter_text="", **parameters):
        if request.param == "find":
            return await tables.find(table, filter_text, soon(), **parameters)
        return [each async for each in tables.query(table, filter_text, **parameters)]

    return rows


async def test_a_range_is_found_in_order(tables, table, select):
    """A partition and a range of row keys, which is how one charger's rows are found."""
    keys = ["b!2", "a!1", "b!1", "b~", "c!1", "b!3"]
    await tables.execute(table, [insert(key) for key in keys], soon())
    await tables.execute(table, [insert("b!1", "q")], soon())

    found = await select(table, "PartitionKey eq @p and RowKey ge @low and RowKey lt @high", p="p", low="b!", high='b"')

    assert [each.row["RowKey"] for each in found] == ["b!1", "b!2", "b!3"]
    assert found[0] == await tables.get(table, "p", "b!1", soon())


@pytest.mark.parametrize("name", sorted(VALUES.keys() - NOT_ASKED_FOR))
async def test_a_value_of_any_type_is_found(tables, table, select, name):
    """A parameter is compared by its own Edm type."""
    others = {"text": "x", "binary": b"x"}
    await tables.execute(table, [insert("1", x=VALUES[name]), insert("2", **others)], soon())

    assert [each.row["RowKey"] for each in await select(table, "x eq @value", value=VALUES[name])] == ["1"]


async def test_a_filter_with_a_parameter_that_is_not_given_is_refused(table, select):
    """A slip in a filter is told at once."""
    with pytest.raises(ValueError, match="@p"):
        await select(table, "PartitionKey eq @p", q="x")


async def test_a_missing_table_has_no_rows(select):
    """Month tables are made by the first row, so asking for one before is no error."""
    assert await select("NeverMade") == []


async def test_find_gives_up_at_its_deadline(tables, table):
    """Somebody waits for it."""
    with pytest.raises(StorageUnavailable):
        await tables.find(table, "", Deadline.after(0))


async def test_all_pages_are_read(tables, table, select):
    """All rows come, also past the service's 1,000 a page."""
    for start in range(0, 1100, 100):
        await tables.execute(table, [insert(f"{number:04d}") for number in range(start, start + 100)], soon())

    assert [f"{number:04d}" for number in range(1100)] == [each.row["RowKey"] for each in await select(table)]


@pytest.mark.parametrize("what", TOO_MUCH)
async def test_a_row_beyond_a_limit_is_refused(tables, table, what):
    """RowRefused tells which row and why, and nothing is stored."""
    columns, code = TOO_MUCH[what]
    refused = Operation(Kind.UPSERT, row("2") | columns)

    with pytest.raises(RowRefused) as raised:
        await tables.execute(table, [upsert("1"), refused], soon())

    assert (1, code) == (raised.value.index, raised.value.code)
    assert await row_keys(tables, table) == []


@pytest.mark.parametrize("what", UP_TO_THE_LIMIT)
async def test_a_row_up_to_a_limit_is_stored(tables, table, what):
    """The largest that is allowed comes back whole."""
    columns = UP_TO_THE_LIMIT[what]
    await tables.execute(table, [insert("1", **columns)], soon())

    expected = {name: value for name, value in columns.items() if value is not None}
    assert row("1", **expected) == (await stored(tables, table)).row


async def test_keys_up_to_the_limit_are_stored(tables, table):
    """512 UTF-16 units are a key."""
    await tables.execute(table, [insert("k" * 512, "😀" * 256)], soon())

    assert await tables.get(table, "😀" * 256, "k" * 512, soon()) is not None


async def test_a_row_of_exactly_one_mebibyte_is_stored_and_one_byte_more_is_not(tables, table):
    """The size of a row is counted as the service counts it."""
    columns = {f"c{number}": "x" * 32_000 for number in range(16)}
    columns["rest"] = ""
    missing_bytes = 1024 * 1024 - row_size_bytes(row("1", **columns))
    columns["rest"] = "x" * (missing_bytes // 2)
    await tables.execute(table, [insert("1", **columns)], soon())

    with pytest.raises(RowRefused, match="larger"):
        await tables.execute(table, [insert("2", **columns, flag=True)], soon())

    assert await row_keys(tables, table) == ["1"]


async def test_a_hundred_rows_are_one_transaction(tables, table):
    """The most a transaction may hold is stored at once, with an ETag each."""
    etags = await tables.execute(table, [insert(f"{number:03d}") for number in range(100)], soon())

    assert 100 == len(etags) == len(await row_keys(tables, table))


@pytest.mark.parametrize(
    ("operations", "told"),
    [
        ([], "1 to 100"),
        ([insert(str(number)) for number in range(101)], "1 to 100"),
        ([insert("1", "p"), insert("1", "q")], "one partition"),
        ([insert("1"), upsert("1")], "twice"),
        ([Operation(Kind.UPDATE, row("1"))], "ETag"),
        ([Operation(Kind.INSERT, row("1"), 'W/"1"')], "ETag"),
        ([insert(str(number), **{f"c{c}": bytes(60_000) for c in range(10)}) for number in range(7)], "changesets"),
    ],
    ids=["empty", "101", "two partitions", "row twice", "no ETag", "ETag on insert", "over 4 MiB"],
)
async def test_what_is_no_transaction_is_an_error_of_the_caller(tables, table, operations, told):
    """ValueError, and nothing is stored."""
    with pytest.raises(ValueError, match=told):
        await tables.execute(table, operations, soon())

    assert await row_keys(tables, table) == []


async def test_changesets_are_transactions(tables, table):
    """Any number of rows of a partition, cut by `changesets`, is stored, up to 4 MiB at a time."""
    large = [insert(f"large {number}", **{f"c{c}": bytes(60_000) for c in range(10)}) for number in range(8)]
    small = [insert(f"small {number}", x=number) for number in range(150)]

    for transaction in changesets(large + small):
        await tables.execute(table, transaction, soon())

    assert len(await row_keys(tables, table)) == 158


async def test_no_time_left_is_unavailable(tables, table):
    """Past the deadline nothing is sent."""
    with pytest.raises(StorageUnavailable):
        await tables.execute(table, [insert("1")], Deadline.after(0))
    with pytest.raises(StorageUnavailable):
        await tables.get(table, "p", "1", Deadline.after(0))
    with pytest.raises(StorageUnavailable):
        await tables.create_table("Never", Deadline.after(0))

    assert await row_keys(tables, table) == []
