"""docs/performance.md and the console: the same results for a reader and for who waits."""

from collections.abc import Mapping
from pathlib import Path

from rich.console import Console
from rich.table import Table as RichTable

from bench.results import Goal, Result, Table

PAGE = Path(__file__).parents[1] / "docs" / "performance.md"

_INTRODUCTION = """\
# Performance

Written by `make bench`; do not edit. `make bench ARGS=parse` takes one measurement again and leaves the others.

Everything runs on one machine, over loopback: Azurite (in memory) for storage, the stand-in broker for Service Bus. So
the rates say nothing about Azure, where the network and the service decide; the ratios, and our own processor time for
an event, are what carries over. Each comparison is taken within one run: sides in turns, in another order every round,
warm-up discarded, ratios round by round. A figure is the median of the rounds, with the smallest and the
largest in brackets. The messages are those of the simulator's day (`bench/day.py`).
"""


def markdown(results: Mapping[str, Result]) -> str:
    """The whole page."""
    parts = [_INTRODUCTION, "## Goals\n", _goals(results)]
    parts += [_section(name, result) for name, result in results.items()]
    return "\n".join(parts)


def write_page(results: Mapping[str, Result]) -> None:
    """Write docs/performance.md."""
    PAGE.write_text(markdown(results))


def show(result: Result, console: Console) -> None:
    """Print one result."""
    console.rule(result.title)
    console.print(result.how, style="dim")
    for table in result.tables:
        console.print(_rich_table(table))
    for goal in result.goals:
        verdict = "[green]met[/]" if goal.is_met else "[red]missed[/]"
        console.print(f"{verdict}  {goal.what}: {goal.measured}, wanted {goal.wanted}")
        if goal.reason:
            console.print(f"        {goal.reason}")


def _goals(results: Mapping[str, Result]) -> str:
    rows = [
        [f"[{name}](#{name})", goal.what, goal.wanted, goal.measured, _verdict(goal)]
        for name, result in results.items()
        for goal in result.goals
    ]
    return _markdown_rows(["measurement", "what", "goal", "measured", ""], rows)


def _section(name: str, result: Result) -> str:
    lines = [f"## {name}", "", f"**{result.title}.** {result.how}", ""]
    for table in result.tables:
        lines += [f"{table.title}:", "", _markdown_rows(table.columns, table.rows)]
    if result.goals:
        lines += [*(_goal_line(goal) for goal in result.goals), ""]
    if result.circumstances is not None:
        taken = result.circumstances
        busy = f"{taken.percent_busy_before:.0f} % before and {taken.percent_busy_after:.0f} % after"
        lines += [f"Taken {taken.taken_at} on {taken.machine}; cores busy with others {busy}."]
    return "\n".join(lines) + "\n"


def _goal_line(goal: Goal) -> str:
    reason = f" {goal.reason}" if goal.reason else ""
    return f"- {goal.what}: {goal.measured}; goal {goal.wanted}: {_verdict(goal)}.{reason}"


def _verdict(goal: Goal) -> str:
    return "met" if goal.is_met else "**missed**"


def _markdown_rows(columns: list[str], rows: list[list[str]]) -> str:
    lines = ["| " + " | ".join(columns) + " |", "| --- " + "| ---: " * (len(columns) - 1) + "|"]
    lines += ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def _rich_table(table: Table) -> RichTable:
    rich_table = RichTable(title=table.title, title_justify="left")
    for number, column in enumerate(table.columns):
        rich_table.add_column(column, justify="right" if number else "left")
    for row in table.rows:
        rich_table.add_row(*row)
    return rich_table
