"""What the rest of the app may ask of Table Storage: rows, operations, and the `Tables` protocol.

Rows are plain mappings from column name to value. The Python type of a value decides its Edm type:

| Python | Edm |
| --- | --- |
| str | String |
| bool | Boolean |
| int | Int32 (out of range is an error: say `Int64`) |
| Int64 | Int64 |
| float | Double |
| Instant | DateTime, exact to 100 ns |
| bytes | Binary |
| uuid.UUID | Guid |

A column whose value is None is left out. `PartitionKey` and `RowKey` are always there.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from typing import NamedTuple, Protocol

from shared.deadlines import Deadline
from shared.tables.edm import EncodedRow, encode_row
from shared.tables.values import EdmValue, Int64, Row

__all__ = ["EdmValue", "Int64", "Kind", "Operation", "Row", "StoredRow", "TableRow", "Tables"]


class Kind(Enum):
    """What a write does with the row that is there already."""

    INSERT = "insert"  # fails with RowExists where there is one
    UPSERT = "upsert"  # replaces it, whatever it is
    UPDATE = "update"  # replaces it where its ETag is still the one we read; RowChanged otherwise


@dataclass(frozen=True)
class Operation:
    """One row to write, and how. `etag` belongs to UPDATE alone. The row must not change any more."""

    kind: Kind
    row: Row
    etag: str | None = None

    @cached_property
    def encoded(self) -> EncodedRow:
        """The row as it travels, encoded once however often it is measured and sent. Raises RowRefused."""
        return encode_row(self.row)


@dataclass(frozen=True, slots=True)
class StoredRow:
    """A row as it was read, with the ETag that a conditional update needs. `Timestamp` is not among the columns."""

    row: dict[str, EdmValue]
    etag: str


class TableRow(NamedTuple):
    """A row and the table it belongs in."""

    table: str
    row: Row


class Tables(Protocol):
    """Table Storage, as the app uses it. Every method may raise StorageUnavailable or StorageRefusesAccess.

    Transient faults (408, 429, 5xx, connection lost, time-out, broken answer) are retried inside, with growing and
    jittered pauses or what Retry-After says, until the deadline; nobody above retries for them again.
    """

    async def execute(self, table: str, operations: Sequence[Operation], deadline: Deadline) -> list[str]:
        """Write up to 100 rows of one partition, all or nothing; returns their new ETags in order.

        Raises RowExists, RowChanged or RowRefused with the index of the row that did not fit, TableMissing, or
        ValueError for what is no transaction (no rows, more than 100, two partitions, over 4 MiB).
        """
        ...

    async def get(
        self, table: str, partition_key: str, row_key: str, deadline: Deadline, *, needs_table: bool = False
    ) -> StoredRow | None:
        """Read one row; None where it, or its table, does not exist. With `needs_table`, the latter is TableMissing."""
        ...

    async def find(
        self, table: str, filter_text: str, deadline: Deadline, columns: Sequence[str] = (), /, **parameters: EdmValue
    ) -> list[StoredRow]:
        """The rows that fit an OData filter with `@name` parameters, all at once: for few rows, or where time counts.

        With `columns` only those of each row.
        """
        ...

    def query(self, table: str, filter_text: str = "", **parameters: EdmValue) -> AsyncIterator[StoredRow]:
        """All rows that fit an OData filter with `@name` parameters; nothing where the table does not exist."""
        ...

    async def delete(self, table: str, partition_key: str, row_key: str, *, etag: str | None = None) -> None:
        """Delete one row; no error where it, or its table, does not exist.

        With an ETag only where it is still that row; RowChanged otherwise.
        """
        ...

    async def create_table(self, table: str, deadline: Deadline) -> None:
        """Create a table; no error where it exists already, also when another worker creates it at the same time."""
        ...

    async def drop_table(self, table: str) -> None:
        """Drop a table with all rows; no error where it does not exist."""
        ...

    async def list_tables(self) -> list[str]:
        """The names of all tables of the account."""
        ...

    async def close(self) -> None:
        """Give the connections back."""
        ...
