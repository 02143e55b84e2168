"""How the demo looks: at most 100 columns, readable without colours and without a terminal."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import orjson
from rich import box
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from local.demo.expectations import Expectation
from local.demo.http import CHARGER_ID, OverHttp
from local.demo.stored import Stored, StoredRow

WIDTH = 100
_SOCKETS_SHOWN = 8
_NOVELTIES_SHOWN = 6


def make_console() -> Console:
    """A console of the demo's width, or the terminal's where that is narrower."""
    console = Console(highlight=False)
    if not console.is_terminal or console.width > WIDTH:
        console.width = WIDTH
    return console


def step(console: Console, text: str, detail: str = "") -> None:
    """One thing that is done."""
    console.print(Text("✓ ", style="green") + Text(text) + Text(f"  {detail}" if detail else "", style="dim"))


def show(console: Console, *parts: RenderableType) -> None:
    """Tables side by side, and a line of air."""
    grid = Table.grid(padding=(0, 4))
    grid.add_row(*parts)
    console.print(grid)
    console.print()


def messages_by_type(distinct: Mapping[str, int], deliveries: int, stored: Stored) -> Table:
    """What was sent, each message once however often it was delivered, beside what is in the archive."""
    archived = Counter(str(row["type"]) for row in stored.rows("PushEvents"))
    table = _table("Messages by type", "type", ">sent", ">stored")
    for event_type, count in sorted(distinct.items()):
        table.add_row(event_type, f"{count:,}", f"{archived[event_type]:,}")
    table.add_section()
    table.add_row("all", f"{sum(distinct.values()):,}", f"{archived.total():,}")
    table.add_row("delivered, with repeats", f"{deliveries:,}", "", style="dim")
    return table


def rows_by_table(stored: Stored) -> Table:
    """Every table with its number of rows."""
    table = _table("Rows by table", "table", ">rows")
    for name, rows in stored.tables.items():
        table.add_row(name, f"{len(rows):,}")
    return table


_TOLD_AS = ("start", "stop", "full", "poll")


def lost_push(before: StoredRow, after: StoredRow) -> Table:
    """The session whose full transaction was lost, before the poll and after it."""
    table = _table(
        f"A push that was lost on purpose: charger {after['charger_id']}, transaction {after['transaction_id']}",
        *("", "state", "known from", "started", "ended", ">energy"),
    )
    for name, row in (("before the poll", before), ("after it", after)):
        ends = (_clock(row.get("started_at")), _clock(row.get("ended_at")))
        table.add_row(name, str(row["state"]), _SOURCES[str(row["source"])], *ends, _wh(row.get("energy_wh")))
    return table


_SOURCES = {"push": "push", "poll": "REST", "both": "push and REST"}


def ledger(stored: Stored) -> Table:
    """What push and REST say of the sessions of the days that were reconciled."""
    rows = stored.rows("Reconciliation")
    table = _table("Push and REST compared", "sessions", ">number")
    for title, column in (
        ("equal", "equal_sessions"),
        ("completed from REST", "completed_sessions"),
        ("known from REST alone", "polled_only_sessions"),
        ("different, or from push alone", "unexplained_sessions"),
    ):
        table.add_row(title, f"{sum(int(_number(row[column])) for row in rows):,}")
    for title, column in (("energy told by push", "pushed_wh"), ("energy that is kept", "kept_wh")):
        table.add_row(title, _wh(sum(_number(row[column]) for row in rows)), style="dim")
    return table


def health(told: Mapping[str, Any]) -> Table:
    """What the app says of itself to an operator."""
    table = _table(f"GET /api/health: {told.get('status')}", "", "")
    polls = told.get("polls") or {}
    pairs = {
        "last event": _clock(told.get("last_event_at")),
        **{f"polled {kind}": _clock(poll.get("last_success_at")) for kind, poll in polls.items()},
        "open gaps": str(told.get("open_gaps")),
        "in quarantine": str((told.get("quarantine") or {}).get("entries")),
        "dead letters": str(told.get("dead_letters")),
    }
    for name, value in pairs.items():
        table.add_row(name, value)
    return table


def session(row: StoredRow) -> Table:
    """A charging session's fragments, and the row that they became."""
    table = _table(
        f"One session, assembled from its fragments: charger {row['charger_id']}, transaction {row['transaction_id']}",
        *("", "event", "started", "ended", ">meter start", ">meter stop", ">energy", "tag"),
    )
    for fragment in sorted(orjson.loads(row["fragments"]), key=lambda told: _TOLD_AS.index(told["kind"])):
        table.add_row(fragment["kind"], str(fragment["event_id"])[:8], *_session_cells(fragment))
    table.add_section()
    table.add_row(str(row["state"]), "", *_session_cells(row), style="bold")
    return table


def sockets(stored: Stored) -> Table:
    """Some sockets' current state, those that told of it last."""
    rows = [row for row in stored.rows("ChargerStatus") if "status" in row]
    newest = sorted(rows, key=lambda row: str(row.get("status_occurred_at", "")), reverse=True)
    table = _table(
        f"Current sockets: {min(len(rows), _SOCKETS_SHOWN)} of {len(rows)}", "charger", "socket", "status", ""
    )
    for row in newest[:_SOCKETS_SHOWN]:
        table.add_row(
            str(row["charger_id"]),
            str(row.get("socket_id", "-")),
            str(row["status"]),
            _clock(row["status_occurred_at"]),
        )
    return table


def quarantine(stored: Stored) -> Table:
    """What could not be understood, and why."""
    table = _table("In quarantine", "reason", ">came", "why")
    for row in stored.rows("Quarantine"):
        table.add_row(str(row["reason"]), f"{row['deliveries']:,}", str(row["explanation"]))
    return table


def novelties(stored: Stored) -> Table:
    """What the messages had that nobody knew."""
    rows = sorted(stored.rows("Drift"), key=lambda row: (row["kind"], row["name"]))
    table = _table(
        f"New in the messages: {min(len(rows), _NOVELTIES_SHOWN)} of {len(rows)}", "what", "name", "sample", ">times"
    )
    for row in rows[:_NOVELTIES_SHOWN]:
        table.add_row(str(row["kind"]), str(row["name"]), _clip(str(row["sample"])), f"{int(_number(row['count'])):,}")
    return table


def taps(over_http: OverHttp, stored: Stored) -> Table:
    """Every tap with the answer, and the rule that gave it."""
    decided = {str(row["id_tag"]): row for row in stored.rows("AuthDecisions")}
    columns = ("tag", "answer", "reason", "rule", "source", ">took")
    table = _table(f"Taps at charger {CHARGER_ID}", *columns)
    for tapped in over_http.tapped:
        row = decided[tapped.driver.id_tag]
        table.add_row(
            tapped.driver.id_tag,
            Text("yes", style="green") if tapped.answered.is_allowed else Text("no", style="red"),
            str(tapped.answered.body.get("reason", "")),
            str(row["rule"]),
            str(row["source"]),
            f"{row['latency_ms']:.1f} ms",
        )
    return table


def promises(found: Sequence[Expectation]) -> Table:
    """Every promise that was checked, with what was found where it does not hold."""
    table = Table.grid(padding=(0, 1))
    for expectation in found:
        mark = Text("✓", style="green") if expectation.holds else Text("✗", style="bold red")
        table.add_row(mark, Text(expectation.promise), Text(expectation.measure, style="dim"))
    return table


def failures(broken: Iterable[Expectation]) -> Text:
    """What was expected and what was found instead."""
    lines = [
        f"{expectation.promise}\n" + "".join(f"    {difference}\n" for difference in expectation.differences)
        for expectation in broken
    ]
    return Text("\n".join(lines), style="red")


def _table(title: str, *columns: str) -> Table:
    """A table without a frame; a column whose name starts with `>` holds numbers."""
    table = Table(
        title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False
    )
    for column in columns:
        is_number = column.startswith(">")
        table.add_column(column.removeprefix(">"), justify="right" if is_number else "left", no_wrap=True)
    return table


def _session_cells(told: Mapping[str, Any]) -> list[str]:
    return [
        _clock(told.get("started_at")),
        _clock(told.get("ended_at")),
        *(_wh(told.get(column)) for column in ("meter_start_wh", "meter_stop_wh", "energy_wh")),
        str(told.get("id_tag", "")),
    ]


def _clock(moment: object) -> str:
    """The time of day of a time, which is a datetime out of a table and text out of a fragment."""
    return str(moment).replace("T", " ")[11:19] if moment is not None else ""


def _wh(value: object) -> str:
    return f"{int(_number(value)):,} Wh" if value is not None else ""


def _number(value: Any) -> float:
    """A number out of a table, where azure-data-tables wraps 64-bit integers together with their type."""
    return float(getattr(value, "value", value))


def _clip(text: str, length: int = 28) -> str:
    return text if len(text) <= length else f"{text[: length - 3]}..."
