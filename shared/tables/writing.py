"""How rows without a history get into the tables: one transaction for each partition, several partitions at once.

`RowWriter.insert` is for what is written once and never again (the archive), `RowWriter.upsert` for what is a pure
function of one event (measurements). Both return what the service will never take, by its position in what was asked
for; what it cannot take now raises, after everything else has been tried. So of three rows, of which the second is
there already and the third is refused, `insert` returns `({1}, {2: RowRefused(...)})`, and the first is stored.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import NamedTuple, TypeVar, cast

from shared.deadlines import Deadline
from shared.errors import RowExists, RowRefused, TableMissing
from shared.tables.batch_body import changesets
from shared.tables.store import Kind, Operation, TableRow, Tables

Result = TypeVar("Result")

Refusals = dict[int, RowRefused]
"""Rows that can never be stored: the position of each in what was asked for, and why."""


class Transaction(NamedTuple):
    """Operations that travel together, and the position of each in what was asked for."""

    table: str
    operations: list[Operation]
    positions: list[int]


class RowWriter:
    """Writes rows that have no history, creating tables as they are first needed."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def insert(self, rows: Sequence[TableRow], deadline: Deadline) -> tuple[set[int], Refusals]:
        """Insert rows; returns the positions of those that were there already, and the refusals."""
        existing: set[int] = set()
        refusals: Refusals = {}

        async def insert_once(transaction: Transaction) -> Transaction:
            try:
                await execute(self._tables, transaction.table, transaction.operations, deadline)
            except RowExists as conflict:
                found = await self._existing(transaction, conflict.index, deadline)
                existing.update(found)
                return remaining_after(transaction, found)
            return remaining_after(transaction, set(transaction.positions))

        await self._write(rows, Kind.INSERT, insert_once, refusals)
        return existing, refusals

    async def upsert(self, rows: Sequence[TableRow], deadline: Deadline) -> Refusals:
        """Write rows over whatever is there; returns the refusals."""
        refusals: Refusals = {}

        async def upsert_once(transaction: Transaction) -> Transaction:
            await execute(self._tables, transaction.table, transaction.operations, deadline)
            return remaining_after(transaction, set(transaction.positions))

        await self._write(rows, Kind.UPSERT, upsert_once, refusals)
        return refusals

    async def _write(
        self,
        rows: Sequence[TableRow],
        kind: Kind,
        write_once: Callable[[Transaction], Awaitable[Transaction]],
        refusals: Refusals,
    ) -> None:
        """Call `write_once`, which returns what it left over, for each transaction until nothing is left."""

        async def write_all(transaction: Transaction) -> None:
            left = [transaction]
            while left:
                current = left.pop()
                try:
                    left += [await write_once(current)] if current.operations else []
                except RowRefused as refusal:
                    left += after_refusal(current, refusal, refusals)

        operations = [(position, row.table, Operation(kind, row.row)) for position, row in enumerate(rows)]
        await together(write_all(transaction) for transaction in transactions(operations, refusals))

    async def _existing(self, transaction: Transaction, first: int, deadline: Deadline) -> set[int]:
        """The positions of the rows that exist, of which the service named the first.

        Where one is a repeat, others often are: asking for all at once beats meeting them in one failed transaction
        after the other. Those before the first were found to be new.
        """
        rows = [operation.row for operation in transaction.operations[first + 1 :]]
        found = await asyncio.gather(
            *(self._tables.get(transaction.table, str(r["PartitionKey"]), str(r["RowKey"]), deadline) for r in rows)
        )
        exists = [False] * first + [True] + [row is not None for row in found]
        return {position for position, is_there in zip(transaction.positions, exists, strict=True) if is_there}


async def execute(tables: Tables, table: str, operations: Sequence[Operation], deadline: Deadline) -> list[str]:
    """One transaction, whose table is created where it does not exist yet; returns the ETags."""
    try:
        return await tables.execute(table, operations, deadline)
    except TableMissing:
        await tables.create_table(table, deadline)
        return await tables.execute(table, operations, deadline)


def transactions(operations: Iterable[tuple[int, str, Operation]], refusals: Refusals) -> list[Transaction]:
    """Operations, each with its position and table, as transactions; what breaks a limit goes to `refusals` unsent."""
    partitions: dict[tuple[str, object], Transaction] = {}
    for position, table, operation in operations:
        try:
            _ = operation.encoded  # the limits are checked here; the encoded row is kept for sending
        except RowRefused as refusal:
            refusals[position] = refusal
            continue
        key = (table, operation.row["PartitionKey"])
        partition = partitions.setdefault(key, Transaction(table, [], []))
        partition.operations.append(operation)
        partition.positions.append(position)
    return [part for partition in partitions.values() for part in _cut(partition)]


def remaining_after(transaction: Transaction, positions: set[int]) -> Transaction:
    """The rest of a transaction."""
    rest = [
        pair for pair in zip(transaction.operations, transaction.positions, strict=True) if pair[1] not in positions
    ]
    return Transaction(transaction.table, [operation for operation, _ in rest], [position for _, position in rest])


def after_refusal(transaction: Transaction, refusal: RowRefused, refusals: Refusals) -> list[Transaction]:
    """What is left to try after one row was refused, which is noted; where none was named, each row by itself."""
    if refusal.index is None and len(transaction.operations) > 1:
        pairs = zip(transaction.operations, transaction.positions, strict=True)
        return [Transaction(transaction.table, [operation], [position]) for operation, position in pairs]
    position = transaction.positions[refusal.index or 0]
    refusals[position] = refusal
    return [remaining_after(transaction, {position})]


async def together(work: Iterable[Awaitable[Result]]) -> list[Result]:
    """Do all of it at once, all of it to its end, and raise the first error only then; else return the results.

    Nothing may still be writing when a batch is given back, because the same messages come again at once.
    """
    results = await asyncio.gather(*work, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result
    return cast("list[Result]", results)


def _cut(partition: Transaction) -> Iterable[Transaction]:
    start = 0
    for operations in changesets(partition.operations):
        end = start + len(operations)
        yield Transaction(partition.table, operations, partition.positions[start:end])
        start = end
