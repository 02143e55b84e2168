"""What the state of the app amounts to (pure)."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Final, Literal

from pydantic import BaseModel, Field

from shared.ingest.freshness import COLUMNS, newest_told
from shared.instants import TICKS_PER_SECOND, Instant
from shared.polling.runs import PollKind
from shared.tables.store import EdmValue, Row

STALE_TICKS: Final = 3600 * TICKS_PER_SECOND
"""So long may chargers and sessions go without a poll that succeeds."""

NIGHTLY_STALE_TICKS: Final = 50 * 3600 * TICKS_PER_SECOND
"""And so long the nightly account: two nights, and a little."""

_FREQUENT: Final = (PollKind.CHARGERS, PollKind.SESSIONS)

Moment = Annotated[str | None, Field(description="ISO 8601, UTC; null for never.")]


class PollHealth(BaseModel):
    """One kind of poll."""

    last_success_at: Moment = None
    last_failure_at: Moment = None
    last_error: Annotated[str | None, Field(description="Of the last run, where it failed.")] = None


class QuarantineHealth(BaseModel):
    """What could not be understood or stored, of the last days."""

    days: int
    entries: Annotated[int | None, Field(description="null where storage could not count them in time.")]


class Health(BaseModel):
    """The answer to those who show a token; all others get `status` alone."""

    status: Literal["ok", "degraded"]
    problems: Annotated[list[str], Field(description="Why it is degraded, each with what to look at.")]
    last_event_at: Annotated[Moment, Field(description="When push last told anything; up to a minute behind.")] = None
    last_event_at_by_type: dict[str, str] = Field(default_factory=dict)
    polls: Annotated[
        dict[str, PollHealth] | None, Field(description="By kind; null where no API key is set, so nothing is polled.")
    ] = None
    open_gaps: Annotated[int, Field(description="Chargers about which push is silent.")] = 0
    quarantine: QuarantineHealth | None = None
    dead_letters: Annotated[
        int | None, Field(description="In the queue's dead-letter queue, at most 100; null where it cannot be asked.")
    ] = None


class Observed(BaseModel, arbitrary_types_allowed=True):
    """The rows that the report is made of: runs by kind, and when push told anything."""

    runs: dict[str, Row] = Field(default_factory=dict)
    told: Row | None = None
    open_gaps: int = 0


def report(observed: Observed, now: Instant, *, is_polling: bool) -> Health:
    """What is observed, as it is told."""
    problems = problems_of(observed, now, is_polling=is_polling)
    newest = newest_told(observed.told)
    return Health(
        status="degraded" if problems else "ok",
        problems=list(problems),
        last_event_at=_iso(newest),
        last_event_at_by_type={
            str(event_type): text
            for event_type, column in COLUMNS.items()
            if (text := _iso((observed.told or {}).get(column))) is not None
        },
        polls={kind: _poll(run) for kind, run in sorted(observed.runs.items())} if is_polling else None,
        open_gaps=observed.open_gaps,
    )


def problems_of(observed: Observed, now: Instant, *, is_polling: bool) -> Sequence[str]:
    """Why the app is degraded although it works."""
    problems = []
    if observed.open_gaps:
        problems.append(f"push is silent about {observed.open_gaps} chargers: see `emabler gaps`")
    if is_polling:
        stale = [kind for kind in _FREQUENT if _is_stale(observed.runs.get(kind, {}), now, STALE_TICKS)]
        problems += [f"no poll of {kind} has succeeded for an hour: see its last error" for kind in stale]
        if _is_stale(observed.runs.get(PollKind.RECONCILIATION, {}), now, NIGHTLY_STALE_TICKS):
            problems.append("no reconciliation has succeeded for two nights: see its last error")
    return problems


def _is_stale(run: Mapping[str, EdmValue], now: Instant, stale_ticks: int) -> bool:
    """A poll that never ran is not late: the app may just have been deployed."""
    since = [at for name in ("succeeded_at", "first_started_at") if isinstance(at := run.get(name), Instant)]
    return bool(since) and now - max(since) > stale_ticks


def _poll(run: Row) -> PollHealth:
    error = run.get("error")
    return PollHealth(
        last_success_at=_iso(run.get("succeeded_at")),
        last_failure_at=_iso(run.get("failed_at")),
        last_error=error if isinstance(error, str) else None,
    )


def _iso(value: EdmValue) -> str | None:
    return value.iso if isinstance(value, Instant) else None
