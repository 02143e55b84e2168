"""`Transactions`: one row for each charging session, assembled from its fragments in whatever order they come.

A row keeps the fragments it was made of, as JSON, and everything else in it is a pure function of that set. So merging
is a union of sets: order, repeats, late starts, stops without a start and corrections need no cases of their own.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TypeVar

from shared.events import Event, FragmentKind, SessionFragment
from shared.ingest.fragments import Fragment, fragment_of, fragments_json, with_fragments
from shared.instants import TICKS_PER_SECOND, Instant
from shared.tables.keys import shard, transaction_row_key
from shared.tables.store import EdmValue, Int64, Row

TRANSACTIONS = "Transactions"

REUSE_TICKS = 24 * 3600 * TICKS_PER_SECOND
"""Starts further apart than this are two sessions under one id."""

_Value = TypeVar("_Value")


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
        fragments = with_fragments(current, map(fragment_of, self.events))
        if fragments is None:
            return None
        return {
            "PartitionKey": self.partition_key,
            "RowKey": self.row_key,
            "charger_id": self.charger_id,
            "transaction_id": self.transaction_id,
        } | assemble(fragments)


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
    energy_wh = _energy_wh(ranked, meter_start_wh, meter_stop_wh)
    latest = fragments[-1]
    return {
        "socket_id": _first(fragment.socket_id for fragment in ranked),
        "socket_name": _first(fragment.told.socket_name for fragment in ranked),
        "site_id": _first(fragment.site_id for fragment in ranked),
        "external_site_id": _first(fragment.external_site_id for fragment in ranked),
        "id_tag": _first(fragment.told.id_tag for fragment in ranked),
        "state": _state(session),
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
        "has_poll": FragmentKind.POLL in kinds,
        "source": _source({fragment.told.kind for fragment in fragments}),
        "fragments": fragments_json(fragments),
    }


_RANK = {FragmentKind.FULL: 0, FragmentKind.STOP: 1, FragmentKind.START: 2, FragmentKind.POLL: 3}


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


def _energy_wh(ranked: list[Fragment], meter_start_wh: int | None, meter_stop_wh: int | None) -> int | None:
    """What push says the energy was, else the difference of the meter reads, else what REST says."""
    pushed = [fragment for fragment in ranked if fragment.told.kind is not FragmentKind.POLL]
    energy_wh = _first(fragment.told.energy_wh for fragment in pushed)
    if energy_wh is not None:
        return energy_wh
    if meter_start_wh is not None and meter_stop_wh is not None and meter_stop_wh >= meter_start_wh:
        return meter_stop_wh - meter_start_wh
    return _first(fragment.told.energy_wh for fragment in ranked)


def _state(session: list[Fragment]) -> str:
    """A session of which REST tells the end is complete without its full transaction, too."""
    kinds = {fragment.told.kind for fragment in session}
    polled_ends = [f.told.ended_at for f in session if f.told.kind is FragmentKind.POLL]
    if FragmentKind.FULL in kinds or any(end is not None for end in polled_ends):
        return "complete"
    return "ended" if FragmentKind.STOP in kinds else "open"


def _source(kinds: set[FragmentKind]) -> str:
    """Who told of the session."""
    if FragmentKind.POLL not in kinds:
        return "push"
    return "poll" if kinds == {FragmentKind.POLL} else "both"


def _first(values: Iterable[_Value | None]) -> _Value | None:
    return next((value for value in values if value is not None), None)


def _int64(wh: int | None) -> Int64 | None:
    return None if wh is None else Int64(wh)
