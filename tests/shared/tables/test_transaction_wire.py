"""The `$batch` body, its answer, and how operations are cut into transactions."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import RowRefused, StorageUnavailable
from shared.tables import store
from shared.tables.batch_answer import read_batch_answer
from shared.tables.batch_body import batch_body, changesets
from shared.tables.limits import MAX_TRANSACTION_BYTES
from tests.shared.tables.rows import insert, update, upsert
from tests.support.scripted_tables import stored_part, transaction_parts

# A table name and an account name of the greatest length.
LONG_URL = f"https://{'a' * 24}.table.core.usgovcloudapi.net/{'T' * 63}"
LONG_ETAG = "W/\"datetime'2025-04-02T10%3A11%3A12.1234567Z'\""


def test_each_kind_is_its_own_request():
    """An insert posts to the table, the others put to the row, and only an update has a condition."""
    operations = [insert("a b"), upsert("it's"), update("W/1", "é")]
    body = batch_body("https://x/T", operations).decode()

    assert re.findall(r"^(?:POST|PUT) .*(?=\r)", body, re.MULTILINE) == [
        "POST https://x/T HTTP/1.1",
        "PUT https://x/T(PartitionKey='p',RowKey='it%27%27s') HTTP/1.1",
        "PUT https://x/T(PartitionKey='p',RowKey='%C3%A9') HTTP/1.1",
    ]
    assert re.findall(r"^If-Match: (.*)\r$", body, re.MULTILINE) == ["W/1"]
    assert re.findall(r"^Content-ID: (.*)\r$", body, re.MULTILINE) == ["0", "1", "2"]


def test_a_row_is_encoded_once(monkeypatch):
    """Measuring, sending and sending again share one encoding."""
    rows = []
    encode_row = store.encode_row
    monkeypatch.setattr(store, "encode_row", lambda row: rows.append(row) or encode_row(row))
    operation = insert("1", x=1)

    [[same]] = changesets([operation])
    bodies = [batch_body("https://x/T", [same]) for _ in range(2)]

    assert same is operation
    assert bodies[0] == bodies[1]
    assert [operation.row] == rows


@given(st.lists(st.integers(0, 16), max_size=260))
def test_changesets_keep_all_in_order_within_the_limits(sizes):
    """Nothing is lost, doubled or moved, and every transaction may be sent, with the longest addresses."""
    columns = [f"c{number}" for number in range(16)]
    operations = [
        update(LONG_ETAG, f"{number:03d}" + "é" * 100, **dict.fromkeys(columns[:size], "x" * 32_000))
        for number, size in enumerate(sizes)
    ]
    transactions = changesets(operations)

    assert operations == [operation for transaction in transactions for operation in transaction]
    assert all(len(batch_body(LONG_URL, each)) <= MAX_TRANSACTION_BYTES for each in transactions)
    assert len(transactions) <= 1 + len(sizes) / 100 + sum(sizes) * 32_000 / 3_000_000


def test_changesets_fill_transactions():
    """250 small rows are three transactions, and none are none."""
    assert [len(each) for each in changesets([insert(str(number)) for number in range(250)])] == [100, 100, 50]
    assert changesets([]) == []


def test_changesets_tell_which_row_no_table_takes():
    """The index is the place among all the operations."""
    operations = [*(insert(str(number)) for number in range(120)), insert("a/b")]

    with pytest.raises(RowRefused) as raised:
        changesets(operations)

    assert raised.value.index == 120


@pytest.mark.parametrize("parts", [1, 2, 100])
def test_an_answer_cut_off_anywhere_is_never_taken_for_another(parts):
    """Either every ETag was there, or the answer is no answer."""
    etags = [f'W/"{number}"' for number in range(parts)]
    whole = transaction_parts(*map(stored_part, etags))

    assert etags == read_batch_answer(whole, "Table", parts)
    unread = 0
    for end in range(len(whole)):
        try:
            assert etags == read_batch_answer(whole[:end], "Table", parts)
        except StorageUnavailable:
            unread += 1
    assert unread > 0.9 * len(whole) - 200


@given(st.binary())
def test_any_bytes_are_no_answer(body):
    """Whatever arrives instead of an answer is a passing fault."""
    with pytest.raises(StorageUnavailable):
        read_batch_answer(body, "Table", 1)
