"""Ingest: a batch of deliveries, from any transport, into the tables. The order of the writes is the promise.

    read -> archive (insert) -> current state, sessions, measurements, drift, quarantine -> done
                   |                         |
                   +---- GiveBack -----------+---> the whole batch comes again; everything here can be done twice

An event is archived before anything is made of it, so whatever happens next, it can be made again. Nothing is done
about a batch that is given back: repeats change nothing.
"""

import time
from collections import Counter, OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from shared.deadlines import Deadline
from shared.errors import RowRefused
from shared.events import Event, EventType
from shared.ingest.counting import DriftCounter
from shared.ingest.layout import Layout
from shared.ingest.merging import Merged, RowMerger
from shared.ingest.plan import current_state_changes, understand
from shared.ingest.quarantine import QuarantineChange
from shared.ingest.rows import Delivery, archive_row, archive_table, measurement_row, measurement_table
from shared.ingest.writing import RowWriter, TableRow, together
from shared.tables.bodies import StoredBody
from shared.tables.store import Tables

MAX_REMEMBERED_EVENTS = 20_000

_Pair = tuple[Event, Delivery]


@dataclass(slots=True)
class Outcome:
    """What became of a batch: counts for the log, and what an operator has to hear of."""

    deliveries: int = 0
    stored: Counter[EventType] = field(default_factory=Counter)
    repeats: int = 0
    quarantined: Counter[str] = field(default_factory=Counter)
    reused_sessions: list[tuple[str, str]] = field(default_factory=list)
    """Charger id and transaction id of sessions whose id turned out to have been used before."""
    duration_seconds: float = 0.0


class Ingest:
    """Stores events. One instance serves a process; it remembers what it stored last, and nothing depends on that."""

    def __init__(self, tables: Tables, shards: int) -> None:
        self._tables = tables
        self._shards = shards
        self._layout = Layout(tables, shards)
        self._writer = RowWriter(tables)
        self._merger = RowMerger(tables)
        # Rows of quarantine hold whole bodies and hardly ever come again: not worth their memory.
        self._quarantine_merger = RowMerger(tables, most_remembered_rows=0)
        self._drift = DriftCounter(tables, self._merger)
        self._stored: OrderedDict[str, None] = OrderedDict()

    async def store(self, deliveries: Sequence[Delivery], deadline: Deadline) -> Outcome:
        """Store a batch: when this returns, every message of it is in the tables or in quarantine.

        Raises GiveBack where storage cannot take it until the deadline, and ConfigurationError where the tables were
        made with another shard count; then the batch has to come again, whole.
        """
        started = time.monotonic()
        await self._layout.check(deadline)
        batch = understand(deliveries)
        outcome = Outcome(deliveries=len(deliveries), repeats=batch.repeats)
        fresh = [pair for event_id, pair in batch.events.items() if event_id not in self._stored]
        outcome.repeats += len(batch.events) - len(fresh)
        set_aside = list(batch.unacceptable.values())
        new, archived = await self._archive(fresh, set_aside, deadline)
        outcome.repeats += len(archived) - len(new)
        await together(
            (
                self._merge_state(archived, set_aside, outcome, deadline),
                self._write_measurements(archived, set_aside, deadline),
                self._drift.count([event for event, _ in new], deadline),
            )
        )
        await self._quarantine(set_aside, outcome, deadline)
        outcome.stored.update(event.event_type for event, _ in new)
        self._remember(event for event, _ in archived)
        outcome.duration_seconds = time.monotonic() - started
        return outcome

    async def _archive(
        self, pairs: Sequence[_Pair], set_aside: list[QuarantineChange], deadline: Deadline
    ) -> tuple[list[_Pair], list[_Pair]]:
        """Insert events into the archive; returns those that were new, and all that are there now."""
        planned = [archive_row(event, delivery, self._shards) for event, delivery in pairs]
        await self._write_overflow((body for _, body in planned), deadline)
        rows = [TableRow(archive_table(event), row) for (event, _), (row, _) in zip(pairs, planned, strict=True)]
        existing, refusals = await self._writer.insert(rows, deadline)
        set_aside += _refused(pairs, refusals)
        archived = [pair for place, pair in enumerate(pairs) if place not in refusals]
        return [pair for place, pair in enumerate(pairs) if place not in refusals and place not in existing], archived

    async def _write_overflow(self, bodies: Iterable[StoredBody], deadline: Deadline) -> None:
        rows = [TableRow(body.overflow_table, row) for body in bodies for row in body.overflow_rows]
        for refusal in (await self._writer.upsert(rows, deadline)).values():
            raise refusal  # made to measure by ourselves: a refusal is a fault of this app, and loses nothing

    async def _merge_state(
        self, pairs: Sequence[_Pair], set_aside: list[QuarantineChange], outcome: Outcome, deadline: Deadline
    ) -> None:
        changes = current_state_changes([event for event, _ in pairs], self._shards)
        merged, refusals = await self._merger.merge(changes, deadline)
        deliveries = {event.event_id: delivery for event, delivery in pairs}
        for place, refusal in refusals.items():
            set_aside += (
                QuarantineChange.of_event(event, refusal, deliveries[event.event_id]) for event in changes[place].events
            )
        outcome.reused_sessions += _newly_reused(merged)

    async def _write_measurements(
        self, pairs: Sequence[_Pair], set_aside: list[QuarantineChange], deadline: Deadline
    ) -> None:
        planned = [(pair, row) for pair in pairs if (row := measurement_row(pair[0], self._shards)) is not None]
        rows = [TableRow(measurement_table(event), row) for (event, _), row in planned]
        refusals = await self._writer.upsert(rows, deadline)
        set_aside += _refused([pair for pair, _ in planned], refusals)

    async def _quarantine(self, set_aside: list[QuarantineChange], outcome: Outcome, deadline: Deadline) -> None:
        await self._write_overflow((change.body for change in set_aside), deadline)
        _, refusals = await self._quarantine_merger.merge(set_aside, deadline)
        for refusal in refusals.values():
            raise refusal  # there is no further place to keep it: only giving the batch back loses nothing
        for change in set_aside:
            outcome.quarantined[change.reason] += change.arrivals

    def _remember(self, events: Iterable[Event]) -> None:
        """Remember what is stored whole, so that a repeat that comes soon costs nothing."""
        for event in events:
            self._stored[event.event_id] = None
        while len(self._stored) > MAX_REMEMBERED_EVENTS:
            self._stored.popitem(last=False)


def _refused(pairs: Sequence[_Pair], refusals: dict[int, RowRefused]) -> list[QuarantineChange]:
    return [QuarantineChange.of_event(pairs[place][0], refusal, pairs[place][1]) for place, refusal in refusals.items()]


def _newly_reused(merged: Iterable[Merged]) -> list[tuple[str, str]]:
    return [
        (str(after["charger_id"]), str(after["transaction_id"]))
        for before, after in merged
        if after.get("id_reused") and not (before or {}).get("id_reused")
    ]
