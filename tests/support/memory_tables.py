"""Tables in memory, for tests that ask what is stored and not how it travels.

`MemoryTables` passes the same contract tests as `AzureTables` on Azurite (tests/shared/tables/test_contract.py): rows
go through the same encoder, limits and decoder, transactions are atomic, ETags change with every write.
"""

import operator
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from itertools import count

import orjson

from shared.deadlines import Deadline
from shared.errors import RowChanged, RowExists, StorageUnavailable, TableMissing
from shared.tables.batch_body import batch_body
from shared.tables.edm import decode_row
from shared.tables.limits import check_key
from shared.tables.store import EdmValue, Kind, Operation, StoredRow

Hook = Callable[[str, str], Awaitable[None] | None]
"""Called with the method's name and the table; what it raises is what the caller of the method gets."""

_Key = tuple[str, str]
_Condition = Callable[[dict[str, EdmValue]], bool]

_COMPARISON = re.compile(r"(\w+) (eq|ne|gt|ge|lt|le) @(\w+)")
_OF_PARTITION = re.compile(r"PartitionKey eq @(\w+)(?: and |$)")
_OPERATORS = {
    "eq": operator.eq,
    "ne": operator.ne,
    "gt": operator.gt,
    "ge": operator.ge,
    "lt": operator.lt,
    "le": operator.le,
}


class MemoryTables:
    """Implements `Tables`.

    Filters are comparisons of a column with an `@name`, joined by `and`, of which each may be some in brackets that are
    joined by `or`; nothing else.

    `before` is called at the start of each method, `after` when its effect is there but the caller does not know yet:
    raising StorageUnavailable there is a lost answer. Both may be set or replaced at any time.
    """

    def __init__(self, *, before: Hook | None = None, after: Hook | None = None) -> None:
        self.before = before
        self.after = after
        self._tables: dict[str, dict[_Key, tuple[bytes, str]]] = {}
        self._writes = count(1)

    async def execute(self, table: str, operations: Sequence[Operation], deadline: Deadline) -> list[str]:
        """See Tables."""
        await _call(self.before, "execute", table)
        batch_body(f"memory://{table}", operations)
        _check_time(deadline)
        rows = self._tables.get(table)
        if rows is None:
            raise TableMissing(table)
        for index, operation in enumerate(operations):
            _check_condition(rows.get(_key(operation)), operation, index)
        etag = f'W/"{next(self._writes)}"'
        rows.update({_key(operation): (operation.encoded.json, etag) for operation in operations})
        await _call(self.after, "execute", table)
        return [etag] * len(operations)

    async def get(
        self, table: str, partition_key: str, row_key: str, deadline: Deadline, *, needs_table: bool = False
    ) -> StoredRow | None:
        """See Tables."""
        await _call(self.before, "get", table)
        key = check_key("PartitionKey", partition_key), check_key("RowKey", row_key)
        _check_time(deadline)
        if needs_table and table not in self._tables:
            raise TableMissing(table)
        kept = self._tables.get(table, {}).get(key)
        await _call(self.after, "get", table)
        return None if kept is None else _stored_row(*kept)

    async def find(
        self, table: str, filter_text: str, deadline: Deadline, columns: Sequence[str] = (), /, **parameters: EdmValue
    ) -> list[StoredRow]:
        """See Tables."""
        await _call(self.before, "find", table)
        _check_time(deadline)
        found = self._fitting(table, filter_text, parameters)
        if not columns:
            return found
        return [StoredRow({name: one.row[name] for name in columns if name in one.row}, one.etag) for one in found]

    async def query(self, table: str, filter_text: str = "", **parameters: EdmValue) -> AsyncIterator[StoredRow]:
        """See Tables."""
        await _call(self.before, "query", table)
        for stored in self._fitting(table, filter_text, parameters):
            yield stored

    async def delete(self, table: str, partition_key: str, row_key: str, *, etag: str | None = None) -> None:
        """See Tables."""
        await _call(self.before, "delete", table)
        key = check_key("PartitionKey", partition_key), check_key("RowKey", row_key)
        kept = self._tables.get(table, {}).get(key)
        if etag is not None and kept is not None and kept[1] != etag:
            raise RowChanged("the row is another one by now", index=0)
        self._tables.get(table, {}).pop(key, None)
        await _call(self.after, "delete", table)

    async def create_table(self, table: str, deadline: Deadline) -> None:
        """See Tables."""
        await _call(self.before, "create_table", table)
        _check_time(deadline)
        self._tables.setdefault(table, {})
        await _call(self.after, "create_table", table)

    async def drop_table(self, table: str) -> None:
        """See Tables."""
        await _call(self.before, "drop_table", table)
        self._tables.pop(table, None)
        await _call(self.after, "drop_table", table)

    async def list_tables(self) -> list[str]:
        """See Tables."""
        await _call(self.before, "list_tables", "")
        return sorted(self._tables)

    async def close(self) -> None:
        """See Tables."""

    def _fitting(self, table: str, filter_text: str, parameters: dict[str, EdmValue]) -> list[StoredRow]:
        conditions = _conditions(filter_text, parameters)
        kept = self._tables.get(table, {})
        of_partition = _OF_PARTITION.match(filter_text)
        if of_partition is not None:  # what the service is fast at must not be slow here
            kept = {key: row for key, row in kept.items() if key[0] == parameters[of_partition[1]]}
        stored = [_stored_row(*kept[key]) for key in sorted(kept, key=_ordinal)]
        return [row for row in stored if all(condition(row.row) for condition in conditions)]

    def rows(self, table: str) -> list[dict[str, EdmValue]]:
        """All rows of a table in order, for a test to look at; no hook is called. KeyError for a missing table."""
        kept = self._tables[table]
        return [_stored_row(*kept[key]).row for key in sorted(kept, key=_ordinal)]


async def _call(hook: Hook | None, method: str, table: str) -> None:
    waiting = hook(method, table) if hook is not None else None
    if waiting is not None:
        await waiting


def _check_time(deadline: Deadline) -> None:
    if deadline.remaining_seconds == 0:
        raise StorageUnavailable("no time was left to ask storage")


def _key(operation: Operation) -> _Key:
    return str(operation.row["PartitionKey"]), str(operation.row["RowKey"])


def _check_condition(kept: tuple[bytes, str] | None, operation: Operation, index: int) -> None:
    if operation.kind is Kind.INSERT and kept is not None:
        raise RowExists("the row is there already", index=index)
    if operation.kind is Kind.UPDATE and (kept is None or kept[1] != operation.etag):
        raise RowChanged("the row is another one by now", index=index)


def _stored_row(json: bytes, etag: str) -> StoredRow:
    return StoredRow(decode_row(orjson.loads(json)), etag)


def _ordinal(key: _Key) -> tuple[bytes, bytes]:
    """The service compares keys by UTF-16 units, Python by code points."""
    return key[0].encode("utf-16-be"), key[1].encode("utf-16-be")


def _conditions(filter_text: str, parameters: dict[str, EdmValue]) -> list[_Condition]:
    return [_condition(comparison, parameters) for comparison in filter_text.split(" and ") if comparison]


def _condition(comparison: str, parameters: dict[str, EdmValue]) -> _Condition:
    if comparison.startswith("(") and comparison.endswith(")"):
        either = [_condition(one, parameters) for one in comparison[1:-1].split(" or ")]
        return lambda row: any(condition(row) for condition in either)
    parsed = _COMPARISON.fullmatch(comparison)
    if parsed is None:
        raise ValueError(f"MemoryTables reads only `Column op @name`, joined by `and`, not {comparison!r}")
    column, comparator, name = parsed.groups()
    if name not in parameters:
        raise ValueError(f"the filter names @{name}, which is not among its parameters")
    wanted = parameters[name]
    compare = _OPERATORS[comparator]
    # A row without the column fits no comparison, not even `ne`.
    return lambda row: row.get(column) is not None and compare(row[column], wanted)
