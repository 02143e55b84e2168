"""Counts novelties into `Drift`, and keeps that table small whatever a sender makes up."""

import asyncio
import logging
from collections.abc import Iterable, Sequence

from shared.deadlines import Deadline
from shared.errors import GiveBack
from shared.events import Event
from shared.ingest.drift import DRIFT, MAX_ROWS_A_DAY, OVERFLOW_KEY, DriftChange, drift_changes
from shared.tables.merging import RowMerger
from shared.tables.store import Tables

_log = logging.getLogger(__name__)

_DAYS_REMEMBERED = 7
_PATIENCE_SECONDS = 10.0


class DriftCounter:
    """Knows which novelties have a row on which day, so that a day gets no more than `MAX_ROWS_A_DAY`."""

    def __init__(self, tables: Tables, merger: RowMerger) -> None:
        self._tables = tables
        self._merger = merger
        self._keys_by_day: dict[str, set[str]] = {}

    async def count(self, events: Sequence[Event], deadline: Deadline) -> None:
        """Add what is new in these events, which must be stored for the first time, to their days' rows.

        A statistic is not worth a redelivery: where storage does not take it in a few seconds, it is logged as not
        counted.
        """
        changes = drift_changes(events)
        if not changes:
            return
        try:
            async with asyncio.timeout(min(_PATIENCE_SECONDS, deadline.remaining_seconds)):
                for change in changes:
                    await self._bound(change)
                await self._merger.merge(_collapsed(changes), deadline)
        except (GiveBack, TimeoutError) as error:
            _log.warning("drift not counted novelties=%d error=%s", len(changes), type(error).__name__)

    async def _bound(self, change: DriftChange) -> None:
        """Where the day has all the rows it may have, count a further novelty in its overflow row."""
        keys = self._keys_by_day.get(change.partition_key)
        if keys is None:
            found = self._tables.query(DRIFT, "PartitionKey eq @day", day=change.partition_key)
            keys = {str(stored.row["RowKey"]) async for stored in found}
            while len(self._keys_by_day) >= _DAYS_REMEMBERED:
                self._keys_by_day.pop(next(iter(self._keys_by_day)))
            self._keys_by_day[change.partition_key] = keys
        if change.row_key not in keys and len(keys) >= MAX_ROWS_A_DAY:
            change.row_key = OVERFLOW_KEY
        keys.add(change.row_key)


def _collapsed(changes: Iterable[DriftChange]) -> list[DriftChange]:
    """One change for each row: several novelties may meet in the overflow row."""
    by_row: dict[tuple[str, str], DriftChange] = {}
    for change in changes:
        earlier = by_row.setdefault((change.partition_key, change.row_key), change)
        if earlier is not change:
            earlier.count += change.count
    return list(by_row.values())
