"""The runs of each kind of poll: one at a time, with what the last one came to. One row of `PollState` for each kind.

A run takes a lease on its row, so that a timer and a command, or two apps, do not do the same work twice. A run that
dies leaves a lease behind that ends soon after its deadline; nothing else has to be cleaned up after it.
"""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from shared.deadlines import Deadline
from shared.errors import EmablerError, RowConflict
from shared.instants import TICKS_PER_SECOND, Instant
from shared.tables.keys import POLL_STATE
from shared.tables.store import EdmValue, Kind, Operation, Row, StoredRow, Tables
from shared.tables.writing import execute

RUNS_PARTITION: Final = "runs"
LEASE_MARGIN_SECONDS: Final = 15.0
"""How much longer than its run a lease lasts."""

_MAX_ERROR_LENGTH: Final = 300


class PollKind(StrEnum):
    """What is polled."""

    CHARGERS = "chargers"
    SESSIONS = "sessions"
    STATISTICS = "statistics"
    RECONCILIATION = "reconciliation"


@dataclass(slots=True)
class Run:
    """A run that is under way. `row` is its kind's row as it was before, `etag` what its next change needs."""

    kind: PollKind
    started_at: Instant
    row: Row
    etag: str

    def instant(self, column: str) -> Instant | None:
        """A time that an earlier run left."""
        value = self.row.get(column)
        return value if isinstance(value, Instant) else None


class Runs:
    """Begins and ends runs."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def begin(self, kind: PollKind, now: Instant, deadline: Deadline) -> Run | None:
        """Take the lease; None where another run has it."""
        stored = await self._tables.get(POLL_STATE, RUNS_PARTITION, kind, deadline)
        before: Row = stored.row if stored is not None else {}
        leased_until = before.get("leased_until")
        if isinstance(leased_until, Instant) and leased_until > now:
            return None
        lease_seconds = deadline.remaining_seconds + LEASE_MARGIN_SECONDS
        row = {
            **before,
            "PartitionKey": RUNS_PARTITION,
            "RowKey": str(kind),
            "first_started_at": before.get("first_started_at") or now,
            "started_at": now,
            "leased_until": Instant(now + int(lease_seconds * TICKS_PER_SECOND)),
            "run_id": uuid.uuid4().hex,
        }
        operation = Operation(Kind.UPDATE, row, stored.etag) if stored is not None else Operation(Kind.INSERT, row)
        try:
            (etag,) = await execute(self._tables, POLL_STATE, [operation], deadline)
        except RowConflict:
            written = await self._own(kind, row, deadline)
            if written is None:
                return None
            etag = written.etag
        return Run(kind, now, row, etag)

    async def note(self, run: Run, columns: Mapping[str, EdmValue], deadline: Deadline) -> None:
        """Keep how far a run has come. Raises RowConflict where its lease had ended and another run has begun."""
        row = {**run.row, **columns}
        try:
            (run.etag,) = await execute(self._tables, POLL_STATE, [Operation(Kind.UPDATE, row, run.etag)], deadline)
        except RowConflict:
            written = await self._own(run.kind, run.row, deadline)
            if written is None:
                raise
            (run.etag,) = await execute(self._tables, POLL_STATE, [Operation(Kind.UPDATE, row, written.etag)], deadline)
        run.row = row

    async def succeed(self, run: Run, now: Instant, columns: Mapping[str, EdmValue], deadline: Deadline) -> None:
        """End a run that did all it should."""
        ending = {"leased_until": None, "succeeded_at": now, "error": None, "failures_in_a_row": 0}
        await self.note(run, {**columns, **ending}, deadline)

    async def leave(self, run: Run, deadline: Deadline) -> None:
        """End a run that somebody chose to do beside the regular ones: it tells nothing of how those are doing."""
        await self.note(run, {"leased_until": None}, deadline)

    async def fail(self, run: Run, now: Instant, error: EmablerError, deadline: Deadline) -> None:
        """End a run that did not; its error's text is one of ours and holds nothing personal."""
        failures = run.row.get("failures_in_a_row")
        text = f"{type(error).__name__}: {error}"[:_MAX_ERROR_LENGTH]
        ending: dict[str, EdmValue] = {
            "leased_until": None,
            "failed_at": now,
            "error": text,
            "failures_in_a_row": 1 + (failures if isinstance(failures, int) else 0),
        }
        await self.note(run, ending, deadline)

    async def _own(self, kind: PollKind, row: Row, deadline: Deadline) -> StoredRow | None:
        """The row as it is, where it is still this run's: then the write it met was its own, whose answer was lost."""
        stored = await self._tables.get(POLL_STATE, RUNS_PARTITION, kind, deadline)
        return stored if stored is not None and stored.row.get("run_id") == row["run_id"] else None
