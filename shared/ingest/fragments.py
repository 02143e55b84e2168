"""What a session's row is made of: one fragment for each message about it, and one for what REST told of it.

Fragments are kept in the row as JSON. Merging is a union of sets, so order and repeats need no cases of their own.
"""

from collections.abc import Container, Iterable
from dataclasses import dataclass
from typing import Any

import orjson

from shared.events import Clock, Event, FragmentKind, Precedence, SessionFragment
from shared.instants import Instant
from shared.tables.store import Row

MAX_FRAGMENTS = 40
"""A session has two or three; a charger that repeats one id for ever keeps its newest, and the row stays small."""

MAX_FRAGMENTS_LENGTH = 30_000
"""Bytes of JSON; a text column ends at 32 Ki characters."""

_INSTANTS = ("occurred_at", "started_at", "ended_at")


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


def fragment_of(event: Event) -> Fragment:
    """What an event tells of its session. Raises TypeError for an event of another type."""
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


def with_fragments(
    current: Row | None, brought: Iterable[Fragment], replaced_ids: Container[str] = ()
) -> list[Fragment] | None:
    """A row's fragments and those that are brought, from old to new; None where that changes nothing.

    What push told never changes. What REST tells of a session can, and then replaces what it told before, under the
    same id or, where it has none of its own, under those of `replaced_ids`.
    """
    known = {fragment.event_id: fragment for fragment in read_fragments(current)}
    together = {event_id: fragment for event_id, fragment in known.items() if event_id not in replaced_ids}
    for fragment in brought:
        if fragment.event_id not in known or fragment.told.kind is FragmentKind.POLL:
            together[fragment.event_id] = fragment
    fragments = newest(list(together.values()))
    if {fragment.event_id: fragment for fragment in fragments} == known:
        return None
    return fragments


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


def read_fragments(row: Row | None) -> list[Fragment]:
    """The fragments that a row was made of."""
    written = (row or {}).get("fragments")
    return [_read(item) for item in orjson.loads(written)] if isinstance(written, str) else []


def readable_fragments(row: Row | None) -> list[Fragment]:
    """The same, and none where somebody spoiled the column: a rebuild from the archive makes that good."""
    try:
        return read_fragments(row)
    except (ValueError, KeyError, TypeError, AttributeError):
        return []


def fragments_json(fragments: Iterable[Fragment]) -> str:
    """The fragments as the column keeps them."""
    return orjson.dumps([_write(fragment) for fragment in fragments]).decode()


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
