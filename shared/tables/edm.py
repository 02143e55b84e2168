"""Rows to JSON and back, with the Edm types of Table Storage.

The JSON is "minimal metadata" of learn.microsoft.com, "Payload format for Table service operations": a column whose
type JSON cannot tell has a neighbour `<column>@odata.type`. Every row of every message passes here, so the encoders are
looked up by type and the rare checks stand behind cheap ones.
"""

import math
import uuid
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, NamedTuple
from urllib.parse import quote

import orjson

from shared.errors import RowRefused
from shared.instants import Instant
from shared.tables import limits
from shared.tables.values import EdmValue, Int64, Row

_Encoded = tuple[str | None, str | int | float]
"""The Edm type where JSON does not tell it, and the value as JSON has it."""

# A byte of JSON stands for at most two bytes as the service counts, and a column without a type for four more.
_SURELY_SMALL_JSON_BYTES = limits.MAX_ROW_BYTES // 2 - 4 * limits.MAX_OWN_COLUMNS

# No text has more than twice as many UTF-16 units as characters, so only long ones need counting.
_SURELY_SHORT_TEXT = limits.MAX_VALUE_BYTES // 4

# Legal JSON, but the end of a line for JavaScript's regular expressions, with which Azurite cuts a batch into rows.
_LINE_SEPARATORS = ((b"\xe2\x80\xa8", b"\\u2028"), (b"\xe2\x80\xa9", b"\\u2029"))


class EncodedRow(NamedTuple):
    """A row as it travels."""

    partition_key: str
    row_key: str
    json: bytes

    @property
    def address(self) -> bytes:
        """`(PartitionKey='...',RowKey='...')`, percent-encoded: what follows the table in the row's URL.

        An insert does without, and that is what half of all writes are.
        """
        return row_address(self.partition_key, self.row_key).encode("ascii")


def encode_row(row: Row) -> EncodedRow:
    """Encode a row; columns that are None are left out.

    Raises RowRefused, without an index, for anything the table service would not take.
    """
    partition_key = limits.check_key("PartitionKey", row.get("PartitionKey"))
    row_key = limits.check_key("RowKey", row.get("RowKey"))
    limits.check_own_columns(row)
    columns: dict[str, str | int | float] = {}
    for column, value in row.items():
        if value is None:
            continue
        annotation = limits.type_annotation(column)
        if type(value) is str and len(value) <= _SURELY_SHORT_TEXT:  # most columns of most rows
            columns[column] = value
            continue
        encode = _ENCODERS.get(type(value)) or _encoder_of_subclass(value)
        edm_type, columns[column] = encode(column, value)
        if edm_type is not None:
            columns[annotation] = edm_type
    json = _to_json(columns)
    if len(json) > _SURELY_SMALL_JSON_BYTES:
        limits.check_row_size(row)
    return EncodedRow(partition_key, row_key, json)


def row_address(partition_key: str, row_key: str) -> str:
    """`(PartitionKey='...',RowKey='...')` for URLs: single quotes doubled (OData), then percent-encoded."""
    return f"(PartitionKey='{_quoted(partition_key)}',RowKey='{_quoted(row_key)}')"


def decode_row(columns: Mapping[str, Any]) -> dict[str, EdmValue]:
    """The row in a JSON object of the service, without `Timestamp` and metadata. Raises ValueError for a broken one."""
    row: dict[str, EdmValue] = {}
    for column, value in columns.items():
        # No column's name has a dot: the rest are `odata.etag`, `odata.metadata` and the columns' `@odata.type`.
        if "." in column or column == "Timestamp":
            continue
        decode = _DECODERS.get(columns.get(column + "@odata.type", ""))
        row[column] = decode(value) if decode else _plain(value)
    return row


def parse_instant(text: str) -> Instant:
    """The instant in an Edm.DateTime such as `2025-04-02T10:11:12.1234567Z`; the fraction may be absent."""
    seconds, _, fraction = text.removesuffix("Z").partition(".")
    whole = Instant.from_datetime(datetime.fromisoformat(seconds))
    return Instant(whole + int(fraction.ljust(7, "0")[:7]))


def _quoted(key: str) -> str:
    return quote(key.replace("'", "''"), safe="!:~")


def _to_json(columns: dict[str, str | int | float]) -> bytes:
    try:
        json = orjson.dumps(columns)
    except TypeError as error:
        raise RowRefused("a text holds half a surrogate pair, which is no character") from error
    if json.isascii():  # nearly always, and known in no time
        return json
    for separator, escaped in _LINE_SEPARATORS:
        json = json.replace(separator, escaped)
    return json


def _text(column: str, value: str) -> _Encoded:
    if len(value) > _SURELY_SHORT_TEXT and 2 * limits.utf16_units(value) > limits.MAX_VALUE_BYTES:
        raise _too_large(column)
    return None, value


def _boolean(_column: str, value: bool) -> _Encoded:  # noqa: FBT001  # an encoder's value is what it encodes
    return None, value


def _int32(column: str, value: int) -> _Encoded:
    if not -limits.INT32_BOUND <= value < limits.INT32_BOUND:
        raise RowRefused(f"{column} is no Int32: make it an Int64", code="OutOfRangeInput")
    return None, int(value)


def _int64(column: str, value: Int64) -> _Encoded:
    if not -limits.INT64_BOUND <= value < limits.INT64_BOUND:
        raise RowRefused(f"{column} is out of the range of an Int64", code="OutOfRangeInput")
    return "Edm.Int64", str(int(value))


def _double(_column: str, value: float) -> _Encoded:
    if math.isfinite(value):
        return "Edm.Double", value
    if math.isnan(value):
        return "Edm.Double", "NaN"
    return "Edm.Double", "Infinity" if value > 0 else "-Infinity"


def _date_time(column: str, value: Instant) -> _Encoded:
    if not limits.FIRST_INSTANT <= value < limits.END_OF_INSTANTS:
        raise RowRefused(f"{column} is not within the years 1601 to 9999", code="OutOfRangeInput")
    return "Edm.DateTime", value.iso


def _binary(column: str, value: bytes) -> _Encoded:
    if len(value) > limits.MAX_VALUE_BYTES:
        raise _too_large(column)
    return "Edm.Binary", b64encode(value).decode("ascii")


def _guid(_column: str, value: uuid.UUID) -> _Encoded:
    return "Edm.Guid", str(value)


def _too_large(column: str) -> RowRefused:
    return RowRefused(f"{column} is larger than {limits.MAX_VALUE_BYTES} bytes", code="PropertyValueTooLarge")


# From the special to the general: a bool is an int, and so are Int64 and Instant.
_ENCODERS: dict[type, Callable[[str, Any], _Encoded]] = {
    str: _text,
    bool: _boolean,
    Int64: _int64,
    Instant: _date_time,
    int: _int32,
    float: _double,
    bytes: _binary,
    uuid.UUID: _guid,
}


def _encoder_of_subclass(value: EdmValue) -> Callable[[str, Any], _Encoded]:
    """For the members of a StrEnum and their like."""
    for python_type, encoder in _ENCODERS.items():
        if isinstance(value, python_type):
            return encoder
    raise RowRefused(f"a column holds a {type(value).__name__}, which has no Edm type", code="InvalidValueType")


def _plain(value: Any) -> EdmValue:
    """A value without a type beside it: JSON tells it, but for an integer past 32 bits, which only Int64 can be."""
    is_large = type(value) is int and not -limits.INT32_BOUND <= value < limits.INT32_BOUND
    plain: EdmValue = Int64(value) if is_large else value
    return plain


_DECODERS: dict[str, Callable[[Any], EdmValue]] = {
    "Edm.Int64": Int64,
    "Edm.Double": float,
    "Edm.DateTime": parse_instant,
    "Edm.Binary": b64decode,
    "Edm.Guid": uuid.UUID,
}
