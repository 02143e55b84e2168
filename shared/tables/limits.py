"""What Table Storage takes, checked before anything is sent.

The limits are those of learn.microsoft.com, "Understanding the Table Service data model" and "Performing entity group
transactions". We check them ourselves because the answer to a violation is slow at best, and because Azurite accepts
some of them, takes others for its own failure (500) and drops the connection at 101 rows.
"""

import re
from functools import lru_cache
from typing import Final

from shared.errors import RowRefused
from shared.instants import Instant
from shared.tables.values import EdmValue, Int64, Row

MAX_KEY_UTF16_UNITS: Final = 512
MAX_VALUE_BYTES: Final = 64 * 1024
MAX_ROW_BYTES: Final = 1024 * 1024
MAX_OWN_COLUMNS: Final = 252
MAX_COLUMN_NAME_LENGTH: Final = 255
MAX_TRANSACTION_ROWS: Final = 100
MAX_TRANSACTION_BYTES: Final = 4 * 1024 * 1024

INT32_BOUND: Final = 2**31
INT64_BOUND: Final = 2**63
FIRST_INSTANT: Final = 504_911_232_000_000_000
"""1601-01-01T00:00:00Z in ticks: the first moment an Edm.DateTime can hold in Table Storage."""
END_OF_INSTANTS: Final = 3_155_378_976_000_000_000
"""The first moment past the year 9999, in ticks."""

KEY_COLUMNS: Final = ("PartitionKey", "RowKey")

# Half a surrogate pair is no character: it cannot be written as UTF-8, so it cannot be sent at all.
_FORBIDDEN_IN_KEYS = re.compile("[/\\\\#?\x00-\x1f\x7f-\x9f\ud800-\udfff]")


def check_key(column: str, key: EdmValue) -> str:
    """The key, where it is a text that Table Storage takes as PartitionKey or RowKey. Raises RowRefused."""
    if not isinstance(key, str):
        raise RowRefused(f"{column} is not a text: every row needs both keys", code="PropertiesNeedValue")
    if _FORBIDDEN_IN_KEYS.search(key):
        raise RowRefused(f"{column} holds one of / \\ # ?, a control character or half a surrogate pair: escape it")
    if utf16_units(key) > MAX_KEY_UTF16_UNITS:
        raise RowRefused(f"{column} is longer than {MAX_KEY_UTF16_UNITS} UTF-16 units", code="OutOfRangeInput")
    return key


@lru_cache(maxsize=4096)
def type_annotation(column: str) -> str:
    """The name under which the Edm type of a column travels, for a name that is legal. Raises RowRefused.

    Legal are C# identifiers, which Python's are near enough, and not `Timestamp`, which is the service's own. The
    names of columns are few and always the same, so each is checked once.
    """
    if len(column) > MAX_COLUMN_NAME_LENGTH:
        raise RowRefused(f"a column's name is longer than {MAX_COLUMN_NAME_LENGTH}", code="PropertyNameTooLong")
    if not column.isidentifier() or column == "Timestamp":
        raise RowRefused(f"{column!r} cannot be the name of a column", code="PropertyNameInvalid")
    return f"{column}@odata.type"


def check_own_columns(row: Row) -> None:
    """Raise RowRefused where the row has more columns of its own than a row may have."""
    if len(row) <= MAX_OWN_COLUMNS + len(KEY_COLUMNS):
        return
    own_columns = sum(value is not None for value in row.values()) - len(KEY_COLUMNS)
    if own_columns > MAX_OWN_COLUMNS:
        raise RowRefused(f"{own_columns} columns; a row may have {MAX_OWN_COLUMNS}", code="TooManyProperties")


def check_row_size(row: Row) -> None:
    """Raise RowRefused where the row, as the service counts it, is larger than 1 MiB."""
    if row_size_bytes(row) > MAX_ROW_BYTES:
        raise RowRefused(f"the row is larger than {MAX_ROW_BYTES} bytes", code="EntityTooLarge")


def row_size_bytes(row: Row) -> int:
    """What a row counts: 4 bytes, both keys in UTF-16, and for each column 8 bytes, its name in UTF-16 and its value.

    From the Azure Storage team's "Understanding Windows Azure Storage Billing", which is still how it is counted.
    """
    size = 4
    for column, value in row.items():
        if value is None:
            continue
        if column in KEY_COLUMNS:
            size += 2 * utf16_units(str(value))
        else:
            size += 8 + 2 * utf16_units(column) + _value_size_bytes(value)
    return size


def _value_size_bytes(value: EdmValue) -> int:
    if isinstance(value, str):
        return 4 + 2 * utf16_units(value)
    if isinstance(value, bytes):
        return 4 + len(value)
    if isinstance(value, bool):
        return 1
    if isinstance(value, float | Int64 | Instant):
        return 8
    return 4 if isinstance(value, int) else 16


def utf16_units(text: str) -> int:
    """How many UTF-16 units a text has: two for each character past U+FFFF, one for every other."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2
