"""Rows and values that several tests of the table layer use."""

import math
import uuid
from datetime import UTC, datetime
from typing import Any

from shared.deadlines import Deadline
from shared.instants import Instant
from shared.tables.limits import END_OF_INSTANTS, FIRST_INSTANT
from shared.tables.store import EdmValue, Int64, Kind, Operation

NOON = Instant.from_datetime(datetime(2025, 4, 2, 12, tzinfo=UTC), extra_ticks=7)

VALUES: dict[str, EdmValue] = {
    "text": "Lade­säule №5 ⚡ 😀",
    "empty_text": "",
    "text_with_quotes": "'\"\\{}\r\n\t\x00\x7f",
    "text_with_line_separators": "a\u2028b\u2029c",
    "text_like_a_boundary": "\r\n--changeset_x--\r\nHTTP/1.1 500 X\r\n\r\n",
    "true": True,
    "false": False,
    "int32_least": -(2**31),
    "int32_most": 2**31 - 1,
    "int64_least": Int64(-(2**63)),
    "int64_most": Int64(2**63 - 1),
    "int64_small": Int64(1),
    "double": 0.1,
    "double_whole": 5.0,
    "double_large": 1.7976931348623157e308,
    "double_tiny": 5e-324,
    "double_exponent": 1e22,
    "infinity": math.inf,
    "negative_infinity": -math.inf,
    "time_to_100_ns": NOON,
    "time_first": Instant(FIRST_INSTANT),
    "time_last": Instant(END_OF_INSTANTS - 1),
    "binary": bytes(range(256)),
    "empty_binary": b"",
    "guid": uuid.UUID("c9da6455-213d-42c9-9a79-3e9149a57833"),
}


def row(row_key: str = "1", partition_key: str = "p", /, **columns: EdmValue) -> dict[str, Any]:
    """A row with these columns."""
    return {"PartitionKey": partition_key, "RowKey": row_key, **columns}


def insert(row_key: str = "1", partition_key: str = "p", /, **columns: EdmValue) -> Operation:
    """The insertion of such a row."""
    return Operation(Kind.INSERT, row(row_key, partition_key, **columns))


def upsert(row_key: str = "1", partition_key: str = "p", /, **columns: EdmValue) -> Operation:
    """The writing of such a row, whatever is there."""
    return Operation(Kind.UPSERT, row(row_key, partition_key, **columns))


def update(etag: str, row_key: str = "1", partition_key: str = "p", /, **columns: EdmValue) -> Operation:
    """The replacement of a row that still has this ETag."""
    return Operation(Kind.UPDATE, row(row_key, partition_key, **columns), etag)


def soon() -> Deadline:
    """A deadline that no test reaches."""
    return Deadline.after(20)


async def row_keys(tables, table):
    """The row keys of a table, in its order."""
    return [found.row["RowKey"] async for found in tables.query(table)]
