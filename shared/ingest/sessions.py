"""`Transactions`: one row for each charging session, assembled from its fragments in whatever order they come.

A row keeps the fragments it was made of, as JSON, and everything else in it is a pure function of that set. So merging
is a union of sets: order, repeats, late starts, stops without a start and corrections need no cases of their own.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, TypeVar

import orjson

from shared.events import Clock, Event, FragmentKind, Precedence, SessionFragment
from shared.instants import TICKS_PER_SECOND, Instant
from shared.tables.keys import shard, transaction_row_key
from shared.tables.store import EdmValue, Int64, Row

TRANSACTIONS = "Transactions"

MAX_FRAGMENTS = 40
"""A session has two or three; a charger that repeats one id for ever keeps its newest, and the row stays small."""

MAX_FRAGMENTS_LENGTH = 30_000
"""Bytes of JSON; a text column ends at 32 Ki characters."""

REUSE_TICKS = 24 * 3600 * TICKS_PER_SECOND
"""Starts further apart than this are two sessions under one id."""

_INSTANTS = ("occurred_at", "started_at", "ended_at")
_Value = TypeVar("_Value")


@dataclass(frozen=True, slots=True)
class Fragment:
    """A session's fragment with what is needed of the event that told it."""

    told: SessionFragment
    event_id: str
    occurred_at: Instant | None
    clock: Clock
    socket_id: str | None = None
    site_id: str | None = None
    external_site_id: str | None = None

    @property
    def precedence(self) -> Precedence:
        """Which of two fragments is newer, by the same order as events."""
        return Precedence(self.clock is Clock.PLATFORM, self.occurred_at or Instant(0), self.event_id)


@dataclass(slots=True)
class SessionChange:
    """The fragments of one session that a batch brings."""

    partition_key: str
    row_key: str
    charger_id: str
    transaction_id: str
    events: list[Event] = field(default_factory=list)
    table: str = TRANSACTIONS

    @classmethod
    def of(cls, event: Event, shards: int) -> "SessionChange | None":
        """The change that an event makes to its session; None where it belongs to none that could be named."""
        if not isinstance(event.content, SessionFragment) or event.content.transaction_id is None:
            return None
        transaction_id = event.content.transaction_id
        key = transaction_row_key(event.charger_id, transaction_id)
        return cls(shard(event.charger_id, shards), key, event.charger_id, transaction_id, [event])

    @property
    def is_likely_new(self) -> bool:
        """A start usually opens its session."""
        return all(
            isinstance(event.content, SessionFragment) and event.content.kind is FragmentKind.START
            for event in self.events
        )

    def merged(self, current: Row | None) -> Row | None:
        """The session with these fragments; None where it has them all already."""
        known = {fragment.event_id: fragment for fragment in read_fragments(current)}
        brought = {event.event_id: _fragment(event) for event in self.events}
        fragments = newest(list((brought | known).values()))
        if {fragment.event_id for fragment in fragments} == known.keys():
            return None
        return {
            "PartitionKey": self.partition_key,
            "RowKey": self.row_key,
            "charger_id": self.charger_id,
            "transaction_id": self.transaction_id,
        } | assemble(fragments)


def newest(fragments: list[Fragment]) -> list[Fragment]:
    """In order from old to new, and no more than a row may hold: the newest ones, in number and in size.

    What is dropped is older than all that stays and would be dropped from every larger set too, so it does not matter
    when it is dropped.
    """
    kept: list[Fragment] = []
    room = MAX_FRAGMENTS_LENGTH
    for fragment in sorted(fragments, key=lambda fragment: fragment.precedence, reverse=True)[:MAX_FRAGMENTS]:
        room -= len(orjson.dumps(_write(fragment)))
        if room < 0 and kept:
            break
        kept.append(fragment)
    return kept[::-1]


def assemble(fragments: list[Fragment]) -> dict[str, EdmValue]:
    """A session's columns from its fragments, given from old to new.

    For every column the full transaction's word counts before the stop's and the stop's before the start's; of two of
    a kind the newer counts (a correction). Where an id was used again, the columns tell the session of the newest
    fragment and `id_reused` says so; the fragments of both are in `fragments`.
    """
    session = latest_session(fragments)
    is_reused = len(session) < len(fragments)
    ranked = sorted(session[::-1], key=_rank)  # noqa: C415  # sorting is stable: newest first in a kind
    kinds = {fragment.told.kind for fragment in session}
    started_at = _first(fragment.told.started_at for fragment in ranked)
    ended_at = _first(fragment.told.ended_at for fragment in ranked)
    meter_start_wh = _first(fragment.told.meter_start_wh for fragment in ranked)
    meter_stop_wh = _first(fragment.told.meter_stop_wh for fragment in ranked)
    energy_wh = _first(fragment.told.energy_wh for fragment in ranked)
    if energy_wh is None and meter_start_wh is not None and meter_stop_wh is not None:
        energy_wh = meter_stop_wh - meter_start_wh if meter_stop_wh >= meter_start_wh else None
    latest = fragments[-1]
    return {
        "socket_id": _first(fragment.socket_id for fragment in ranked),
        "socket_name": _first(fragment.told.socket_name for fragment in ranked),
        "site_id": _first(fragment.site_id for fragment in ranked),
        "external_site_id": _first(fragment.external_site_id for fragment in ranked),
        "id_tag": _first(fragment.told.id_tag for fragment in ranked),
        "state": _state(kinds),
        "started_at": started_at,
        "ended_at": ended_at,
        "meter_start_wh": _int64(meter_start_wh),
        "meter_stop_wh": _int64(meter_stop_wh),
        "energy_wh": _int64(energy_wh),
        "has_start": FragmentKind.START in kinds,
        "has_stop": FragmentKind.STOP in kinds,
        "has_full": FragmentKind.FULL in kinds,
        "id_reused": is_reused,
        "last_occurred_at": latest.occurred_at,
        "last_event_id": latest.event_id,
        "source": "push",
        "fragments": orjson.dumps([_write(fragment) for fragment in fragments]).decode(),
    }


def read_fragments(row: Row | None) -> list[Fragment]:
    """The fragments that a row was made of."""
    written = (row or {}).get("fragments")
    return [_read(item) for item in orjson.loads(written)] if isinstance(written, str) else []


_RANK = {FragmentKind.FULL: 0, FragmentKind.STOP: 1, FragmentKind.START: 2}


def _rank(fragment: Fragment) -> int:
    return _RANK[fragment.told.kind]


def latest_session(fragments: list[Fragment]) -> list[Fragment]:
    """The fragments, given from old to new, that tell of the same session as the newest; all, unless an id was reused.

    Fragments belong together whose sessions began within a day of each other. A fragment that names no start began with
    the last start before its end, so a session may last for days; with no such start, its end is all there is.
    """
    starts = sorted(fragment.told.started_at for fragment in fragments if fragment.told.started_at is not None)
    begins = [_began_at(fragment.told, starts) for fragment in fragments]
    newest_begin = next((begin for begin in reversed(begins) if begin is not None), None)
    if newest_begin is None:
        return fragments
    return [
        fragment
        for fragment, begin in zip(fragments, begins, strict=True)
        if begin is None or abs(begin - newest_begin) <= REUSE_TICKS
    ]


def _began_at(told: SessionFragment, starts: list[Instant]) -> Instant | None:
    if told.started_at is not None or told.ended_at is None:
        return told.started_at
    before = [start for start in starts if start <= told.ended_at]
    return before[-1] if before else told.ended_at


def _state(kinds: set[FragmentKind]) -> str:
    if FragmentKind.FULL in kinds:
        return "complete"
    return "ended" if FragmentKind.STOP in kinds else "open"


def _first(values: Iterable[_Value | None]) -> _Value | None:
    return next((value for value in values if value is not None), None)


def _int64(wh: int | None) -> Int64 | None:
    return None if wh is None else Int64(wh)


def _fragment(event: Event) -> Fragment:
    if not isinstance(event.content, SessionFragment):
        raise TypeError("only session fragments make sessions")
    return Fragment(
        event.content,
        event.event_id,
        event.occurred_at,
        event.clock,
        event.socket_id,
        event.site_id,
        event.external_site_id,
    )


def _write(fragment: Fragment) -> dict[str, Any]:
    told = fragment.told
    written = {
        "kind": told.kind,
        "event_id": fragment.event_id,
        "clock": fragment.clock,
        "occurred_at": fragment.occurred_at,
        "started_at": told.started_at,
        "ended_at": told.ended_at,
        "meter_start_wh": told.meter_start_wh,
        "meter_stop_wh": told.meter_stop_wh,
        "energy_wh": told.energy_wh,
        "id_tag": told.id_tag,
        "socket_id": fragment.socket_id,
        "socket_name": told.socket_name,
        "site_id": fragment.site_id,
        "external_site_id": fragment.external_site_id,
    }
    return {
        name: value.iso if isinstance(value, Instant) else value for name, value in written.items() if value is not None
    }


def _read(written: dict[str, Any]) -> Fragment:
    times = {name: Instant.from_iso(written[name]) if name in written else None for name in _INSTANTS}
    return Fragment(
        told=SessionFragment(
            kind=FragmentKind(written["kind"]),
            started_at=times["started_at"],
            ended_at=times["ended_at"],
            meter_start_wh=written.get("meter_start_wh"),
            meter_stop_wh=written.get("meter_stop_wh"),
            energy_wh=written.get("energy_wh"),
            id_tag=written.get("id_tag"),
            socket_name=written.get("socket_name"),
        ),
        event_id=written["event_id"],
        occurred_at=times["occurred_at"],
        clock=Clock(written["clock"]),
        socket_id=written.get("socket_id"),
        site_id=written.get("site_id"),
        external_site_id=written.get("external_site_id"),
    )
