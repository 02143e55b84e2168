"""A soak, judged from its samples alone: whether memory climbs, answers get slower, or anything is left behind.

The first tenth of the load is left out: batch sizes, the tables and the processor's clock settle then. (The caches are
full before the load begins, see `bench.soak`.) What remains is a line for memory, least squares over its samples, and
for each latency one p99 a window. Its drift is the median window of the last quarter against that of the first: a
median, because a machine that stands still for a second spoils a window and not the run.

An estimate carries its standard error. A bound is missed for certain where the estimate lies beyond it by two of
them, and kept where it lies within. Between the two, a short run cannot tell, and a long one has to: for it, that
counts as missed.
"""

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import pairwise
from typing import Final, NamedTuple, TypeVar

MOST_MEGABYTES_A_MINUTE: Final = 1.0
MOST_DRIFT_PERCENT: Final = 10.0
MOST_MORE_WAITING: Final = 64
"""Messages: one batch."""
QUARTERS: Final = 4

_LEFT_OUT: Final = 10
"""The first of so many parts is the warm-up."""
_CERTAIN: Final = 2.0
"""Standard errors beyond a bound."""
_MEGABYTE: Final = 1e6
_STRONGEST_ECHO: Final = 0.99
_DEVIATIONS_OF_MEDIAN: Final = 1.2533 * 1.4826
"""Standard error of a median, from the median distance to it: of normal figures, times the root of their number."""

Item = TypeVar("Item")


class Memory(NamedTuple):
    """Resident memory of the functions host at a moment of the run."""

    at_seconds: float
    resident_bytes: int


@dataclass(frozen=True, slots=True)
class Window:
    """Some seconds of the load: milliseconds within which 99 of 100 were done, and how many messages waited."""

    tap: float
    ingest: float
    """From the moment at which a message was due to be sent until its batch was stored."""
    storage: float
    """Of one row, read by the soak itself: what Azurite takes, with nothing of ours between."""
    waiting: float
    """The median number of messages that were sent and not stored."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What a process holds: running tasks by their function, connections by what they lead to, open descriptors."""

    tasks: Mapping[str, int]
    connections: Mapping[str, int]
    descriptors: int

    def more_than(self, before: "Standing") -> list[str]:
        """What is held now and was not before, as texts like `2 connections to storage`."""
        tasks = {f"tasks {name}": count - before.tasks.get(name, 0) for name, count in self.tasks.items()}
        connections = {
            f"connections to {place}": count - before.connections.get(place, 0)
            for place, count in self.connections.items()
        }
        descriptors = {"descriptors": self.descriptors - before.descriptors}
        return [f"{more} {what}" for what, more in (tasks | connections | descriptors).items() if more > 0]


@dataclass(frozen=True, slots=True)
class Observed:
    """A whole soak."""

    memory: Sequence[Memory]
    windows: Sequence[Window]
    before: Standing
    after: Standing
    batches_given_back: int


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure, and its standard error."""

    value: float
    error: float

    def text(self) -> str:
        """`0.31 ± 0.05`."""
        return f"{self.value:.2f} ± {self.error:.2f}"


class Verdict(Enum):
    """Whether a bound is kept."""

    KEPT = "kept"
    MISSED = "missed"
    UNDECIDED = "undecided"


def judge(estimate: Estimate, most: float) -> Verdict:
    """Hold an estimate to its upper bound."""
    if estimate.value < most:
        return Verdict.KEPT
    return Verdict.MISSED if estimate.value - _CERTAIN * estimate.error > most else Verdict.UNDECIDED


def memory_slope(samples: Sequence[Memory]) -> Estimate:
    """Megabytes (10⁶ bytes) a minute, by least squares over all but the warm-up. Raises ValueError below 3 samples.

    Memory is taken from the system in steps, so a sample that lies above the line is followed by others above it: the
    samples tell less than as many independent ones, by the factor that a process with such an echo has (AR(1)).
    """
    settled = without_warm_up(samples)
    if len(settled) < 3:
        raise ValueError(f"a line with its error needs 3 samples after the warm-up, not {len(settled)}")
    minutes = [sample.at_seconds / 60 for sample in settled]
    megabytes = [sample.resident_bytes / _MEGABYTE for sample in settled]
    slope, begin = statistics.linear_regression(minutes, megabytes)
    off = [y - begin - slope * x for x, y in zip(minutes, megabytes, strict=True)]
    middle = statistics.fmean(minutes)
    spread = sum((x - middle) ** 2 for x in minutes)
    echo = _echo(off)
    variance = sum(each**2 for each in off) / (len(settled) - 2) / spread
    return Estimate(slope, (variance * (1 + echo) / (1 - echo)) ** 0.5)


def drift_percent(windows: Sequence[Window], figure: Callable[[Window], float]) -> Estimate:
    """How much larger the last quarter's median window is than the first's, in percent, by one figure of the windows.

    Raises ValueError where a quarter has less than two windows.
    """
    first, *_, last = ([figure(window) for window in quarter] for quarter in quarters(windows))
    begin, end = _median(first), _median(last)
    ratio = end.value / begin.value
    error = ratio * ((begin.error / begin.value) ** 2 + (end.error / end.value) ** 2) ** 0.5
    return Estimate(100 * (ratio - 1), 100 * error)


def more_waiting(windows: Sequence[Window]) -> float:
    """How many messages more waited in the last quarter than in the first: above a batch, the load outruns the app."""
    first, *_, last = quarters(windows)
    return statistics.median(each.waiting for each in last) - statistics.median(each.waiting for each in first)


def quarters(items: Sequence[Item]) -> list[Sequence[Item]]:
    """What follows the warm-up, in four parts of one length; what is left over by that is taken off the beginning.

    Raises ValueError where a part would have less than two.
    """
    length = len(without_warm_up(items)) // QUARTERS
    if length < 2:
        raise ValueError(f"{len(items)} are too few for four quarters")
    begin = len(items) - QUARTERS * length
    return [items[start : start + length] for start in range(begin, len(items), length)]


def without_warm_up(items: Sequence[Item]) -> Sequence[Item]:
    """All but the first tenth, rounded up."""
    return items[-(-len(items) // _LEFT_OUT) :]


def _echo(off: Sequence[float]) -> float:
    """How much of a figure's distance from its line the next one shares: their correlation, from 0 to 0.99."""
    together = sum(one * following for one, following in pairwise(off))
    alone = sum(one**2 for one in off)
    return min(max(together / alone, 0.0), _STRONGEST_ECHO) if alone else 0.0


def _median(figures: Sequence[float]) -> Estimate:
    middle = statistics.median(figures)
    distance = statistics.median(abs(figure - middle) for figure in figures)
    return Estimate(middle, _DEVIATIONS_OF_MEDIAN * distance / len(figures) ** 0.5)
