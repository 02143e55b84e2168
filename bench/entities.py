"""How many rows an event costs: what Table Storage is paid by, and what its limits count."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from bench.day import day_of, with_repeats
from bench.recording import RecordingTables, Written
from bench.results import Goal, Result, Table
from bench.storing import DEADLINE_SECONDS, SHARDS, batches_of, delivered
from shared.deadlines import Deadline
from shared.ingest.ingest import Ingest
from shared.ingest.plan import current_state_changes, understand
from shared.ingest.rows import MEASUREMENTS, PUSH_EVENTS, Delivery

CHARGERS = 1000
REPEATS = 0.05
BATCH_SIZES = (64, 8, 1)
WANTED = 1.6

_NO_EVENT = "(not for an event)"
_TABLES = ("PushEvents", "ChargerStatus", "Transactions", "Measurements")


@dataclass(slots=True)
class Writes:
    """What was asked of the tables for a sequence of deliveries."""

    events: Counter[str] = field(default_factory=Counter)
    """Distinct events by type."""
    rows: defaultdict[tuple[str, str], float] = field(default_factory=lambda: defaultdict(float))
    """Rows written, by the type of the event they were written for and the table without its month."""
    transactions: int = 0
    refused: int = 0
    reads: int = 0

    @property
    def rows_an_event(self) -> float:
        """Rows written for each distinct event."""
        return sum(self.rows.values()) / self.events.total()


async def measure_entities() -> Result:
    """Count the rows of the simulator's day in batches of several sizes; nothing is random, so once is enough."""
    distinct = day_of(CHARGERS)
    deliveries = delivered(with_repeats(distinct, REPEATS))
    counted = {size: await count_writes(deliveries, size) for size in BATCH_SIZES}
    full = counted[BATCH_SIZES[0]]
    return Result(
        title="Rows written for an event",
        how=(
            f"The day of {CHARGERS:,} chargers in order of time, {len(deliveries):,} deliveries with "
            f"{REPEATS:.0%} repeats of {full.events.total():,} distinct events, into tables in memory that count. A "
            "row that is written again counts again. A row of current state that several events of a batch changed is "
            "written once, and each of them has its share of it."
        ),
        tables=[_by_batch_size(counted), *(_by_type(size, writes) for size, writes in counted.items())],
        goals=[
            Goal(
                what=f"rows for an event, in batches of {BATCH_SIZES[0]}",
                wanted=f"at most {WANTED}",
                measured=f"{full.rows_an_event:.3f}",
                is_met=full.rows_an_event <= WANTED,
                reason="" if full.rows_an_event <= WANTED else _reason(full),
            )
        ],
    )


async def count_writes(deliveries: list[Delivery], batch_size: int) -> Writes:
    """Store the deliveries in batches of a size, in empty tables, and count what was written."""
    tables = RecordingTables()
    ingest = Ingest(tables, SHARDS)
    writes = Writes()
    for batch in batches_of(deliveries, batch_size):
        tables.clear()
        await ingest.store(batch, Deadline.after(DEADLINE_SECONDS))
        writes.transactions += len(tables.written)
        writes.refused += tables.refused
        writes.reads += tables.reads
        _count_rows(batch, tables.written, writes)
    return writes


def _count_rows(batch: Sequence[Delivery], written: list[Written], writes: Writes) -> None:
    """Share each row out to the new events of the batch that it was written for."""
    rows = [(table, operation.row) for table, operations in written for operation in operations]
    new_ids = {row["event_id"] for table, row in rows if table.startswith(PUSH_EVENTS)}
    planned = understand(batch, SHARDS, stored=()).planned
    events = [one.event for event_id, one in planned.items() if event_id in new_ids]
    types = {event.event_id: str(event.event_type) for event in events}
    sharers = {
        (change.table, change.row_key): [types[event.event_id] for event in change.events]
        for change in current_state_changes(events, SHARDS)
    }
    writes.events.update(types.values())
    for table, row in rows:
        row_types = sharers.get((table, str(row["RowKey"]))) or [types.get(str(row.get("event_id")), _NO_EVENT)]
        for event_type in row_types:
            writes.rows[event_type, _without_month(table)] += 1 / len(row_types)


def _without_month(table: str) -> str:
    return table.rstrip("0123456789").removesuffix("Undated")


def _by_batch_size(counted: dict[int, Writes]) -> Table:
    return Table(
        title="By the size of the batches",
        columns=["messages a batch", "rows an event", "transactions an event", "refused an event", "reads an event"],
        rows=[
            [str(size), f"{writes.rows_an_event:.3f}"]
            + [
                f"{requests / writes.events.total():.3f}"
                for requests in (writes.transactions, writes.refused, writes.reads)
            ]
            for size, writes in counted.items()
        ],
    )


def _by_type(size: int, writes: Writes) -> Table:
    return Table(
        title=f"Rows an event of each type, in batches of {size}",
        columns=["type", "of all events", *_TABLES, "together"],
        rows=[
            [event_type, f"{events / writes.events.total():.1%}"]
            + [f"{writes.rows[event_type, table] / events:.3f}" for table in _TABLES]
            + [f"{sum(writes.rows[event_type, table] for table in _TABLES) / events:.3f}"]
            for event_type, events in writes.events.most_common()
        ],
    )


def _reason(writes: Writes) -> str:
    by_table: Counter[str] = Counter()
    for (_, table), rows in writes.rows.items():
        by_table[table] += round(rows)
    shares = ", ".join(f"{table} {rows / writes.events.total():.2f}" for table, rows in by_table.most_common(4))
    own = (by_table[PUSH_EVENTS] + by_table[MEASUREMENTS]) / writes.events.total()
    return (
        f"Rows an event by table: {shares}. Every event has its archive row and every measurements message its own: "
        f"these two alone are {own:.2f}, which no batching changes."
    )
