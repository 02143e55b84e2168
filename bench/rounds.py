"""Sides of a comparison, run in turns, and the spread of what they cost.

An absolute figure says more about the machine and its neighbours than about the code. So everything is compared within
one run: every round runs each side once, in another order than the round before, so that nobody always comes after
the same neighbour, and the ratio is taken round by round.
"""

import gc
import itertools
import statistics
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

MIN_ROUNDS = 5


@dataclass(frozen=True, slots=True)
class Cost:
    """What a side's work took in one round: wall clock, and this process's processor time in user and system mode."""

    seconds: float
    cpu_seconds: float

    def __add__(self, other: "Cost") -> "Cost":
        return Cost(self.seconds + other.seconds, self.cpu_seconds + other.cpu_seconds)


Figures = TypeVar("Figures")

Side = Callable[[int], Awaitable[Cost]]
"""One side's work in a round, given the round's number; round 0 is the warm-up. It says itself what that cost, because
what it has to prepare does not count."""


@dataclass(frozen=True, slots=True)
class Spread:
    """The median of some figures, with the smallest and the largest."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, figures: Iterable[float]) -> "Spread":
        """The spread of at least one figure."""
        figures = list(figures)
        return cls(statistics.median(figures), min(figures), max(figures))

    def text(self, decimals: int) -> str:
        """`1.84 (1.70 to 1.95)`, with thousands grouped."""
        return f"{self.median:,.{decimals}f} ({self.low:,.{decimals}f} to {self.high:,.{decimals}f})"


async def in_turns(sides: Mapping[str, Callable[[int], Awaitable[Figures]]], rounds: int) -> dict[str, list[Figures]]:
    """Run a warm-up, which is discarded, and that many rounds; returns each side's costs, in order.

    A side may also bring figures of another kind: they are passed on as they are.

    What was prepared before is taken out of the garbage collector's sight: it would be charged to whoever runs.
    """
    if rounds < MIN_ROUNDS:
        raise ValueError(f"a median needs {MIN_ROUNDS} rounds, not {rounds}")
    costs: dict[str, list[Figures]] = {name: [] for name in sides}
    gc.collect()
    gc.freeze()
    try:
        for number, order in zip(range(rounds + 1), itertools.cycle(itertools.permutations(sides)), strict=False):
            for name in order:
                gc.collect()
                cost = await sides[name](number)
                if number > 0:
                    costs[name].append(cost)
    finally:
        gc.unfreeze()
    return costs


async def cost_of(work: Awaitable[None]) -> Cost:
    """Do the work, and say what it cost."""
    seconds, cpu_seconds = time.perf_counter(), time.process_time()
    await work
    return Cost(time.perf_counter() - seconds, time.process_time() - cpu_seconds)


def all_of(work: Callable[[int], Awaitable[None]]) -> Side:
    """A side of which everything counts."""
    return lambda number: cost_of(work(number))


def ratios(above: Iterable[float], below: Iterable[float]) -> Spread:
    """The spread of the quotients, taken round by round."""
    return Spread.of(one / other for one, other in zip(above, below, strict=True))


def speed_ratio(ours: Iterable[Cost], reference: Iterable[Cost]) -> Spread:
    """How many times as fast as the reference we are, for the same work; above 1 is faster."""
    return ratios([cost.seconds for cost in reference], [cost.seconds for cost in ours])


def cpu_ratio(ours: Iterable[Cost], reference: Iterable[Cost]) -> Spread:
    """Our processor time as a part of the reference's; below 1 is cheaper."""
    return ratios([cost.cpu_seconds for cost in ours], [cost.cpu_seconds for cost in reference])


def rate(costs: Iterable[Cost], units: int) -> Spread:
    """Units per second, where a round's work is that many units."""
    return Spread.of(units / cost.seconds for cost in costs)


def cpu_microseconds(costs: Iterable[Cost], units: int) -> Spread:
    """Microseconds of processor time per unit."""
    return Spread.of(cost.cpu_seconds * 1e6 / units for cost in costs)
