"""Every kind of poll as one run: alone, within its time and its calls, with its end written down whatever comes of it.

Timers and the operator's commands use the same runs, so that they never do the same work at the same time.
"""

import logging
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, TypeVar

from shared import telemetry
from shared.deadlines import Deadline
from shared.emabler.rest.addresses import ApiVersion
from shared.emabler.rest.api import EmablerApi
from shared.emabler.rest.limits import CallBudget, RunLimits
from shared.errors import EmablerError, GiveBack, RowConflict
from shared.instants import TICKS_PER_SECOND, Instant
from shared.polling.chargers import ChargersPoll, ChargersPolled, Looking
from shared.polling.errors import AnotherRun
from shared.polling.gaps import GAPS_PARTITION
from shared.polling.reconciling import DayReconciled, Reconciler
from shared.polling.runs import PollKind, Run, Runs
from shared.polling.session_store import SessionsStored, SessionStore
from shared.polling.sessions import poll_sessions
from shared.polling.statistics import StatisticsChange
from shared.polling.windows import Known, Window, window_of
from shared.settings import Settings
from shared.tables.keys import POLL_STATE
from shared.tables.merging import RowMerger
from shared.tables.store import EdmValue, TableRow, Tables
from shared.tables.writing import RowWriter

RUN_SECONDS: Final = {
    PollKind.CHARGERS: 240.0,
    PollKind.STATISTICS: 60.0,
    PollKind.SESSIONS: 420.0,
    PollKind.RECONCILIATION: 540.0,
}
"""How long a run may take: less than the time between two of its kind, and than host.json's functionTimeout."""

ENDING_SECONDS: Final = 14.0
"""How long storage may take to write down how a run ended: longer than one request may, and within the lease."""

Result = TypeVar("Result")

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class PollPlan:
    """What the settings say about polling."""

    looking: Looking
    calls_per_run: int


def plan_of(chosen: Settings) -> PollPlan:
    """What the settings say about polling."""
    named_ids = tuple(name.strip() for name in chosen.poll_charger_ids.split(",") if name.strip())
    silence_ticks = int(chosen.push_silence_minutes * 60 * TICKS_PER_SECOND)
    return PollPlan(Looking(chosen.event_shards, silence_ticks, named_ids), chosen.poll_calls_per_run)


class Poller:
    """Runs polls of one account into one set of tables."""

    def __init__(
        self, tables: Tables, api: EmablerApi, plan: PollPlan, now: Callable[[], Instant] = Instant.now
    ) -> None:
        self._tables = tables
        self._api = api
        self._plan = plan
        self._now = now
        self._runs = Runs(tables)

    async def chargers(self) -> ChargersPolled:
        """Poll the chargers. Raises AnotherRun, and what ended the run early; what came before is stored."""

        async def work(_: Run, limits: RunLimits) -> tuple[ChargersPolled, Mapping[str, EdmValue]]:
            polled = await ChargersPoll(self._tables, self._api, self._plan.looking, self._now).run(limits)
            telemetry.PUSH_GAPS.record(polled.open_gaps)
            _log.info(
                "poll chargers=%d changed_rows=%d refused_rows=%d failures=%s open_gaps=%d calls=%d",
                polled.chargers,
                polled.changed_rows,
                polled.refused_rows,
                dict(polled.failures) or "none",
                polled.open_gaps,
                limits.budget.spent,
            )
            return polled, {"chargers": polled.chargers, "open_gaps": polled.open_gaps, "calls": limits.budget.spent}

        return await self._run(PollKind.CHARGERS, work)

    async def sessions(self, window: Window | None = None) -> SessionsStored:
        """Poll the sessions: since the last time, or of a window. Raises as `chargers` does.

        A window of somebody's choice moves no watermark.
        """

        async def work(run: Run, limits: RunLimits) -> tuple[SessionsStored, Mapping[str, EdmValue]]:
            watermark = run.instant("watermark")

            async def stored_up_to(moment: Instant) -> None:
                if window is None and (watermark is None or moment > watermark):
                    await self._runs.note(run, {"watermark": moment}, limits.deadline)

            stored = await poll_sessions(
                self._api,
                SessionStore(self._tables, self._plan.looking.shards),
                window or await self._window(watermark, limits.deadline),
                limits,
                now=self._now,
                stored_up_to=stored_up_to,
            )
            _log.info(
                "poll sessions=%d joined=%d polled_only=%d ambiguous=%d changed=%d quarantined=%d calls=%d",
                stored.sessions,
                stored.joined,
                stored.polled_only,
                stored.ambiguous,
                stored.changed,
                stored.quarantined,
                limits.budget.spent,
            )
            return stored, {"sessions": stored.sessions, "calls": limits.budget.spent}

        return await self._run(PollKind.SESSIONS, work, is_of_choice=window is not None)

    async def statistics(self) -> None:
        """Keep v1's statistics. Raises as `chargers` does, and NotOffered with v2."""

        async def work(_: Run, limits: RunLimits) -> tuple[None, Mapping[str, EdmValue]]:
            answer = await self._api.statistics(limits)
            change = StatisticsChange(answer.raw, self._now())
            body = change.body
            overflow = [TableRow(body.overflow_table, row) for row in body.overflow_rows]
            await RowWriter(self._tables).upsert(overflow, limits.deadline)
            refusals = (await RowMerger(self._tables).merge([change], limits.deadline))[1]
            for refusal in refusals.values():
                raise refusal
            _log.info("poll statistics bytes=%d", len(answer.raw))
            return None, {"calls": limits.budget.spent}

        return await self._run(PollKind.STATISTICS, work)

    async def statistics_and_sessions(self) -> None:
        """What v1 has of statistics, and the sessions; a fault of the first does not keep the second from being asked.

        Raises as `chargers` does.
        """
        first_error: EmablerError | None = None
        if self._api.version is ApiVersion.V1:
            try:
                await self.statistics()
            except EmablerError as error:
                first_error = error
        await self.sessions()
        if first_error is not None:
            raise first_error

    async def reconcile(self, days: Iterable[Instant], *, repairs: bool) -> list[DayReconciled]:
        """Reconcile days, each given by its beginning. Raises as `chargers` does."""

        async def work(_: Run, limits: RunLimits) -> tuple[list[DayReconciled], Mapping[str, EdmValue]]:
            reconciler = Reconciler(self._tables, self._api, self._plan.looking.shards, self._now)
            reconciled = await reconciler.days(days, limits, repairs=repairs)
            return reconciled, {"unexplained": sum(day.unexplained for day in reconciled), "calls": limits.budget.spent}

        return await self._run(PollKind.RECONCILIATION, work)

    async def _window(self, watermark: Instant | None, deadline: Deadline) -> Window:
        gaps = await self._tables.find(POLL_STATE, "PartitionKey eq @gaps", deadline, gaps=GAPS_PARTITION)
        return window_of(Known(watermark, bool(gaps), self._api.version), self._now())

    async def _run(
        self,
        kind: PollKind,
        work: Callable[[Run, RunLimits], Awaitable[tuple[Result, Mapping[str, EdmValue]]]],
        *,
        is_of_choice: bool = False,
    ) -> Result:
        """Do the work under the kind's lease, and write down how it ended.

        A run of somebody's choice, beside the regular ones, says nothing of how those are doing.
        """
        limits = RunLimits(Deadline.after(RUN_SECONDS[kind]), CallBudget(self._plan.calls_per_run))
        with _told(kind, limits):
            run = await self._runs.begin(kind, self._now(), limits.deadline)
            if run is None:
                raise AnotherRun(f"another poll of {kind} is under way; when it has ended, this one can be run again")
            try:
                result, columns = await work(run, limits)
            except EmablerError as error:
                await self._fail(run, error)
                raise
            except Exception as error:
                # Its text could hold anything.
                await self._fail(run, EmablerError(f"{type(error).__name__}: a fault of this app, report it"))
                raise
            ending = Deadline.after(ENDING_SECONDS)
            if is_of_choice:
                await self._runs.leave(run, ending)
            else:
                await self._runs.succeed(run, self._now(), columns, ending)
        return result

    async def _fail(self, run: Run, error: EmablerError) -> None:
        _log.error("poll %s failed error=%s: %s", run.kind, type(error).__name__, error)
        try:
            await self._runs.fail(run, self._now(), error, Deadline.after(ENDING_SECONDS))
        except (GiveBack, RowConflict) as second:
            _log.warning("the end of poll %s was not written error=%s", run.kind, type(second).__name__)


@contextmanager
def _told(kind: PollKind, limits: RunLimits) -> Iterator[None]:
    """Tell the metrics how a run ended, and what it cost."""
    outcome = "failed"
    try:
        with telemetry.span(f"poll {kind}", answers=(AnotherRun,)):
            yield
        outcome = "succeeded"
    except AnotherRun:
        outcome = "left"
        raise
    finally:
        telemetry.POLL_RUNS.record(kind=kind, outcome=outcome)
        telemetry.POLL_CALLS.record(limits.budget.spent, kind=kind)
