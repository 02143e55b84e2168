"""The work of a rebuild in parts that can be done one by one, in any order, and again: what each reads and mends.

The current state of one shard is one part, over all months, because its newest event may be of any. Sessions and
measurements are a part for each month and shard: of a session that spans two months each part mends its own fragments.
"""

from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, replace
from typing import Final

from ops.rebuilding import sessions, statuses
from ops.rebuilding.archive import READ_SECONDS, Archive, partitions_of
from ops.rebuilding.findings import Findings
from ops.rebuilding.measured import ToldMeasurements, archived_row_key
from ops.rebuilding.mending import Mending
from ops.rebuilding.sessions import ToldSession, told_session
from ops.rebuilding.statuses import ToldStatus, told_status
from shared.deadlines import Deadline
from shared.ingest.plan import Planned, current_state_changes
from shared.ingest.rows import MEASUREMENTS, PUSH_EVENTS
from shared.ingest.sessions import TRANSACTIONS
from shared.instants import Instant
from shared.tables.keys import CHARGER_STATUS, SEPARATOR
from shared.tables.store import Row, StoredRow, Tables

STATE: Final = "state"
"""In the place of a month: the part of the current state."""

MEASUREMENTS_AT_ONCE: Final = 2_000
"""Rows of measurements that are held in memory, and those of one charger more."""

_MOST_TIMES_AGAIN: Final = 3


@dataclass(frozen=True, slots=True, order=True)
class Part:
    """The current state of one shard (`STATE`), or its sessions and measurements of one month (`202511`)."""

    month: str
    shard_key: str

    @property
    def name(self) -> str:
        """For people, and for the row that says it is done."""
        return f"{self.month}-{self.shard_key}"


def parts_of(months: list[str], shards: int) -> list[Part]:
    """All the work: the current state first, because it is looked at most."""
    return [Part(month, f"{shard:02d}") for month in (STATE, *months) for shard in range(shards)]


class Rebuilder:
    """Does parts."""

    def __init__(self, tables: Tables, archive: Archive, months: list[str], shards: int, *, is_dry_run: bool) -> None:
        self._tables = tables
        self._archive = archive
        self._months = months
        self._shards = shards
        self._is_dry_run = is_dry_run

    async def do(self, part: Part) -> Findings:
        """Compare and mend what belongs to a part. Raises what storage raises; then the part can be done again."""
        findings = await self._do(part)
        for _ in range(_MOST_TIMES_AGAIN):
            # An event that the archive lacked may have come again before its word was taken out of a row.
            if self._is_dry_run or await self._archive.denies_still():
                break
            await self._do(part)
        return findings

    async def _do(self, part: Part) -> Findings:
        if part.month == STATE:
            return await self._state(part.shard_key)
        return await self._month(part)

    async def _state(self, shard_key: str) -> Findings:
        told: dict[str, ToldStatus] = {}
        for month in self._months:
            async for planned in self._archive.states(month, shard_key):
                told_status(planned.event, self._shards, told)

        async def questioned(row: Row, one: ToldStatus | None) -> ToldStatus | None:
            untold_ids = await self._untold(row, statuses.in_question(row, one))
            if one is None and untold_ids:
                one = ToldStatus(shard_key, str(row["RowKey"]))
            return None if one is None else replace(one, untold_ids=untold_ids)

        mending = Mending(self._tables, CHARGER_STATUS, shard_key, self._is_dry_run)
        await mending.mend(self._partition(CHARGER_STATUS, shard_key), told, questioned)
        return mending.findings

    async def _month(self, part: Part) -> Findings:
        findings, told = Findings(), dict[str, ToldSession]()
        for partition in partitions_of(part.month, part.shard_key):
            findings.take(await self._measurements(part.month, partition, told))

        async def questioned(row: Row, one: ToldSession | None) -> ToldSession | None:
            untold_ids = await self._untold(row, sessions.in_question(row, one, part.month))
            if one is None and untold_ids:
                one = ToldSession(part.shard_key, str(row["RowKey"]))
            return None if one is None else replace(one, untold_ids=untold_ids)

        mending = Mending(self._tables, TRANSACTIONS, part.shard_key, self._is_dry_run)
        await mending.mend(self._partition(TRANSACTIONS, part.shard_key), told, questioned)
        findings.take(mending.findings)
        return findings

    async def _measurements(self, month: str, partition: str, told: dict[str, ToldSession]) -> Findings:
        """Mend a day's measurements, some chargers at a time, and collect what the same events tell of sessions."""
        mending = Mending(self._tables, MEASUREMENTS + month, partition, self._is_dry_run)
        rows: dict[str, ToldMeasurements] = {}
        begin = charger = ""
        async for planned in self._archive.events(month, partition):
            told_session(planned.event, self._shards, told)
            if (its_charger := _charger_part(planned)) != charger:
                charger = its_charger
                if len(rows) >= MEASUREMENTS_AT_ONCE:
                    await self._mend_measurements(mending, rows, begin, charger)
                    rows, begin = {}, charger
            measured = ToldMeasurements.of(planned)
            if measured is not None:
                rows[measured.row_key] = measured
        await self._mend_measurements(mending, rows, begin, "")
        return mending.findings

    async def _mend_measurements(
        self, mending: Mending, told: dict[str, ToldMeasurements], begin: str, end: str
    ) -> None:
        """Mend the rows from one charger up to another, or to the end of the partition."""
        month = mending.table.removeprefix(MEASUREMENTS)

        async def questioned(row: Row, one: ToldMeasurements | None) -> ToldMeasurements | None:
            row_key = str(row["RowKey"])
            archived = archived_row_key(row_key)
            if one is not None or archived is None:
                return one

            def is_told_by(planned: Planned) -> bool:
                told = ToldMeasurements.of(planned)
                return told is not None and told.row_key == row_key

            is_untold = await self._archive.denies_row(PUSH_EVENTS + month, mending.partition_key, archived, is_told_by)
            return ToldMeasurements(mending.table, mending.partition_key, row_key, row=None) if is_untold else None

        await mending.mend(self._range(mending.table, mending.partition_key, begin, end), told, questioned)

    async def _untold(self, row: Row, asked: Iterable[tuple[Instant | None, str]]) -> frozenset[str]:
        """Of events that a row tells of, by time and id, those that the archive should have and does not have.

        An event that is there, and tells of another row, is none of this one's either.
        """
        charger_id = str(row.get("charger_id"))

        def is_told_by(planned: Planned) -> bool:
            changes = current_state_changes([planned.event], self._shards)
            return any(change.row_key == row["RowKey"] for change in changes)

        return frozenset(
            [event_id for at, event_id in asked if await self._archive.denies(charger_id, at, event_id, is_told_by)]
        )

    def _partition(self, table: str, partition_key: str) -> AsyncIterator[StoredRow]:
        return self._tables.query(table, "PartitionKey eq @partition", partition=partition_key)

    async def _range(self, table: str, partition_key: str, begin: str, end: str) -> AsyncIterator[StoredRow]:
        condition = "PartitionKey eq @partition and RowKey ge @begin" + (" and RowKey lt @end" if end else "")
        parameters = {"partition": partition_key, "begin": begin} | ({"end": end} if end else {})
        for stored in await self._tables.find(table, condition, Deadline.after(READ_SECONDS), **parameters):
            yield stored


def _charger_part(planned: Planned) -> str:
    """The part of the row key that all rows of a charger begin with."""
    return str(planned.archived.row["RowKey"]).partition(SEPARATOR)[0] + SEPARATOR
