"""A soak in words and figures: how it was taken, quarter by quarter, and each bound with its verdict."""

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from bench.results import Goal, Result, Table
from bench.rounds import Spread
from bench.soak_findings import (
    MOST_DRIFT_PERCENT,
    MOST_MEGABYTES_A_MINUTE,
    MOST_MORE_WAITING,
    Estimate,
    Observed,
    Verdict,
    drift_percent,
    judge,
    memory_slope,
    more_waiting,
    quarters,
)
from bench.soak_load import CHARGERS, POISONED_SHARE, REPEATED_SHARE
from shared.ingest.ingest import MAX_REMEMBERED_EVENTS
from shared.tables.merging import MAX_REMEMBERED_ROWS

TAPS_A_SECOND: Final = 25

Item = TypeVar("Item")

_LONG_SECONDS: Final = 600
_WINDOWS: Final = 20
_LONGEST_WINDOW_SECONDS: Final = 10.0
_MEGABYTE: Final = 1e6


@dataclass(frozen=True, slots=True)
class Form:
    """How long the load lasts, in seconds, and what follows from that."""

    seconds: int

    @property
    def is_long(self) -> bool:
        """Whether the run has to show that every bound is kept."""
        return self.seconds >= _LONG_SECONDS

    @property
    def window_seconds(self) -> float:
        """Twenty windows at least, for the medians' sake; ten seconds at most."""
        return min(_LONGEST_WINDOW_SECONDS, self.seconds / _WINDOWS)

    @property
    def windows(self) -> int:
        """How many of them."""
        return int(self.seconds / self.window_seconds)


def report(observed: Observed, form: Form, maxima: Sequence[float]) -> Result:
    """The whole result but for its circumstances; `maxima` are messages a second, round by round."""
    return Result(
        title="Soak",
        how=_how(form, maxima),
        tables=[_by_quarter(observed)],
        goals=[*_measured_goals(observed, form), *_counted_goals(observed)],
    )


def _how(form: Form, maxima: Sequence[float]) -> str:
    rate = statistics.median(maxima) / 2
    return (
        f"The local stack for {form.seconds:,} s at {rate:,.0f} messages a second, half of the "
        f"{Spread.of(maxima).text(0)} that this machine had stored with a backlog just before, and {TAPS_A_SECOND} "
        f"taps a second beside. The months of {CHARGERS} chargers pass in a hurry, those that are over are dropped; "
        f"{100 * REPEATED_SHARE:.0f} % of the messages are repeats, {100 * POISONED_SHARE:.1f} % cannot be used. The "
        f"caches are filled before: {MAX_REMEMBERED_EVENTS:,} events and {MAX_REMEMBERED_ROWS:,} rows. The first "
        "tenth is left out. Memory is the resident memory of the host with the app, every second, its slope by least "
        f"squares. Latencies are p99s of windows of {form.window_seconds:.0f} s; a tap's begins when it is due, a "
        "message's when it is due to be sent, and ends when its batch is stored. Drift is the median window of the "
        "last quarter against that of the first. ± is one standard error. What is held is compared, idle, before and "
        "after."
    )


def _by_quarter(observed: Observed) -> Table:
    windows = quarters(observed.windows)
    rows = [
        ["taps, p99 ms", *_medians(windows, lambda window: window.tap, 1)],
        ["messages, p99 ms", *_medians(windows, lambda window: window.ingest, 0)],
        ["Azurite's answer with one row, p99 ms", *_medians(windows, lambda window: window.storage, 1)],
        ["messages waiting", *_medians(windows, lambda window: window.waiting, 0)],
        ["resident MB", *_medians(quarters(observed.memory), lambda memory: memory.resident_bytes / _MEGABYTE, 1)],
    ]
    return Table(title="Medians, quarter by quarter", columns=["", "first", "second", "third", "last"], rows=rows)


def _medians(parts: Sequence[Sequence[Item]], figure: Callable[[Item], float], decimals: int) -> list[str]:
    return [f"{statistics.median(figure(item) for item in part):,.{decimals}f}" for part in parts]


def _measured_goals(observed: Observed, form: Form) -> list[Goal]:
    windows = observed.windows
    storage = drift_percent(windows, lambda window: window.storage)
    beside = f"Azurite's own answers, read without the app, drifted by {storage.text()} %."
    return [
        _goal("memory, MB a minute", memory_slope(observed.memory), MOST_MEGABYTES_A_MINUTE, form),
        _goal("drift of the taps' p99, %", drift_percent(windows, lambda w: w.tap), MOST_DRIFT_PERCENT, form, beside),
        _goal(
            "drift of the messages' p99, %",
            drift_percent(windows, lambda w: w.ingest),
            MOST_DRIFT_PERCENT,
            form,
            beside,
        ),
    ]


def _goal(what: str, estimate: Estimate, most: float, form: Form, beside: str = "") -> Goal:
    verdict = judge(estimate, most)
    is_open = verdict is Verdict.UNDECIDED
    is_met = verdict is Verdict.KEPT or (is_open and not form.is_long)
    reasons = ["That does not tell: the run is too short, or too noisy." if is_open else ""]
    reasons += [beside if verdict is not Verdict.KEPT else ""]
    return Goal(
        what=what,
        wanted=f"under {most:.0f}",
        measured=f"{estimate.text()}, undecided" if is_open else estimate.text(),
        is_met=is_met,
        reason=" ".join(filter(None, reasons)),
    )


def _counted_goals(observed: Observed) -> list[Goal]:
    more = more_waiting(observed.windows)
    left = observed.after.more_than(observed.before)
    return [
        Goal(
            what="messages waiting, last quarter more than first",
            wanted=f"at most {MOST_MORE_WAITING}",
            measured=f"{more:.0f}",
            is_met=more <= MOST_MORE_WAITING,
        ),
        Goal(
            what="tasks, connections and descriptors left behind",
            wanted="none",
            measured=", ".join(left) or "none",
            is_met=not left,
        ),
        Goal(
            what="batches given back",
            wanted="none",
            measured=str(observed.batches_given_back),
            is_met=observed.batches_given_back == 0,
        ),
    ]
