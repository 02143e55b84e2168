"""Keeps every decision, off the way of the answer: gathered for a moment, and written in batches.

A decision waits at most a second, unless storage fails: then it waits for storage, with up to `MOST_WAITING` others.
What cannot be kept is counted and logged, never dropped in silence.
"""

import asyncio
import logging
from collections import deque
from typing import Final

from shared.authorization.decisions import Decided, decision_row
from shared.authorization.unknown_tags import UnknownTagChange
from shared.deadlines import Deadline
from shared.errors import EmablerError
from shared.tables.merging import RowMerger
from shared.tables.store import Tables
from shared.tables.writing import RowWriter

GATHER_SECONDS: Final = 0.5
"""How long decisions are gathered; what is left of the second is for writing them."""
BATCH: Final = 16
"""Decisions written at once. Encoding them holds up the taps that come meanwhile (60 us each), so not too many."""
MOST_WAITING: Final = 10_000
MOST_UNKNOWN_WAITING: Final = 1_000
LAST_FLUSH_SECONDS: Final = 3.0
"""How long the end of the process may wait for the last decisions to be written."""
_PATIENCE_SECONDS = 30.0
_MOST_REMEMBERED_ROWS = 1_000

TAG_UNKNOWN: Final = "tag-unknown"

_log = logging.getLogger(__name__)


class Recorder:
    """Writes decisions into `AuthDecisions{yyyyMM}` and counts unknown tags in `UnknownTags`."""

    def __init__(self, tables: Tables, shards: int) -> None:
        self._shards = shards
        self._writer = RowWriter(tables)
        self._merger = RowMerger(tables, _MOST_REMEMBERED_ROWS)
        self._waiting: deque[Decided] = deque()
        self._unknown: dict[str, UnknownTagChange] = {}
        self._writing: asyncio.Task[None] | None = None
        self._lost = 0
        self._not_counted = 0

    @property
    def waiting(self) -> int:
        """How many decisions are not written yet."""
        return len(self._waiting)

    def keep(self, decided: Decided) -> None:
        """Take a decision; returns at once. Must be called within the event loop."""
        self._waiting.append(decided)
        self._lose_oldest()
        if decided.decision.rule == TAG_UNKNOWN:
            self._count_unknown(UnknownTagChange.of_tap(decided.id_tag, decided.charger_id, decided.decided_at))
        if self._writing is None or self._writing.done():
            self._writing = asyncio.get_running_loop().create_task(self._write_soon())

    async def flush(self, deadline: Deadline) -> None:
        """Write everything that waits; what cannot be written by the deadline keeps waiting, and that is logged."""
        try:
            while self._waiting:
                await self._write_batch(deadline)
            await self._write_unknown(deadline)
        except EmablerError as error:
            _log.error("tap decisions not written yet: %d error=%s: %s", self.waiting, type(error).__name__, error)
        self._tell_lost()

    async def _write_soon(self) -> None:
        """Gather for a moment, write, and go on for as long as decisions come in; at the loop's end write the last."""
        try:
            while self._waiting or self._unknown:
                await asyncio.sleep(GATHER_SECONDS)
                await self.flush(Deadline.after(_PATIENCE_SECONDS))
        except asyncio.CancelledError:
            # A loop that ends cancels what runs in it, and then waits for it: the last moment to write.
            try:
                async with asyncio.timeout(LAST_FLUSH_SECONDS):
                    await self.flush(Deadline.after(LAST_FLUSH_SECONDS))
            except TimeoutError:
                _log.error("tap decisions lost at the end: %d; storage did not answer", self.waiting)
            raise

    async def _write_batch(self, deadline: Deadline) -> None:
        batch = [self._waiting.popleft() for _ in range(min(BATCH, len(self._waiting)))]
        try:
            # An insert, for which Azurite need not search the table; a row that is there already is one of ours.
            rows = [decision_row(decided, self._shards) for decided in batch]
            _, refusals = await self._writer.insert(rows, deadline)
        except BaseException:  # also where the loop ends: the last flush takes them then
            self._waiting.extendleft(reversed(batch))
            self._lose_oldest()
            raise
        self._lost += len(refusals)

    async def _write_unknown(self, deadline: Deadline) -> None:
        changes = list(self._unknown.values())
        self._unknown = {}
        try:
            _, refusals = await self._merger.merge(changes, deadline)
        except EmablerError as error:
            _log.warning("unknown tags not counted error=%s: %s", type(error).__name__, error)
            self._not_counted += len(changes)
        except BaseException:
            for change in changes:
                self._count_unknown(change)
            raise
        else:
            self._not_counted += len(refusals)

    def _count_unknown(self, change: UnknownTagChange) -> None:
        waiting = self._unknown.get(change.id_tag)
        if waiting is not None:
            waiting.absorb(change)
        elif len(self._unknown) < MOST_UNKNOWN_WAITING:
            self._unknown[change.id_tag] = change
        else:
            self._not_counted += 1

    def _lose_oldest(self) -> None:
        while len(self._waiting) > MOST_WAITING:
            self._waiting.popleft()
            self._lost += 1

    def _tell_lost(self) -> None:
        if self._lost:
            _log.error("tap decisions lost: %d; storage refused them or failed for too long", self._lost)
        if self._not_counted:
            _log.error("unknown tags not counted: %d; storage refused or failed, or too many waited", self._not_counted)
        self._lost = self._not_counted = 0
