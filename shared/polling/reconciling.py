"""Reconciles a day: REST's sessions beside those that push told, an account for each charger, and the repair."""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from shared import telemetry
from shared.emabler.rest.addresses import ApiVersion
from shared.emabler.rest.api import EmablerApi
from shared.emabler.rest.limits import RunLimits
from shared.errors import EmablerError
from shared.ingest.rows import PUSH_EVENTS
from shared.instants import TICKS_PER_SECOND, Instant
from shared.polling.errors import is_of_one_list
from shared.polling.ledger import DAY_TICKS, RECONCILIATION, Ledger, Verdict, ledger_of, unexplained
from shared.polling.session_store import SessionsStored, SessionStore
from shared.polling.sessions import whole_list
from shared.polling.windows import Window
from shared.tables.keys import month_table
from shared.tables.store import Tables
from shared.tables.writing import RowWriter

_HOUR: Final = 3600 * TICKS_PER_SECOND

MARGIN_TICKS: Final = {ApiVersion.V1: 72 * _HOUR, ApiVersion.V2: _HOUR}
"""How much more than the day REST is asked for, on both sides: clocks differ, and v1's window may be about starts, of
sessions that last for days."""

DAYS_LATE: Final = 3
"""For how many days after its day a message may come and be found."""

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class DayReconciled:
    """What reconciling a day came to; `stored` is None where nothing was to be repaired."""

    day: Instant
    ledgers: list[Ledger]
    stored: SessionsStored | None = None

    @property
    def counts(self) -> Counter[Verdict]:
        """How many sessions of all chargers got which verdict."""
        return sum((ledger.counts for ledger in self.ledgers), Counter[Verdict]())

    @property
    def unexplained(self) -> int:
        """How many sessions somebody has to look at."""
        return unexplained(self.ledgers)


class Reconciler:
    """Reconciles days of one account."""

    def __init__(self, tables: Tables, api: EmablerApi, shards: int, now: Callable[[], Instant]) -> None:
        self._tables = tables
        self._api = api
        self._shards = shards
        self._now = now
        self._store = SessionStore(tables, shards)
        self._chargers_by_partition: dict[str, set[str]] = {}

    async def days(self, days: Iterable[Instant], limits: RunLimits, *, repairs: bool) -> list[DayReconciled]:
        """Reconcile days as `day` does. One whose list is not to be had does not keep the others from their account.

        Its error is raised at the end.
        """
        reconciled: list[DayReconciled] = []
        failure: EmablerError | None = None
        for day in days:
            try:
                reconciled.append(await self.day(day, limits, repairs=repairs))
            except EmablerError as error:
                if not is_of_one_list(error):
                    raise
                failure = failure or error
                _log.error("reconciliation of %s was not possible: %s", day.day, error)
        if failure is not None:
            raise failure
        return reconciled

    async def day(self, day: Instant, limits: RunLimits, *, repairs: bool) -> DayReconciled:
        """Reconcile the day that begins at `day`; without `repairs` nothing is written, not even the ledger.

        Raises errors of `shared.emabler.rest.errors`, of storage, and ListNotWhole: an account of half a list is none.
        """
        margin = MARGIN_TICKS[self._api.version]
        window = Window(Instant(day - margin), Instant(day + DAY_TICKS + margin))
        polled = [
            session
            async for sessions in whole_list(self._api.sessions(window.start, window.end, limits))
            for session in sessions
        ]
        # An account from before may be of a session that turned out to belong to another day.
        accounted, told = await asyncio.gather(self._accounted(day, limits), self._chargers_with_events(day, limits))
        chargers = await self._store.join(polled, limits.deadline, also=accounted | told, since=day)
        ledgers = [ledger_of(charger, day) for charger in chargers]
        found = [ledger for ledger in ledgers if ledger.entries or ledger.charger_id in accounted]
        reconciled = DayReconciled(day, found)
        if repairs:
            reconciled.stored = await self._store.store(chargers, self._now(), limits.deadline)
            rows = [ledger.row(self._now(), self._shards) for ledger in found]
            for refusal in (await RowWriter(self._tables).upsert(rows, limits.deadline)).values():
                raise refusal  # made to measure by ourselves: a fault of this app, and the repair is done
        _log_day(reconciled)
        return reconciled

    async def _chargers_with_events(self, day: Instant, limits: RunLimits) -> set[str]:
        """Chargers of which push told something about a session on that day, or late on one of the next.

        Read out of the archive, whose partitions are days: what this costs does not grow with the years.
        """
        last = min(day + DAYS_LATE * DAY_TICKS, self._now())
        days = [Instant(moment) for moment in range(day, last + 1, DAY_TICKS)]
        found = await asyncio.gather(
            *(
                self._chargers_in(moment, f"{moment.day}-{number:02d}", limits)
                for moment in days
                for number in range(self._shards)
            )
        )
        return {charger_id for charger_ids in found for charger_id in charger_ids}

    async def _accounted(self, day: Instant, limits: RunLimits) -> set[str]:
        """Chargers that have a row of that day."""
        found = await asyncio.gather(
            *(
                self._tables.find(
                    RECONCILIATION,
                    "PartitionKey eq @partition",
                    limits.deadline,
                    ("charger_id",),
                    partition=f"{day.day}-{number:02d}",
                )
                for number in range(self._shards)
            )
        )
        return {str(stored.row["charger_id"]) for rows in found for stored in rows}

    async def _chargers_in(self, day: Instant, partition: str, limits: RunLimits) -> set[str]:
        """Those of one partition of the archive, which is read once for all days of a run."""
        known = self._chargers_by_partition.get(partition)
        if known is not None:
            return known
        rows = await self._tables.find(
            month_table(PUSH_EVENTS, day),
            "PartitionKey eq @partition and fragment ge @any",
            limits.deadline,
            ("charger_id",),
            partition=partition,
            any="",
        )
        found = {str(stored.row["charger_id"]) for stored in rows}
        self._chargers_by_partition[partition] = found
        return found


def _log_day(reconciled: DayReconciled) -> None:
    """One line for the day, and an error where somebody has to look, for an alert."""
    counts = " ".join(f"{verdict}={reconciled.counts[verdict]}" for verdict in Verdict)
    _log.info("reconciliation day=%s chargers=%d %s", reconciled.day.day, len(reconciled.ledgers), counts)
    if reconciled.unexplained:
        telemetry.UNEXPLAINED_SESSIONS.record(reconciled.unexplained)
        _log.error(
            "reconciliation drift day=%s unexplained=%d; see the table Reconciliation, or `emabler reconcile --day %s`",
            reconciled.day.day,
            reconciled.unexplained,
            reconciled.day.iso[:10],
        )
