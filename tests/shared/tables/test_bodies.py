"""A body comes back bit for bit, whatever its size and content."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.tables.bodies import restore_body, store_body
from shared.tables.limits import MAX_VALUE_BYTES, check_row_size


def _incompressible(length):
    return random.Random(1).randbytes(length)


@given(st.binary(max_size=2000) | st.text(max_size=2000).map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_any_small_body_comes_back(raw):
    """Text, broken text, and no text at all."""
    stored = store_body(raw, "LargeBodies202504")

    assert restore_body(stored.columns, stored.overflow_rows) == raw


@pytest.mark.parametrize(
    ("raw", "overflow_rows"),
    [
        (b"x" * 30_000, 0),
        (b"x" * 30_001, 0),
        ("é".encode() * 30_000, 0),
        ("😀".encode() * 15_001, 0),
        (b"x" * 5_000_000, 0),
        (_incompressible(MAX_VALUE_BYTES + 1), 0),
        (_incompressible(8 * MAX_VALUE_BYTES - 1000), 0),
        (_incompressible(8 * MAX_VALUE_BYTES), 2),
        (_incompressible(3_000_000), 6),
    ],
    ids=lambda value: f"{len(value)}-bytes" if isinstance(value, bytes) else str(value),
)
def test_a_large_body_is_compressed_and_then_spread_but_never_cut(raw, overflow_rows):
    """At every border between text, one row and several."""
    stored = store_body(raw, "LargeBodies202504")

    assert (len(stored.overflow_rows), restore_body(stored.columns, stored.overflow_rows)) == (overflow_rows, raw)
    for row in stored.overflow_rows:
        check_row_size(row)
        assert all(len(value) <= MAX_VALUE_BYTES for value in row.values() if isinstance(value, bytes))


def test_plain_json_stays_readable():
    """An operator looks at it in Storage Explorer."""
    assert store_body(b'{"chargerId":"C1"}', "LargeBodies202504").columns == {"raw": '{"chargerId":"C1"}'}


def test_overflow_rows_are_found_by_the_events_row():
    """The month table, so that retention takes them along, and the body's own digest."""
    stored = store_body(_incompressible(3_000_000), "LargeBodies202504")

    assert stored.overflow_table == stored.columns["raw_table"] == "LargeBodies202504"
    assert {row["PartitionKey"] for row in stored.overflow_rows} == {stored.columns["raw_partition"]}


def test_another_spelling_of_an_event_does_not_overwrite_the_parts_of_the_first():
    """The row of the first delivery stays, so its parts have to."""
    raw = _incompressible(600_000)
    first, second = store_body(raw, "LargeBodies202504"), store_body(raw + b" ", "LargeBodies202504")

    assert first.columns["raw_partition"] != second.columns["raw_partition"]
