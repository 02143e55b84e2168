"""`python -m bench [NAME ...]`: measure, show, and write docs/performance.md; without a name, everything."""

import argparse
import asyncio
import sys
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime

from rich.console import Console

from bench.end_to_end import measure_end_to_end
from bench.entities import measure_entities
from bench.growth import measure_growth
from bench.handler import measure_handler
from bench.kafka import measure_kafka
from bench.memory import measure_memory
from bench.package import measure_package
from bench.page import show, write_page
from bench.parse import measure_parse
from bench.polls import measure_polls
from bench.repeats import measure_repeats
from bench.results import Circumstances, Result, busy_with_others, keep_results, machine, read_results
from bench.tap_imports import measure_tap_imports
from bench.tap_misses import measure_tap_misses
from bench.taps import measure_taps
from bench.taps_beside_ingest import measure_taps_beside_ingest
from bench.taps_mixed import measure_taps_mixed

MEASUREMENTS: dict[str, Callable[[], Coroutine[None, None, Result]]] = {
    "handler": measure_handler,
    "entities": measure_entities,
    "parse": measure_parse,
    "memory": measure_memory,
    "end_to_end": measure_end_to_end,
    "kafka": measure_kafka,
    "repeats": measure_repeats,
    "growth": measure_growth,
    "taps": measure_taps,
    "tap_misses": measure_tap_misses,
    "taps_mixed": measure_taps_mixed,
    "taps_beside_ingest": measure_taps_beside_ingest,
    "tap_imports": measure_tap_imports,
    "package": measure_package,
    "polls": measure_polls,
}

CALM_PERCENT = 10.0
"""Where others keep the cores busier than this, the figures are theirs as much as ours."""


def main() -> int:
    """Take the measurements that are named; returns the exit code, 0 also where a goal is missed."""
    console = Console()
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one or more of: {', '.join(MEASUREMENTS)}")
    names = parser.parse_args().names or list(MEASUREMENTS)
    if unknown := set(names) - MEASUREMENTS.keys():
        parser.error(f"there is no measurement {', '.join(sorted(unknown))}; there are {', '.join(MEASUREMENTS)}")
    kept = read_results()
    for name in names:
        kept[name] = result = _measure(name, console)
        in_order = {known: kept[known] for known in MEASUREMENTS if known in kept}
        in_order |= {other: result for other, result in kept.items() if other not in MEASUREMENTS}  # the soak's
        keep_results(in_order)
        write_page(in_order)
        show(result, console)
    return 0


def _measure(name: str, console: Console) -> Result:
    taken_at, percent_busy_before = datetime.now(UTC), busy_with_others()
    if percent_busy_before > CALM_PERCENT:
        console.print(f"[yellow]The cores are {percent_busy_before:.0f} % busy: {name} does not have them alone.[/]")
    with console.status(f"measuring {name}"):
        result = asyncio.run(MEASUREMENTS[name]())
    result.circumstances = Circumstances(
        taken_at=taken_at.strftime("%Y-%m-%d %H:%M UTC"),
        machine=machine(),
        percent_busy_before=percent_busy_before,
        percent_busy_after=busy_with_others(),
    )
    return result


if __name__ == "__main__":
    sys.exit(main())
