"""`python -m bench.soak [--seconds N]`: the whole local stack for so long at half of what it can, with taps beside.

    start -> fill the caches -> measure the maximum -> idle: what is held? -> the load -> idle: is anything left?

The process remembers events and rows, up to a bound. Until that is reached memory climbs, and rightly so: the load
begins with these caches full, of rows as large as they get. And with some thousand messages of the load's own kind
behind it, within which Python's allocator gets the memory that one batch after another will use.

Exits with 1 where a bound is missed. A run of ten minutes and more has to show that each bound is kept, and is written
into docs/performance.md; a shorter one is content where none is missed for certain.
"""

import argparse
import asyncio
import statistics
import sys
import time
from datetime import UTC, datetime
from typing import Final

from rich.console import Console

from bench.http_calls import Latencies, at_rate, connections_to, one_after_the_other
from bench.page import show, write_page
from bench.results import Circumstances, Result, busy_with_others, keep_results, machine, read_results
from bench.soak_findings import Memory, Observed, Standing, Window
from bench.soak_load import flood, pour, sessions_of_others
from bench.soak_report import TAPS_A_SECOND, Form, report
from bench.soak_stage import TAGS, Stage, beside, drop_months_over, read_one_row, staged
from bench.tap_world import calls_of, tap
from shared.ingest.ingest import MAX_REMEMBERED_EVENTS
from shared.tables.merging import MAX_REMEMBERED_ROWS

NAME: Final = "soak"
SECONDS: Final = 60
FEWEST_SECONDS: Final = 20
MAXIMUM_MESSAGES: Final = 2000
MAXIMUM_ROUNDS: Final = 3

_CACHED_SESSIONS: Final = max(MAX_REMEMBERED_ROWS, MAX_REMEMBERED_EVENTS // 3) * 11 // 10
"""A tenth more than fit."""
_SETTLING_MESSAGES: Final = 12_000
_TAP_CONNECTIONS: Final = 8


def main() -> int:
    """Soak, show and keep the result; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m bench.soak", description="half of the maximum, for a long time")
    parser.add_argument("--seconds", type=int, default=SECONDS, help="of the load (default: %(default)s)")
    form = Form(parser.parse_args().seconds)
    if form.seconds < FEWEST_SECONDS:
        parser.error(f"a p99 and its drift need {FEWEST_SECONDS} seconds at least")
    console = Console()
    taken_at, percent_busy_before = datetime.now(UTC), busy_with_others()
    result = asyncio.run(soak(form, console))
    result.circumstances = Circumstances(
        taken_at=taken_at.strftime("%Y-%m-%d %H:%M UTC"),
        machine=machine(),
        percent_busy_before=percent_busy_before,
        percent_busy_after=busy_with_others(),
    )
    show(result, console)
    if form.is_long:
        kept = read_results() | {NAME: result}
        keep_results(kept)
        write_page(kept)
    return 0 if all(goal.is_met for goal in result.goals) else 1


async def soak(form: Form, console: Console) -> Result:
    """Start the stack, prepare it, measure, and judge."""
    async with staged() as stage:
        console.print(f"Filling the caches with {_CACHED_SESSIONS:,} sessions.")
        await flood(stage.sender, sessions_of_others(_CACHED_SESSIONS), stage.progress)
        await flood(stage.sender, stage.life.take(_SETTLING_MESSAGES), stage.progress)
        maxima = [await _messages_a_second(stage) for _ in range(MAXIMUM_ROUNDS)]
        await _remember_tags(stage)
        console.print("Waiting until all is idle.")
        before = await stage.watch.still()
        rate = statistics.median(maxima) / 2
        console.print(f"{form.seconds} s of {rate:,.0f} messages and {TAPS_A_SECOND} taps a second.")
        observed = await _load(stage, form, rate, before)
    return report(observed, form, maxima)


async def _messages_a_second(stage: Stage) -> float:
    """How much the app stores while it always has something to do."""
    bodies = stage.life.take(MAXIMUM_MESSAGES)
    begun_at_seconds = time.perf_counter()
    await flood(stage.sender, bodies, stage.progress)
    return len(bodies) / (time.perf_counter() - begun_at_seconds)


async def _load(stage: Stage, form: Form, messages_a_second: float, before: Standing) -> Observed:
    """The load, window by window, and what is held when all of it is stored and idle connections are over."""
    memory: list[Memory] = []
    read_seconds: list[float] = []
    sending = pour(stage.sender, stage.life, messages_a_second, form.seconds, stage.progress)
    async with asyncio.TaskGroup() as group:
        group.create_task(sending)
        async with beside(
            stage.watch.sample_memory(memory), read_one_row(stage, read_seconds), drop_months_over(stage)
        ):
            windows = [await _window(stage, form, read_seconds) for _ in range(form.windows)]
    await stage.progress.at_most_waiting(0)
    after = await stage.watch.nothing_more_than(before)
    return Observed(memory, windows, before, after, stage.progress.batches_given_back)


async def _window(stage: Stage, form: Form, read_seconds: list[float]) -> Window:
    """Some seconds of the load. Raises RuntimeError, in a group, for a tap that is refused: every tag may charge."""
    waiting: list[int] = []
    async with beside(stage.progress.sample_waiting(waiting)):
        taps = await _taps(stage, form.window_seconds)
    reads, read_seconds[:] = Latencies.of(read_seconds, form.window_seconds), []
    ingest = Latencies.of(stage.progress.take_seconds_each(), form.window_seconds)
    return Window(
        tap=taps.percentile(99),
        ingest=ingest.percentile(99),
        storage=reads.percentile(99),
        waiting=statistics.median(waiting),
    )


async def _remember_tags(stage: Stage) -> None:
    """Tap every tag once: what was known last stands in for storage, however busy the machine gets."""
    async with connections_to(stage.url, _TAP_CONNECTIONS) as connections:
        await one_after_the_other(connections, calls_of(tap, stage.url, stage.tags(TAGS)))


async def _taps(stage: Stage, seconds: float) -> Latencies:
    calls = calls_of(tap, stage.url, stage.tags(round(seconds * TAPS_A_SECOND)))
    async with connections_to(stage.url, _TAP_CONNECTIONS) as connections:
        return await at_rate(connections, calls, TAPS_A_SECOND)


if __name__ == "__main__":
    sys.exit(main())
