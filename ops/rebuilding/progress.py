"""Which parts of a rebuild are done, kept in storage, so that one that was stopped is gone on with from any machine."""

from contextlib import suppress
from typing import Final

import orjson

from ops.rebuilding.findings import Findings
from ops.rebuilding.parts import Part
from shared.deadlines import Deadline
from shared.errors import StorageUnavailable
from shared.instants import TICKS_PER_SECOND, Instant
from shared.tables.deletions import delete_rows
from shared.tables.layout import LAYOUT
from shared.tables.store import Kind, Operation, Row, StoredRow, Tables
from shared.tables.writing import execute

REBUILD: Final = "rebuild"
"""The partition of `Layout` that has a row for each part that is done."""

WORTH_TICKS: Final = 24 * 3600 * TICKS_PER_SECOND
"""How long a stopped rebuild is worth going on with. Rows that were right a day ago may have to be looked at again."""

_SECONDS: Final = 60.0


class Progress:
    """The parts that are done, with what was found; those of a dry run are kept nowhere."""

    def __init__(self, tables: Tables, *, is_dry_run: bool) -> None:
        self._tables = tables
        self._is_dry_run = is_dry_run
        self.done: dict[str, Findings] = {}

    async def begin(self, now: Instant, *, is_anew: bool) -> None:
        """Read what a stopped rebuild has done; forget it where all is to be done anew, or it is too long ago."""
        if self._is_dry_run:
            return
        if is_anew:
            await self.end()
        rows = await self._rows()
        times = [at for stored in rows if isinstance(at := stored.row.get("done_at"), Instant)]
        if times and now - min(times) > WORTH_TICKS:
            await self.end()
            return
        for stored in rows:
            with suppress(ValueError, KeyError, TypeError):  # spoiled, or of another release: that part is done again
                self.done[str(stored.row["RowKey"])] = Findings.from_json(orjson.loads(str(stored.row["findings"])))

    async def note(self, part: Part, findings: Findings, now: Instant) -> None:
        """Write that a part is done."""
        self.done[part.name] = findings
        if self._is_dry_run:
            return
        row: Row = {
            "PartitionKey": REBUILD,
            "RowKey": part.name,
            "done_at": now,
            "findings": orjson.dumps(findings.as_json).decode(),
        }
        await execute(self._tables, LAYOUT, [Operation(Kind.UPSERT, row)], Deadline.after(_SECONDS))

    async def end(self) -> None:
        """Forget what is done: all of it is, or is to be done anew."""
        if self._is_dry_run:
            return
        keys = [(REBUILD, str(stored.row["RowKey"]), None) for stored in await self._rows()]
        await delete_rows(self._tables, LAYOUT, keys, Deadline.after(_SECONDS))
        if await self._rows():
            raise StorageUnavailable("storage did not delete what says which parts of the rebuild are done")
        self.done.clear()

    async def _rows(self) -> list[StoredRow]:
        return await self._tables.find(LAYOUT, "PartitionKey eq @rebuild", Deadline.after(_SECONDS), rebuild=REBUILD)
