"""Polls the chargers: what each of them and their sockets do now, and about which of them push is silent.

Chargers are stored while the next ones are asked for. Whatever goes wrong in the middle, those that came are stored.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Container, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from shared.emabler.rest.addresses import ApiVersion
from shared.emabler.rest.answers import ChargerSeen
from shared.emabler.rest.api import EmablerApi
from shared.emabler.rest.errors import NotFound
from shared.emabler.rest.limits import RunLimits
from shared.emabler.rest.listings import Listing
from shared.instants import Instant
from shared.polling.chunks import in_chunks
from shared.polling.fleet import Fleet, newest_in_archive, read_fleet
from shared.polling.gaps import GAPS_PARTITION, Gap, Witnessed, judge, untold_of
from shared.polling.seen import asked_at, failed_row, seen_row
from shared.polling.statuses import polled_statuses
from shared.tables.deletions import delete_rows
from shared.tables.keys import CHARGER_STATUS, POLL_STATE, escape
from shared.tables.merging import RowMerger
from shared.tables.store import Tables
from shared.tables.writing import RowWriter, together

_CHUNK: Final = 100
_CHUNKS_AT_ONCE: Final = 3
_MAX_REMEMBERED_ROWS: Final = 1_000_000
_MAX_LOGGED: Final = 20

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class ChargersPolled:
    """What a poll of the chargers came to."""

    chargers: int = 0
    changed_rows: int = 0
    refused_rows: int = 0
    failures: Counter[str] = field(default_factory=Counter)
    """Chargers that got no answer, by the kind of error."""
    gaps_found: list[Gap] = field(default_factory=list)
    gaps_closed: list[Gap] = field(default_factory=list)
    open_gaps: int = 0


@dataclass(frozen=True, slots=True)
class Looking:
    """How chargers are looked at: the tables' shards, how long push may be silent, and ids that the operator named."""

    shards: int
    silence_ticks: int
    named_ids: tuple[str, ...] = ()


class ChargersPoll:
    """One poll of all chargers."""

    def __init__(self, tables: Tables, api: EmablerApi, looking: Looking, now: Callable[[], Instant]) -> None:
        self._tables = tables
        self._api = api
        self._looking = looking
        self._now = now
        self._merger = RowMerger(tables, _MAX_REMEMBERED_ROWS)
        self._writer = RowWriter(tables)
        self._fleet = Fleet()
        self._judged: dict[str, Gap | None] = {}
        self._outcome = ChargersPolled()

    async def run(self, limits: RunLimits) -> ChargersPolled:
        """Ask for every charger and store what came.

        Raises errors of `shared.emabler.rest.errors` that end the asking, and of storage, when the rest is stored.
        """
        reading = asyncio.create_task(self._read_fleet(limits))
        # v1 has to be told whom to ask for. v2 is asked meanwhile.
        known_ids = await self._ids_longest_ago_first(reading) if self._api.version is ApiVersion.V1 else []
        listing = self._api.chargers(known_ids, limits)
        try:
            await self._store_while_listing(listing, reading, limits)
        finally:
            await reading
            self._outcome.failures = Counter(type(error).__name__ for error in listing.tally.failures.values())
            gone = {charger_id for charger_id, error in listing.tally.failures.items() if isinstance(error, NotFound)}
            if listing.tally.is_whole:
                gone |= self._fleet.gaps.keys() - self._judged.keys()
            await self._note_failed(listing.tally.failures, limits)
            await self._keep_gaps(gone, limits)
        return self._outcome

    async def _read_fleet(self, limits: RunLimits) -> None:
        self._fleet = await read_fleet(self._tables, self._looking.shards, limits.deadline)
        self._merger.know(CHARGER_STATUS, self._fleet.stored_statuses)

    async def _ids_longest_ago_first(self, reading: Awaitable[None]) -> list[str]:
        """So that a run which cannot ask for all of them leaves others out than the run before."""
        await reading
        ids = self._fleet.charger_ids | set(self._looking.named_ids)
        return sorted(ids, key=lambda charger_id: (asked_at(self._fleet.seen.get(charger_id)), charger_id))

    async def _store_while_listing(
        self, listing: Listing[ChargerSeen], reading: Awaitable[None], limits: RunLimits
    ) -> None:
        turns = asyncio.Semaphore(_CHUNKS_AT_ONCE)

        async def store(chunk: Sequence[ChargerSeen]) -> None:
            await reading
            async with turns:
                await self._store(chunk, limits)

        storing: list[asyncio.Task[None]] = []
        try:
            async for chunk in in_chunks(self._each_once(listing), _CHUNK):
                storing.append(asyncio.create_task(store(chunk)))  # noqa: PERF401  # they start while others are asked
        finally:
            await together(storing)

    async def _each_once(self, listing: Listing[ChargerSeen]) -> AsyncIterator[ChargerSeen]:
        """The answers without those of a charger that has answered: v1 may know one by several spellings of its id."""
        answered: set[str] = set()
        async for charger in listing:
            if charger.charger_id in answered:
                _log.warning("poll charger_id=%r answered twice: it is asked for by two ids", charger.charger_id[:64])
                continue
            answered.add(charger.charger_id)
            yield charger

    async def _store(self, chunk: Sequence[ChargerSeen], limits: RunLimits) -> None:
        """Store some chargers, and judge of each whether push is silent about it."""
        now, shards, fleet = self._now(), self._looking.shards, self._fleet
        changes = [
            change
            for charger in chunk
            for change in polled_statuses(charger, now, shards, fleet.seen.get(charger.charger_id))
        ]
        merged, refused = await self._merger.merge(changes, limits.deadline)
        fleet.take_statuses(written.after for written in merged)
        looked = await together(self._look(charger, now, limits) for charger in chunk)
        seen = []
        for witnessed, gap in looked:
            charger_id, untold = witnessed.charger.charger_id, untold_of(witnessed, now)
            self._judged[charger_id] = gap
            told = untold.columns if untold is not None else {}
            seen.append(seen_row(witnessed.charger, now, fleet.seen.get(charger_id), told, shards))
        also_refused = await self._writer.upsert(seen, limits.deadline)
        self._outcome.chargers += len(chunk)
        self._outcome.changed_rows += len(merged)
        self._outcome.refused_rows += len(refused) + len(also_refused)

    async def _look(self, charger: ChargerSeen, now: Instant, limits: RunLimits) -> tuple[Witnessed, Gap | None]:
        """What is known of a charger, and its gap; the archive is asked where there would be one."""
        fleet, charger_id = self._fleet, charger.charger_id
        known = fleet.gaps.get(charger_id)
        witnessed = Witnessed(
            charger,
            list(fleet.statuses[charger_id].values()),
            fleet.told.get(charger_id),
            fleet.seen.get(charger_id),
            fleet.push,
        )
        gap = judge(witnessed, known, now, self._looking.silence_ticks)
        if gap is None:
            return witnessed, None
        told_up_to = witnessed.last_told_at or gap.since
        archived_at = await newest_in_archive(
            self._tables, charger_id, told_up_to, now, self._looking.shards, limits.deadline
        )
        if archived_at is None:
            return witnessed, gap
        witnessed = replace(witnessed, archived_at=archived_at)
        return witnessed, judge(witnessed, known, now, self._looking.silence_ticks)

    async def _note_failed(self, charger_ids: Iterable[str], limits: RunLimits) -> None:
        """Write down who gave no answer, where chargers are asked one by one: they must not be the first next time."""
        if self._api.version is ApiVersion.V1:
            now, shards = self._now(), self._looking.shards
            rows = [failed_row(name, now, self._fleet.seen.get(name), shards) for name in charger_ids]
            await self._writer.upsert(rows, limits.deadline)

    async def _keep_gaps(self, gone: Container[str], limits: RunLimits) -> None:
        """Write the gaps that were found, and delete those that are closed or whose chargers are gone."""
        known, outcome = self._fleet.gaps, self._outcome
        outcome.gaps_found = [gap for gap in self._judged.values() if gap is not None and gap.charger_id not in known]
        outcome.gaps_closed = [
            gap for charger_id, gap in known.items() if charger_id in gone or self._judged.get(charger_id, gap) is None
        ]
        outcome.open_gaps = len(known) + len(outcome.gaps_found) - len(outcome.gaps_closed)
        await self._writer.upsert([gap.row for gap in outcome.gaps_found], limits.deadline)
        closed = ((GAPS_PARTITION, escape(gap.charger_id), None) for gap in outcome.gaps_closed)
        await delete_rows(self._tables, POLL_STATE, closed, limits.deadline)
        _log_gaps(outcome)
        if outcome.refused_rows:
            _log.error("poll chargers: storage refused %d rows; a fault of this app, report it", outcome.refused_rows)


def _log_gaps(outcome: ChargersPolled) -> None:
    """An error for each gap that was found, for an alert; ids of chargers are nobody's personal data."""
    for gap in outcome.gaps_found[:_MAX_LOGGED]:
        _log.error(
            "push gap found charger_id=%r evidence=%s since=%s last_told_at=%s; `emabler gaps` lists all",
            gap.charger_id[:64],
            gap.evidence,
            gap.since.iso,
            gap.last_told_at.iso if gap.last_told_at is not None else "never",
        )
    for gap in outcome.gaps_closed[:_MAX_LOGGED]:
        _log.warning("push gap closed charger_id=%r since=%s", gap.charger_id[:64], gap.since.iso)
    if outcome.open_gaps:
        _log.error(
            "push gaps open=%d found=%d closed=%d",
            outcome.open_gaps,
            len(outcome.gaps_found),
            len(outcome.gaps_closed),
        )
