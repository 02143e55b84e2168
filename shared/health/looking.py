"""Looks at what the report is made of: a few rows for everybody, and more for those who may know."""

import asyncio
from typing import Final

from shared.deadlines import Deadline
from shared.errors import GiveBack
from shared.health.dead_letters import DeadLetters
from shared.health.report import Health, Observed, QuarantineHealth, report
from shared.ingest.freshness import FLEET_PARTITION, FLEET_ROW
from shared.ingest.quarantine import QUARANTINE
from shared.instants import TICKS_PER_SECOND, Instant
from shared.polling.gaps import GAPS_PARTITION
from shared.polling.runs import RUNS_PARTITION
from shared.tables.keys import POLL_STATE
from shared.tables.layout import Layout
from shared.tables.store import Tables

PATIENCE_SECONDS: Final = 3.0
QUARANTINE_DAYS: Final = 7

_DAY_TICKS: Final = 86_400 * TICKS_PER_SECOND


class HealthCheck:
    """Looks at one app: its tables, and its queue where it has one."""

    def __init__(self, tables: Tables, shards: int, dead_letters: DeadLetters | None, *, is_polling: bool) -> None:
        self._tables = tables
        self._layout = Layout(tables, shards)
        self._dead_letters = dead_letters
        self._is_polling = is_polling

    async def brief(self, now: Instant) -> Health:
        """What everybody may know. Raises an EmablerError where the app cannot do its work."""
        deadline = Deadline.after(PATIENCE_SECONDS)
        await self._layout.look(deadline)
        runs, gaps, told = await asyncio.gather(
            self._tables.find(POLL_STATE, "PartitionKey eq @key", deadline, key=RUNS_PARTITION),
            self._tables.find(POLL_STATE, "PartitionKey eq @key", deadline, ("RowKey",), key=GAPS_PARTITION),
            self._tables.get(POLL_STATE, FLEET_PARTITION, FLEET_ROW, deadline),
        )
        observed = Observed(
            runs={str(stored.row["RowKey"]): stored.row for stored in runs},
            told=told.row if told is not None else None,
            open_gaps=len(gaps),
        )
        return report(observed, now, is_polling=self._is_polling)

    async def whole(self, now: Instant) -> Health:
        """The same with what takes longer to find out. Raises as `brief` does."""
        health, entries, dead_letters = await asyncio.gather(
            self.brief(now), self._quarantined(now), self._count_dead_letters()
        )
        health.quarantine = QuarantineHealth(days=QUARANTINE_DAYS, entries=entries)
        health.dead_letters = dead_letters
        return health

    async def _quarantined(self, now: Instant) -> int | None:
        first = Instant(max(0, now - (QUARANTINE_DAYS - 1) * _DAY_TICKS)).day
        try:
            rows = await self._tables.find(
                QUARANTINE, "PartitionKey ge @first", Deadline.after(PATIENCE_SECONDS), ("RowKey",), first=first
            )
        except GiveBack:
            return None
        return len(rows)

    async def _count_dead_letters(self) -> int | None:
        return await self._dead_letters.count() if self._dead_letters is not None else None
