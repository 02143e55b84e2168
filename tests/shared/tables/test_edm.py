"""Encoding and decoding of rows where the contract tests do not look: the JSON itself, and what is counted."""

import uuid
from datetime import UTC, datetime
from enum import IntEnum, StrEnum

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import RowRefused
from shared.instants import Instant
from shared.tables.edm import decode_row, encode_row, parse_instant
from shared.tables.limits import END_OF_INSTANTS, FIRST_INSTANT, MAX_ROW_BYTES, check_key, row_size_bytes
from shared.tables.store import Int64
from tests.shared.tables.rows import NOON, row

VALUES = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"])),
    st.booleans(),
    st.integers(-(2**31), 2**31 - 1),
    st.integers(-(2**63), 2**63 - 1).map(Int64),
    st.floats(allow_nan=False),
    st.integers(FIRST_INSTANT, END_OF_INSTANTS - 1).map(Instant),
    st.binary(),
    st.uuids(),
)
COLUMNS = st.dictionaries(st.from_regex(r"[A-Za-z_]\w{0,20}", fullmatch=True).filter(str.isidentifier), VALUES)


class Word(StrEnum):
    """A text with a name."""

    CHARGING = "Charging"


class Number(IntEnum):
    """A number with a name."""

    THREE = 3


@given(COLUMNS)
def test_every_row_comes_back_from_its_json(columns):
    """Encoding loses neither value nor type."""
    columns.pop("Timestamp", None)
    columns |= row("1")
    decoded = decode_row(orjson.loads(encode_row(columns).json))

    assert decoded == columns
    assert {name: type(value) for name, value in decoded.items()} == {
        name: type(value) for name, value in columns.items()
    }


@given(COLUMNS)
def test_small_json_is_a_small_row(columns):
    """The size of the JSON bounds the size that the service counts, which spares counting nearly all rows."""
    columns.pop("Timestamp", None)
    columns |= row("1")

    assert row_size_bytes(columns) <= 2 * len(encode_row(columns).json) + 4 * len(columns)


def test_named_values_are_stored_as_what_they_are():
    """The members of enumerations are texts and numbers."""
    encoded = orjson.loads(encode_row(row("1", state=Word.CHARGING, sockets=Number.THREE)).json)

    assert (encoded["state"], encoded["sockets"]) == ("Charging", 3)


def test_types_are_told_only_where_json_does_not():
    """Annotations are bytes on every wire."""
    encoded = orjson.loads(encode_row(row("1", text="x", flag=True, count=1, watts=1.0)).json)

    assert {name for name in encoded if "@" in name} == {"watts@odata.type"}


def test_a_large_integer_without_a_type_is_an_int64():
    """JSON of others may leave the type out."""
    decoded = decode_row({"large": 2**31, "small": 2**31 - 1})

    assert (type(decoded["large"]), type(decoded["small"])) == (Int64, int)


def test_metadata_and_timestamp_are_no_columns():
    """A row read is the row written."""
    metadata = {
        "odata.metadata": "x",
        "odata.etag": "W/1",
        "Timestamp@odata.type": "Edm.DateTime",
        "Timestamp": NOON.iso,
    }

    assert decode_row({**metadata, "x": 1}) == {"x": 1}


@pytest.mark.parametrize(
    ("text", "ticks"),
    [
        ("2025-04-02T10:11:12Z", 0),
        ("2025-04-02T10:11:12.5Z", 5_000_000),
        ("2025-04-02T10:11:12.1234567Z", 1_234_567),
        ("2025-04-02T10:11:12.12345678Z", 1_234_567),
    ],
)
def test_times_are_read_to_the_tick(text, ticks):
    """Whatever the number of digits."""
    assert parse_instant(text) == Instant.from_datetime(datetime(2025, 4, 2, 10, 11, 12, tzinfo=UTC)) + ticks


def test_the_size_of_a_row_is_the_services_formula():
    """4, the keys in UTF-16, and for each column 8, its name in UTF-16, and its value."""
    assert row_size_bytes(row("1", "p")) == 4 + 2 + 2
    sizes = {"t": ("é😀", 4 + 6), "b": (b"123", 4 + 3), "f": (True, 1), "d": (1.5, 8), "i": (1, 4), "l": (Int64(1), 8)}
    sizes |= {"m": (NOON, 8), "g": (uuid.UUID(int=1), 16), "n": (None, -10)}

    for name, (value, size) in sizes.items():
        assert row_size_bytes(row("1", "p", **{name: value})) == 8 + 8 + 2 + size


def test_a_row_just_too_large_is_refused_whatever_its_characters():
    """Characters that are larger in JSON than in UTF-16, and the other way round."""
    for character in ("x", "é", "⚡", "😀", "\x01", '"'):
        units = len(character.encode("utf-16-le")) // 2
        columns = {f"c{number}": character * (32_000 // units) for number in range(17)}
        assert row_size_bytes(columns) > MAX_ROW_BYTES
        with pytest.raises(RowRefused, match="larger"):
            encode_row(row("1", **columns))


def test_a_key_is_returned_as_it_is():
    """Checking a key changes nothing of it."""
    assert check_key("RowKey", "a!b%~'é") == "a!b%~'é"
