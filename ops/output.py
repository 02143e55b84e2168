"""What a command says: its result on stdout, as JSON or for people; everything else on stderr."""

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

import orjson
from rich import box
from rich.console import Console, RenderableType
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from ops.exits import NotConfirmed

WIDTH_WITHOUT_TERMINAL: Final = 200
"""Columns where nobody's window limits them: a pipe should get whole tags."""


class Output:
    """Where a command's words go."""

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json
        self._result = _console(stderr=False)
        self._messages = _console(stderr=True)

    def show(self, data: Any, *parts: RenderableType) -> None:
        """The result: `data` as JSON, or the parts for people."""
        if self._as_json:
            sys.stdout.write(orjson.dumps(data, option=orjson.OPT_INDENT_2).decode() + "\n")
        else:
            for part in parts:
                self._result.print(part)

    def preview(self, *parts: RenderableType) -> None:
        """For people, before the result; nothing with JSON."""
        if not self._as_json:
            for part in parts:
                self._result.print(part)

    def say(self, text: str) -> None:
        """A message that is no result."""
        self._messages.print(text, soft_wrap=True)

    @contextmanager
    def progress(self, what: str, total: int | None) -> Iterator[Callable[[int], None]]:
        """A bar on a terminal, for as long as the block lasts; the function it yields is told of every step."""
        with Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=self._messages,
            transient=True,
            disable=not self._messages.is_terminal,
        ) as bar:
            task = bar.add_task(what, total=total)
            yield lambda steps: bar.advance(task, steps)

    def confirm(self, question: str, *, is_answered_yes: bool) -> None:
        """Ask, unless it is answered already. Raises NotConfirmed for a no, and where there is nobody to ask."""
        if is_answered_yes:
            return
        if not is_interactive():
            raise NotConfirmed(
                "Nothing was changed: there is no terminal to ask at. Say --yes to do it without asking."
            )
        self._messages.print(f"{question} [y/N] ", end="")
        if sys.stdin.readline().strip().lower() not in {"y", "yes"}:
            raise NotConfirmed("Nothing was changed.")


def is_interactive() -> bool:
    """Whether somebody sits there who can be asked."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def table_of(columns: Iterable[str], rows: Iterable[Iterable[object]]) -> Table:
    """A table; columns whose name begins with `>` hold figures."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        table.add_column(column.removeprefix(">"), justify="right" if column.startswith(">") else "left")
    for row in rows:
        table.add_row(*("" if cell is None else str(cell) for cell in row))
    return table


def pairs_of(pairs: Mapping[str, object]) -> Table:
    """Names and values, one below the other; empty values are left out."""
    table = Table.grid(padding=(0, 2))
    for name, value in pairs.items():
        if value not in (None, ""):
            table.add_row(f"{name}:", str(value))
    return table


def _console(*, stderr: bool) -> Console:
    """A console that takes texts as they are: a tag may look like markup."""
    console = Console(stderr=stderr, markup=False, emoji=False, highlight=False, soft_wrap=False)
    if not console.is_terminal:
        console.width = WIDTH_WITHOUT_TERMINAL
    return console
