"""Rows compared with what they ought to be, and mended: written under their ETags, or deleted; a dry run only looks.

The app may be at work meanwhile. What it changes between the look and the write is read again and merged, never lost.
"""

from collections.abc import AsyncIterable, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol, TypeVar

from ops.rebuilding.findings import Findings, Found, Verdict, compared
from shared.deadlines import Deadline
from shared.tables.changes import RowChange
from shared.tables.deletions import delete_rows
from shared.tables.merging import RowMerger
from shared.tables.store import Row, StoredRow, Tables

WRITE_SECONDS: Final = 120.0
"""How long storage is waited for, for one handful of rows."""
HANDFUL: Final = 500
"""Rows that are written at once."""


class Told(RowChange, Protocol):
    """A row as the archive tells it."""

    def should_be(self, current: Row | None) -> Row | None:
        """What the row should be, given what is there; None where it should not be."""
        ...


ToldRow = TypeVar("ToldRow", bound=Told)


@dataclass(slots=True)
class Mending:
    """Rows of one partition of a table, as they are looked at."""

    tables: Tables
    table: str
    partition_key: str
    is_dry_run: bool
    findings: Findings = field(default_factory=Findings)

    async def mend(
        self,
        stored_rows: AsyncIterable[StoredRow],
        told: dict[str, ToldRow],
        questioned: Callable[[Row, ToldRow | None], Awaitable[ToldRow | None]],
    ) -> None:
        """Compare rows that are stored with what is told of them, by row key; mend them, and write those that lack.

        `questioned` gives what is told of a stored row, after a look at whether the archive lacks events that the row
        tells of; None for a row of which nothing can be said.
        """
        left = dict(told)
        waiting: list[tuple[StoredRow, ToldRow]] = []
        async for stored in stored_rows:
            one = await questioned(stored.row, left.pop(str(stored.row["RowKey"]), None))
            if one is None:
                continue
            found = compared(self.table, stored.row, one.should_be(stored.row))
            self.findings.add(found)
            if found.verdict is not Verdict.EQUAL:
                waiting.append((stored, one))
            if len(waiting) == HANDFUL:
                await self._mend(waiting)
                waiting = []
        await self._mend(waiting)
        missing = list(left.values())
        for one in missing:
            self.findings.add(Found(self.table, one.row_key, Verdict.MISSING))
        for start in range(0, len(missing), HANDFUL):
            await self._write(missing[start : start + HANDFUL], [])

    async def _mend(self, waiting: Sequence[tuple[StoredRow, ToldRow]]) -> None:
        if self.is_dry_run:
            return
        untold = [
            (self.partition_key, str(stored.row["RowKey"]), stored.etag)
            for stored, one in waiting
            if one.should_be(stored.row) is None
        ]
        await delete_rows(self.tables, self.table, untold, Deadline.after(WRITE_SECONDS))
        changed = [(stored, one) for stored, one in waiting if one.should_be(stored.row) is not None]
        await self._write([one for _, one in changed], [stored for stored, _ in changed])

    async def _write(self, changes: Sequence[RowChange], known: Sequence[StoredRow]) -> None:
        if self.is_dry_run or not changes:
            return
        merger = RowMerger(self.tables, len(changes))
        merger.know(self.table, known)
        _, refusals = await merger.merge(changes, Deadline.after(WRITE_SECONDS))
        for position in refusals:
            self.findings.add(Found(self.table, changes[position].row_key, Verdict.REFUSED))
