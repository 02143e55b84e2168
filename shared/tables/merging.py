"""How rows with a history get into the tables: read or remembered, merged, and written only if nobody was faster.

    remembered? --no--> read --> merge --> INSERT (there was none) or UPDATE (If-Match the ETag we know)
         |                         ^                 |
         +--yes-- merge            +---- 409/412: forget, read again ----+

Never "look up, then insert": the write itself carries the condition, so two workers cannot overwrite each other.
"""

import asyncio
import random
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from shared.deadlines import Deadline
from shared.errors import RowConflict, RowRefused, StorageUnavailable
from shared.tables.changes import RowChange
from shared.tables.store import Kind, Operation, Row, StoredRow, Tables
from shared.tables.writing import Refusals, Transaction, after_refusal, execute, together, transactions

MAX_REMEMBERED_ROWS = 10_000
MAX_ROUNDS = 12
_CHANGES_AT_ONCE = 100
_FIRST_PAUSE_SECONDS = 0.01


class Merged(NamedTuple):
    """A row that was written: what it was before, None where there was none, and what it is now."""

    before: Row | None
    after: Row


class RowMerger:
    """Applies changes to rows, and remembers the rows with their ETags, so that the next change needs no read."""

    def __init__(self, tables: Tables, most_remembered_rows: int = MAX_REMEMBERED_ROWS) -> None:
        self._tables = tables
        self._most_remembered_rows = most_remembered_rows
        self._remembered: OrderedDict[tuple[str, str, str], StoredRow] = OrderedDict()

    def know(self, table: str, rows: Iterable[StoredRow]) -> None:
        """Take rows that were read for remembered ones: whoever reads a partition as a whole spares a read for each."""
        for stored in rows:
            self._remember((table, str(stored.row["PartitionKey"]), str(stored.row["RowKey"])), stored)

    async def merge(self, changes: Sequence[RowChange], deadline: Deadline) -> tuple[list[Merged], Refusals]:
        """Apply changes, at most one for each row; returns what was written, and the refusals by position in `changes`.

        Raises StorageUnavailable also where others kept changing a row for `MAX_ROUNDS` rounds.
        """
        merged: list[Merged] = []
        refusals: Refusals = {}
        partitions: dict[tuple[str, str], list[int]] = {}
        for position, change in enumerate(changes):
            partitions.setdefault((change.table, change.partition_key), []).append(position)
        await together(
            self._merge_partition(changes, positions[start : start + _CHANGES_AT_ONCE], merged, refusals, deadline)
            for positions in partitions.values()
            for start in range(0, len(positions), _CHANGES_AT_ONCE)
        )
        return merged, refusals

    async def _merge_partition(
        self,
        changes: Sequence[RowChange],
        positions: list[int],
        merged: list[Merged],
        refusals: Refusals,
        deadline: Deadline,
    ) -> None:
        waiting = positions
        for round_number in range(MAX_ROUNDS):
            if round_number > 1:  # somebody else keeps writing the same rows: step out of their pace
                pause_seconds = random.uniform(0, _FIRST_PAUSE_SECONDS * 2**round_number)  # noqa: S311  # jitter
                await asyncio.sleep(min(pause_seconds, deadline.remaining_seconds))
            waiting = await self._merge_once(
                changes, waiting, merged, refusals, deadline, may_assume_new=round_number == 0
            )
            if not waiting:
                return
        raise StorageUnavailable(f"rows of {changes[waiting[0]].table} changed under us {MAX_ROUNDS} times in a row")

    async def _merge_once(
        self,
        changes: Sequence[RowChange],
        positions: list[int],
        merged: list[Merged],
        refusals: Refusals,
        deadline: Deadline,
        *,
        may_assume_new: bool,
    ) -> list[int]:
        """One round; returns the positions whose rows somebody else changed meanwhile."""
        current = await asyncio.gather(
            *(self._current(changes[position], deadline, may_assume_new) for position in positions)
        )
        before = dict(zip(positions, current, strict=True))
        operations: list[tuple[int, str, Operation]] = []
        for position in positions:
            try:
                operation = _operation(changes[position], before[position])
            except Exception as error:  # noqa: BLE001  # a fault of this app in one row must not cost the others
                refusals[position] = RowRefused(
                    f"{type(error).__name__} while merging: a fault of this app, report it", code="NotMerged", status=0
                )
                continue
            if operation is not None:
                operations.append((position, changes[position].table, operation))
        changed_by_others: list[int] = []
        left = transactions(operations, refusals)
        while left:
            transaction = left.pop()
            if not transaction.operations:
                continue
            try:
                etags = await execute(self._tables, transaction.table, transaction.operations, deadline)
            except RowConflict:
                for position in transaction.positions:
                    self._remembered.pop(_key(changes[position]), None)
                changed_by_others += transaction.positions
            except RowRefused as refusal:
                left += after_refusal(transaction, refusal, refusals)
            else:
                merged += self._written(changes, transaction, etags, before)
        return changed_by_others

    def _written(
        self,
        changes: Sequence[RowChange],
        transaction: Transaction,
        etags: list[str],
        before: dict[int, StoredRow | None],
    ) -> list[Merged]:
        merged = []
        for position, operation, etag in zip(transaction.positions, transaction.operations, etags, strict=True):
            self._remember(_key(changes[position]), StoredRow(dict(operation.row), etag))
            stored = before[position]
            merged.append(Merged(stored.row if stored is not None else None, operation.row))
        return merged

    async def _current(self, change: RowChange, deadline: Deadline, may_assume_new: bool) -> StoredRow | None:  # noqa: FBT001
        key = _key(change)
        if (remembered := self._remembered.get(key)) is not None:
            self._remembered.move_to_end(key)
            return remembered
        if may_assume_new and change.is_likely_new:
            return None  # an insert that meets a row costs a round; a read for every new row costs more
        stored = await self._tables.get(*key, deadline)
        if stored is not None:
            self._remember(key, stored)
        return stored

    def _remember(self, key: tuple[str, str, str], row: StoredRow) -> None:
        self._remembered[key] = row
        self._remembered.move_to_end(key)
        if len(self._remembered) > self._most_remembered_rows:
            self._remembered.popitem(last=False)


def _operation(change: RowChange, before: StoredRow | None) -> Operation | None:
    row = change.merged(before.row if before is not None else None)
    if row is None:
        return None
    return Operation(Kind.UPDATE, row, before.etag) if before is not None else Operation(Kind.INSERT, row)


def _key(change: RowChange) -> tuple[str, str, str]:
    return change.table, change.partition_key, change.row_key
