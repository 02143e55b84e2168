"""Ingest from bytes to rows, against two writers that are given the same rows ready-made.

Against azure-data-tables it shows what our own batch writer is for; against our own writer, what reading, planning and
merging add to the bare writing; and against one that keeps the archive and nothing else, what the projections cost.
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import TypeVar

from azure.data.tables.aio import TableServiceClient

from bench.day import first_messages
from bench.recording import (
    Batch,
    SdkOperation,
    Written,
    record,
    sdk_operation,
    unconditional,
)
from bench.results import Goal, Result, Table
from bench.rounds import Cost, Side, Spread, all_of, cpu_microseconds, cpu_ratio, in_turns, rate, speed_ratio
from bench.storing import BATCH_SIZE, DEADLINE_SECONDS, SHARDS, batches_of, delivered, store_all
from shared.deadlines import Deadline
from shared.ingest.ingest import Ingest
from shared.ingest.plan import understand
from shared.ingest.rows import Delivery
from shared.tables.client import AzureTables
from shared.tables.limits import MAX_TRANSACTION_ROWS
from shared.tables.store import Operation
from tests.support.azurite import azurite_table

CHARGERS = 200
ROUNDS = 12
BATCHES_A_ROUND = 25
MESSAGES_A_ROUND = BATCHES_A_ROUND * BATCH_SIZE

INGEST, SDK, WRITER = "ingest, from bytes", "azure-data-tables, ready-made", "our batch writer, ready-made"
ARCHIVE_ONLY = "our batch writer, the archive alone, in full transactions"

_Ready = TypeVar("_Ready")


@dataclass(frozen=True, slots=True)
class _Workload:
    """The same work for each round: messages for ingest, and the batches it makes of them for the writers."""

    deliveries: list[Sequence[Delivery]]
    batches: list[Sequence[Batch]]

    @property
    def rows(self) -> int:
        """Rows written in the rounds that count."""
        return sum(
            len(written.operations)
            for batches in self.batches[1:]
            for batch in batches
            for written in [*batch.archive, *batch.projections]
        )


async def measure_handler() -> Result:
    """Measure `Ingest.store` and the two writers in turns on one Azurite."""
    workload = await _workload()
    with azurite_table() as connection_string:
        async with AsyncExitStack() as stack:
            sides = {
                INGEST: await _ingest_side(stack, connection_string, workload),
                SDK: await _sdk_side(stack, connection_string, workload),
                WRITER: await _writer_side(stack, connection_string, workload),
                ARCHIVE_ONLY: await _archive_side(stack, connection_string, workload),
            }
            costs = await in_turns(sides, ROUNDS)
    return _result(costs, workload, _understanding_microseconds(workload))


async def _workload() -> _Workload:
    messages = (ROUNDS + 1) * MESSAGES_A_ROUND
    deliveries = delivered(first_messages(CHARGERS, messages))
    batches = await record(deliveries)
    return _Workload(
        deliveries=list(batches_of(deliveries, MESSAGES_A_ROUND)), batches=list(batches_of(batches, BATCHES_A_ROUND))
    )


async def _ingest_side(stack: AsyncExitStack, connection_string: str, workload: _Workload) -> Side:
    tables = AzureTables.from_connection_string(connection_string)
    stack.push_async_callback(tables.close)
    ingest = Ingest(tables, SHARDS)

    async def work(number: int) -> None:
        await store_all(ingest, workload.deliveries[number])

    return all_of(work)


async def _sdk_side(stack: AsyncExitStack, connection_string: str, workload: _Workload) -> Side:
    service = await stack.enter_async_context(TableServiceClient.from_connection_string(connection_string))
    names = {table: f"Sdk{table}" for table in _tables(workload)}
    for name in names.values():
        await service.create_table(name)
    clients = {table: service.get_table_client(name) for table, name in names.items()}

    def ready(written: Written) -> tuple[str, list[SdkOperation]]:
        return written.table, [sdk_operation(operation) for operation in written.operations]

    rounds = _ready_made(workload, ready)

    async def work(number: int) -> None:
        for phases in rounds[number]:
            for phase in phases:
                await asyncio.gather(*(clients[table].submit_transaction(rows) for table, rows in phase))

    return all_of(work)


async def _writer_side(stack: AsyncExitStack, connection_string: str, workload: _Workload) -> Side:
    tables = AzureTables.from_connection_string(connection_string)
    stack.push_async_callback(tables.close)
    for table in _tables(workload):
        await tables.create_table(f"Writer{table}", Deadline.after(DEADLINE_SECONDS))

    def ready(written: Written) -> tuple[str, list[Operation]]:
        return f"Writer{written.table}", [unconditional(operation) for operation in written.operations]

    rounds = _ready_made(workload, ready)

    async def work(number: int) -> None:
        for phases in rounds[number]:
            deadline = Deadline.after(DEADLINE_SECONDS)
            for phase in phases:
                await asyncio.gather(*(tables.execute(table, operations, deadline) for table, operations in phase))

    return all_of(work)


async def _archive_side(stack: AsyncExitStack, connection_string: str, workload: _Workload) -> Side:
    """One row for an event, a hundred of them a transaction, whatever batch they came in: it cannot be had for less."""
    tables = AzureTables.from_connection_string(connection_string)
    stack.push_async_callback(tables.close)
    for table in _tables(workload):
        await tables.create_table(f"Archive{table}", Deadline.after(DEADLINE_SECONDS))
    rounds = [_full_transactions(batches) for batches in workload.batches]

    async def work(number: int) -> None:
        deadline = Deadline.after(DEADLINE_SECONDS)
        await asyncio.gather(*(tables.execute(table, operations, deadline) for table, operations in rounds[number]))

    return all_of(work)


def _full_transactions(batches: Sequence[Batch]) -> list[tuple[str, list[Operation]]]:
    """The archive's rows of a round, by partition, in as few transactions as they fit into."""
    partitions: defaultdict[tuple[str, str], list[Operation]] = defaultdict(list)
    for batch in batches:
        for written in batch.archive:
            for operation in written.operations:
                key = f"Archive{written.table}", str(operation.row["PartitionKey"])
                partitions[key].append(unconditional(operation))
    return [
        (table, operations[start : start + MAX_TRANSACTION_ROWS])
        for (table, _), operations in partitions.items()
        for start in range(0, len(operations), MAX_TRANSACTION_ROWS)
    ]


def _tables(workload: _Workload) -> set[str]:
    return {
        written.table
        for batches in workload.batches
        for batch in batches
        for written in [*batch.archive, *batch.projections]
    }


def _ready_made(workload: _Workload, ready: Callable[[Written], _Ready]) -> list[list[list[list[_Ready]]]]:
    """For each round and batch, the two phases with every transaction as a writer takes it."""
    return [
        [[[ready(written) for written in phase] for phase in batch if phase] for batch in batches]
        for batches in workload.batches
    ]


def _understanding_microseconds(workload: _Workload) -> float:
    """Processor time that reading and classifying takes for a message, of which the writers have nothing."""
    deliveries = workload.deliveries[-1]
    understand(deliveries, SHARDS, stored=())
    started = time.process_time()
    understand(deliveries, SHARDS, stored=())
    return (time.process_time() - started) * 1e6 / len(deliveries)


def _result(costs: dict[str, list[Cost]], workload: _Workload, understanding_microseconds: float) -> Result:
    microseconds = {name: cpu_microseconds(side, MESSAGES_A_ROUND) for name, side in costs.items()}
    rows = [[name, rate(side, MESSAGES_A_ROUND).text(0), microseconds[name].text(0)] for name, side in costs.items()]
    against_sdk, against_writer = speed_ratio(costs[INGEST], costs[SDK]), speed_ratio(costs[INGEST], costs[WRITER])
    cpu = cpu_ratio(costs[INGEST], costs[SDK])
    against_archive = speed_ratio(costs[INGEST], costs[ARCHIVE_ONLY])
    reason = _reason(microseconds, understanding_microseconds)
    return Result(
        title="Ingest, from bytes to rows",
        how=(
            f"Batches of {BATCH_SIZE} messages of {CHARGERS} chargers, {MESSAGES_A_ROUND:,} messages a round, {ROUNDS} "
            f"rounds, {workload.rows / (ROUNDS * MESSAGES_A_ROUND):.2f} rows for a message. The writers get the rows "
            "that ingest makes of the same messages, ready-made, in the same transactions: the archive's first, then "
            "all others at once. Inserts stay inserts; where ingest updates under the condition of an ETag, the "
            "writers replace. The last writes the archive's rows of a whole round in as few transactions as they fit "
            "into, and nothing else. All write into one Azurite, in tables of their own."
        ),
        tables=[
            Table(
                title="Messages a second, and processor time of the client for one message",
                columns=["", "messages/s", "CPU µs a message"],
                rows=rows,
            )
        ],
        goals=[
            Goal(
                what="speed against azure-data-tables",
                wanted="at least 1.5",
                measured=against_sdk.text(2),
                is_met=against_sdk.median >= 1.5,
                reason="" if against_sdk.median >= 1.5 else reason,
            ),
            Goal(
                what="processor time against azure-data-tables",
                wanted="at most 0.20",
                measured=cpu.text(2),
                is_met=cpu.median <= 0.2,
                reason="" if cpu.median <= 0.2 else reason,
            ),
            Goal(
                what="speed against our own batch writer",
                wanted="at least 0.80",
                measured=against_writer.text(2),
                is_met=against_writer.median >= 0.8,
                reason="" if against_writer.median >= 0.8 else reason,
            ),
            Goal(
                what="speed against a writer of the archive alone",
                wanted="at least 0.45",
                measured=against_archive.text(2),
                is_met=against_archive.median >= 0.45,
                reason="" if against_archive.median >= 0.45 else reason,
            ),
        ],
    )


def _reason(microseconds: dict[str, Spread], understanding: float) -> str:
    ours, writer = microseconds[INGEST].median, microseconds[WRITER].median
    return (
        f"Ingest takes {ours:.0f} µs of processor time for a message, {understanding:.0f} of them for reading it; the "
        f"bare writer takes {writer:.0f} and has nothing to read, plan or merge."
    )
