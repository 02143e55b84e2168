"""What ingest writes, recorded, so that others can be given exactly the same to write, ready-made."""

from collections.abc import Sequence
from typing import NamedTuple

from azure.data.tables import EdmType, EntityProperty

from bench.storing import BATCH_SIZE, DEADLINE_SECONDS, SHARDS, batches_of
from shared.deadlines import Deadline
from shared.ingest.ingest import Ingest
from shared.ingest.rows import PUSH_EVENTS, Delivery
from shared.instants import Instant
from shared.tables.store import EdmValue, Int64, Kind, Operation, StoredRow
from tests.support.memory_tables import MemoryTables

SdkOperation = tuple[str, dict[str, object]] | tuple[str, dict[str, object], dict[str, str]]
"""What `submit_transaction` takes for a row."""


class Written(NamedTuple):
    """One transaction that was carried out."""

    table: str
    operations: list[Operation]


class Batch(NamedTuple):
    """The transactions of one batch: the archive's come first, then all the others at once."""

    archive: list[Written]
    projections: list[Written]


class RecordingTables(MemoryTables):
    """Tables in memory that remember what was asked of them since `clear`."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[Written] = []
        self.reads = 0
        self.refused = 0

    async def execute(self, table: str, operations: Sequence[Operation], deadline: Deadline) -> list[str]:
        """See Tables; a transaction that is refused is only counted."""
        self.refused += 1
        etags = await super().execute(table, operations, deadline)
        self.refused -= 1
        self.written.append(Written(table, list(operations)))
        return etags

    async def get(self, table: str, partition_key: str, row_key: str, deadline: Deadline) -> StoredRow | None:
        """See Tables."""
        self.reads += 1
        return await super().get(table, partition_key, row_key, deadline)

    @property
    def requests(self) -> int:
        """Everything that was asked: transactions, also the refused ones, and reads of rows."""
        return len(self.written) + self.refused + self.reads

    def clear(self) -> None:
        """Forget what was asked, not what is stored."""
        self.written = []
        self.reads = 0
        self.refused = 0


async def record(deliveries: Sequence[Delivery]) -> list[Batch]:
    """What ingest writes for each batch of the deliveries, starting with empty tables."""
    tables = RecordingTables()
    ingest = Ingest(tables, SHARDS)
    batches = []
    for batch in batches_of(deliveries, BATCH_SIZE):
        tables.clear()
        await ingest.store(batch, Deadline.after(DEADLINE_SECONDS))
        batches.append(_in_phases(tables.written))
    return batches


def unconditional(operation: Operation) -> Operation:
    """The same write for other tables: where ingest held an ETag, the row is replaced whatever it is."""
    kind = Kind.UPSERT if operation.kind is Kind.UPDATE else operation.kind
    return Operation(kind, operation.row)


def sdk_operation(operation: Operation) -> SdkOperation:
    """The same write as azure-data-tables takes it. Its times end at microseconds, so the seventh digit is lost."""
    entity = {column: _sdk_value(value) for column, value in operation.row.items() if value is not None}
    return ("create", entity) if operation.kind is Kind.INSERT else ("upsert", entity, {"mode": "replace"})


def _in_phases(written: list[Written]) -> Batch:
    return Batch(
        archive=[transaction for transaction in written if transaction.table.startswith(PUSH_EVENTS)],
        projections=[transaction for transaction in written if not transaction.table.startswith(PUSH_EVENTS)],
    )


def _sdk_value(value: EdmValue) -> object:
    if isinstance(value, Int64):
        return EntityProperty(int(value), EdmType.INT64)
    if isinstance(value, Instant):
        return value.datetime
    return value
