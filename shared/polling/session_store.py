"""Polled sessions and the table of sessions: read a charger's, join, write."""

import asyncio
import logging
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import orjson

from shared.deadlines import Deadline
from shared.emabler.rest.answers import PolledSession
from shared.errors import RowRefused, Unacceptable
from shared.ingest.fragments import with_fragments
from shared.ingest.quarantine import QuarantineChange
from shared.ingest.rows import Delivery
from shared.ingest.sessions import TRANSACTIONS, assemble
from shared.instants import TICKS_PER_SECOND, Instant
from shared.polling.joining import ChargerSessions, Joined, join
from shared.polling.sessions_told import KeptSession, polled_fragment
from shared.tables.deletions import delete_rows
from shared.tables.keys import rows_of_charger, shard
from shared.tables.merging import RowMerger
from shared.tables.store import EdmValue, Row, Tables

_CHARGERS_AT_ONCE: Final = 16
_DAY_TICKS: Final = 86_400 * TICKS_PER_SECOND

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class JoinedSessionChange:
    """What REST tells of a session, for the row it was joined to or that is its own."""

    partition_key: str
    joined: Joined
    table: str = TRANSACTIONS

    @property
    def row_key(self) -> str:
        """The row's key."""
        return self.joined.row_key

    @property
    def is_likely_new(self) -> bool:
        """A row that was read to be joined is not new."""
        return self.joined.kept is None

    def merged(self, current: Row | None) -> Row | None:
        """The session with what REST tells; None where it has that already."""
        session = self.joined.session
        fragments = with_fragments(current, [polled_fragment(session)], self.joined.replaced_ids)
        if fragments is None:
            return None
        transaction_id: EdmValue = session.evse_transaction_id or session.transaction_id
        return {
            "PartitionKey": self.partition_key,
            "RowKey": self.row_key,
            "charger_id": session.charger_id,
            "transaction_id": (current or {}).get("transaction_id") or transaction_id,
        } | assemble(fragments)


@dataclass(slots=True)
class SessionsStored:
    """What storing polled sessions came to."""

    sessions: int = 0
    joined: int = 0
    polled_only: int = 0
    ambiguous: int = 0
    changed: int = 0
    quarantined: int = 0

    def add(self, other: "SessionsStored") -> None:
        """Count another part of the same run."""
        for name in self.__slots__:
            setattr(self, name, getattr(self, name) + getattr(other, name))


class SessionStore:
    """The table of sessions, as polling uses it."""

    def __init__(self, tables: Tables, shards: int) -> None:
        self._tables = tables
        self._shards = shards

    async def join(
        self, polled: Iterable[PolledSession], deadline: Deadline, *, also: Iterable[str] = (), since: Instant
    ) -> list[ChargerSessions]:
        """Join polled sessions to stored ones, charger by charger; chargers of `also` are read in any case.

        Stored sessions are read that push told of after `since`, or after a day before the first of the charger's, or
        that began or ended then by the charger's clock, which may be days ahead; and those under the polled ones' ids,
        however old: chargers use ids again.
        """
        by_charger: defaultdict[str, list[PolledSession]] = defaultdict(list)
        for charger_id in also:
            by_charger[charger_id] = []
        for session in polled:
            by_charger[session.charger_id].append(session)
        turns = asyncio.Semaphore(_CHARGERS_AT_ONCE)

        async def join_one(charger_id: str, sessions: list[PolledSession]) -> ChargerSessions:
            async with turns:
                kept = await self._kept(charger_id, _first_of_interest(sessions, since), deadline)
                joined = join(sessions, kept)
                in_the_way = await self._in_the_way(charger_id, joined, kept, deadline)
                if in_the_way:
                    kept += in_the_way
                    joined = join(sessions, kept)
            return ChargerSessions(charger_id, sessions, kept, joined)

        return await asyncio.gather(*(join_one(charger_id, sessions) for charger_id, sessions in by_charger.items()))

    async def store(self, chargers: Iterable[ChargerSessions], now: Instant, deadline: Deadline) -> SessionsStored:
        """Write what REST tells into the rows that were found. What storage will never take goes to quarantine.

        Raises StorageUnavailable or StorageRefusesAccess; then all of it may be stored again.
        """
        chargers = list(chargers)
        joined = [one for charger in chargers for one in charger.joined]
        merger = RowMerger(self._tables, sum(len(charger.kept) + len(charger.joined) for charger in chargers) + 1)
        merger.know(TRANSACTIONS, (one.stored for charger in chargers for one in charger.kept))
        changes = [JoinedSessionChange(shard(one.session.charger_id, self._shards), one) for one in joined]
        merged, refusals = await merger.merge(changes, deadline)
        await self._quarantine([(joined[position].session, why) for position, why in refusals.items()], now, deadline)
        await self._give_up(joined, deadline)
        return SessionsStored(
            sessions=len(joined),
            joined=sum(one.kept is not None for one in joined),
            polled_only=sum(one.kept is None for one in joined),
            ambiguous=sum(one.is_ambiguous for one in joined),
            changed=len(merged),
            quarantined=len(refusals),
        )

    async def _kept(self, charger_id: str, since: Instant, deadline: Deadline) -> list[KeptSession]:
        first, end = rows_of_charger(charger_id)
        found = await self._tables.find(
            TRANSACTIONS,
            "PartitionKey eq @shard and RowKey ge @first and RowKey lt @end and "
            "(last_occurred_at ge @since or started_at ge @since or ended_at ge @since)",
            deadline,
            shard=shard(charger_id, self._shards),
            first=first,
            end=end,
            since=since,
        )
        return [KeptSession(stored) for stored in found]

    async def _in_the_way(
        self, charger_id: str, joined: Sequence[Joined], kept: Sequence[KeptSession], deadline: Deadline
    ) -> list[KeptSession]:
        """Rows that are older than what was read, under the keys of sessions that joined nothing."""
        known = {one.row_key for one in kept}
        row_keys = [one.row_key for one in joined if one.kept is None and one.row_key not in known]
        partition_key = shard(charger_id, self._shards)
        found = await asyncio.gather(
            *(self._tables.get(TRANSACTIONS, partition_key, row_key, deadline) for row_key in row_keys)
        )
        return [KeptSession(stored) for stored in found if stored is not None]

    async def _give_up(self, joined: Sequence[Joined], deadline: Deadline) -> None:
        """Delete rows of polled sessions that are in a pushed one's row by now, unless push has told of them since."""
        rows = [
            (str(row.stored.row["PartitionKey"]), row.row_key, row.stored.etag)
            for one in joined
            for row in one.given_up
        ]
        changed = await delete_rows(self._tables, TRANSACTIONS, rows, deadline)
        if changed:
            _log.info("sessions of their own changed meanwhile: %d", changed)

    async def _quarantine(
        self, refused: Sequence[tuple[PolledSession, RowRefused]], now: Instant, deadline: Deadline
    ) -> None:
        changes = [_quarantined(session, refusal, now) for session, refusal in refused]
        _, refusals = await RowMerger(self._tables, 1).merge(changes, deadline)
        for refusal in refusals.values():
            raise refusal  # there is no further place to keep it
        for reason, count in Counter(refusal.reason for _, refusal in refused).items():
            _log.error("poll quarantined reason=%s sessions=%d; see the table Quarantine", reason, count)


def _quarantined(session: PolledSession, error: Unacceptable, now: Instant) -> QuarantineChange:
    """The session as it was read, as JSON."""
    raw = orjson.dumps(
        {name: getattr(session, name) for name in PolledSession.__slots__},
        default=lambda value: value.iso if isinstance(value, Instant) else list(value),
    )
    return QuarantineChange.of_body(raw, error, Delivery(raw, "poll", now))


def _first_of_interest(sessions: Sequence[PolledSession], since: Instant) -> Instant:
    starts = [session.started_at for session in sessions if session.started_at is not None]
    return Instant(max(0, min([*starts, since]) - _DAY_TICKS))
