"""Ingest: a batch of deliveries, from any transport, into the tables. The order of the writes is the promise.

    read -> archive (insert) -> current state, sessions, measurements, drift, quarantine -> done
                   |                         |
                   +---- GiveBack -----------+---> the whole batch comes again; everything here can be done twice

An event is archived before anything is made of it, so whatever happens next, it can be made again. Nothing is done
about a batch that is given back: repeats change nothing.
"""

import asyncio
import logging
import time
from collections import Counter, OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import chain

from shared import telemetry
from shared.deadlines import Deadline
from shared.errors import GiveBack, Unacceptable
from shared.events import Event, EventType
from shared.ingest.counting import DriftCounter
from shared.ingest.freshness import Freshness, Told
from shared.ingest.plan import Planned, Understood, current_state_changes, understand
from shared.ingest.quarantine import QuarantineChange
from shared.ingest.rows import Delivery
from shared.instants import TICKS_PER_SECOND, Instant
from shared.tables.bodies import StoredBody
from shared.tables.layout import Layout
from shared.tables.merging import Merged, RowMerger
from shared.tables.store import TableRow, Tables
from shared.tables.writing import Refusals, RowWriter, together

MAX_REMEMBERED_EVENTS = 20_000
READ_AT_ONCE = 16
"""Messages that are read without letting anybody else run: about 0.6 ms."""

_MAX_SESSIONS_LOGGED = 20
_MAX_LOGGED_ID_LENGTH = 64

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Outcome:
    """What became of a batch: counts for the log."""

    deliveries: int = 0
    stored: Counter[EventType] = field(default_factory=Counter)
    repeats: int = 0
    quarantined: Counter[str] = field(default_factory=Counter)
    duration_seconds: float = 0.0

    def add(self, other: "Outcome") -> None:
        """Count what became of more messages."""
        self.deliveries += other.deliveries
        self.stored += other.stored
        self.repeats += other.repeats
        self.quarantined += other.quarantined
        self.duration_seconds += other.duration_seconds


class Ingest:
    """Stores events. One instance serves a process; it remembers what it stored last, and nothing depends on that."""

    def __init__(self, tables: Tables, shards: int) -> None:
        self._shards = shards
        self._layout = Layout(tables, shards)
        self._writer = RowWriter(tables)
        self._merger = RowMerger(tables)
        # Rows of quarantine hold whole bodies and hardly ever come again: not worth their memory.
        self._quarantine_merger = RowMerger(tables, most_remembered_rows=0)
        self._drift = DriftCounter(tables, self._merger)
        self._freshness = Freshness(RowMerger(tables), shards)
        self._stored: OrderedDict[str, None] = OrderedDict()

    async def store(self, deliveries: Sequence[Delivery], deadline: Deadline) -> Outcome:
        """Store a batch: when this returns, every message of it is in the tables or in quarantine.

        Raises GiveBack where storage cannot take it until the deadline, and ConfigurationError where the tables were
        made with another shard count; then the batch has to come again, whole.
        """
        links = telemetry.links_to_senders(delivery.properties for delivery in deliveries)
        with telemetry.span("store batch", links, deliveries=len(deliveries)) as span:
            started = time.monotonic()
            try:
                outcome = await self._store(deliveries, deadline)
            except GiveBack:
                telemetry.INGEST_DURATION.record((time.monotonic() - started) * 1000, outcome="given_back")
                raise
            outcome.duration_seconds = time.monotonic() - started
            telemetry.INGEST_DURATION.record(outcome.duration_seconds * 1000, outcome="stored")
            span.set_attributes({"repeats": outcome.repeats, "quarantined": outcome.quarantined.total()})
            return outcome

    async def set_aside(self, delivery: Delivery, reason: Unacceptable, deadline: Deadline) -> Outcome:
        """Put one message into quarantine that `store` cannot store, whole, for a reason of the caller's.

        Raises GiveBack where storage cannot take it until the deadline.
        """
        change = QuarantineChange.of_body(delivery.body, reason, delivery)
        started = time.monotonic()
        try:
            await self._quarantine([change], deadline)
        except GiveBack:
            telemetry.INGEST_DURATION.record((time.monotonic() - started) * 1000, outcome="given_back")
            raise
        outcome = Outcome(deliveries=1, quarantined=_reasons([change]))
        _count(outcome, (), Instant.now())
        return outcome

    async def _store(self, deliveries: Sequence[Delivery], deadline: Deadline) -> Outcome:
        await self._layout.check(deadline)
        batch = await self._understand(deliveries)
        archived, new, refused = await self._archive(list(batch.planned.values()), deadline)
        also_refused = await together(
            (
                self._merge_state(archived, deadline),
                self._write_measurements(archived, deadline),
                self._note_freshness(archived, deadline),
            )
        )
        await self._drift.count([planned.event for planned in new], deadline)
        set_aside = [*batch.set_aside.values(), *refused, *chain.from_iterable(also_refused)]
        await self._quarantine(set_aside, deadline)
        self._remember(planned.event for planned in archived)
        outcome = Outcome(
            deliveries=len(deliveries),
            stored=Counter(planned.event.event_type for planned in new),
            repeats=batch.repeats + len(archived) - len(new),
            quarantined=_reasons(set_aside),
        )
        _count(outcome, new, Instant.now())
        return outcome

    async def _understand(self, deliveries: Sequence[Delivery]) -> Understood:
        """Read a batch, a few messages at a time: the taps that come meanwhile are answered by the same loop."""
        batch = Understood()
        for start in range(0, len(deliveries), READ_AT_ONCE):
            understand(deliveries[start : start + READ_AT_ONCE], self._shards, self._stored, batch)
            await asyncio.sleep(0)
        return batch

    async def _archive(
        self, events: Sequence[Planned], deadline: Deadline
    ) -> tuple[list[Planned], list[Planned], list[QuarantineChange]]:
        """Insert events into the archive; returns those that are there now, the new ones among them, and the rest."""
        await self._write_overflow((planned.body for planned in events), deadline)
        existing, refusals = await self._writer.insert([planned.archived for planned in events], deadline)
        archived = [planned for position, planned in enumerate(events) if position not in refusals]
        new = [
            planned for position, planned in enumerate(events) if position not in refusals and position not in existing
        ]
        return archived, new, _refused(events, refusals)

    async def _write_overflow(self, bodies: Iterable[StoredBody], deadline: Deadline) -> None:
        rows = [TableRow(body.overflow_table, row) for body in bodies for row in body.overflow_rows]
        for refusal in (await self._writer.upsert(rows, deadline)).values():
            raise refusal  # made to measure by ourselves: a refusal is a fault of this app, and loses nothing

    async def _merge_state(self, events: Sequence[Planned], deadline: Deadline) -> list[QuarantineChange]:
        changes = current_state_changes([planned.event for planned in events], self._shards)
        merged, refusals = await self._merger.merge(changes, deadline)
        _log_reused(merged)
        refused_ids = {
            event.event_id: refusal for position, refusal in refusals.items() for event in changes[position].events
        }
        return [
            QuarantineChange.of_event(planned.event, refused_ids[planned.event.event_id], planned.delivery)
            for planned in events
            if planned.event.event_id in refused_ids
        ]

    async def _write_measurements(self, events: Sequence[Planned], deadline: Deadline) -> list[QuarantineChange]:
        measured = [planned for planned in events if planned.measured is not None]
        rows = [planned.measured for planned in events if planned.measured is not None]
        return _refused(measured, await self._writer.upsert(rows, deadline))

    async def _note_freshness(self, events: Sequence[Planned], deadline: Deadline) -> list[QuarantineChange]:
        told = [Told.of(planned.event, planned.delivery.received_at) for planned in events]
        await self._freshness.note(told, deadline)
        return []

    async def _quarantine(self, set_aside: list[QuarantineChange], deadline: Deadline) -> None:
        await self._write_overflow((change.body for change in set_aside), deadline)
        _, refusals = await self._quarantine_merger.merge(set_aside, deadline)
        for refusal in refusals.values():
            raise refusal  # there is no further place to keep it: only giving the batch back loses nothing

    def _remember(self, events: Iterable[Event]) -> None:
        """Remember what is stored whole, so that a repeat that comes soon costs nothing."""
        for event in events:
            self._stored[event.event_id] = None
        while len(self._stored) > MAX_REMEMBERED_EVENTS:
            self._stored.popitem(last=False)


def _refused(events: Sequence[Planned], refusals: Refusals) -> list[QuarantineChange]:
    return [
        QuarantineChange.of_event(events[position].event, refusal, events[position].delivery)
        for position, refusal in refusals.items()
    ]


def _reasons(set_aside: Iterable[QuarantineChange]) -> Counter[str]:
    reasons: Counter[str] = Counter()
    for change in set_aside:
        reasons[change.reason] += change.arrivals
    return reasons


def _count(outcome: Outcome, new: Iterable[Planned], now: Instant) -> None:
    """Tell the metrics what a batch came to."""
    for (event_type, transport), events in Counter((p.event.event_type, p.delivery.transport) for p in new).items():
        telemetry.PUSH_EVENTS.record(events, type=event_type, transport=transport)
    for planned in new:
        if planned.event.received_at is not None:
            telemetry.PUSH_LAG.record(max(0, now - planned.event.received_at) / TICKS_PER_SECOND)
    if outcome.repeats:
        telemetry.PUSH_REPEATS.record(outcome.repeats)
    for reason, count in outcome.quarantined.items():
        telemetry.PUSH_QUARANTINED.record(count, reason=reason)


def _log_reused(merged: Iterable[Merged]) -> None:
    """Say which sessions' ids turned out to have been used before; ids of sessions are nobody's personal data."""
    reused = [after for before, after in merged if after.get("id_reused") and not (before or {}).get("id_reused")]
    for row in reused[:_MAX_SESSIONS_LOGGED]:
        charger_id, transaction_id = str(row["charger_id"]), str(row["transaction_id"])
        _log.warning(
            "ingest transaction id used again charger_id=%r transaction_id=%r; see its row in Transactions",
            charger_id[:_MAX_LOGGED_ID_LENGTH],
            transaction_id[:_MAX_LOGGED_ID_LENGTH],
        )
    if len(reused) > _MAX_SESSIONS_LOGGED:
        _log.warning("ingest transaction ids used again: %d more", len(reused) - _MAX_SESSIONS_LOGGED)
