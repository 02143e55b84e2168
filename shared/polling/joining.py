"""Which polled session is which stored one (pure). Never guessed: where two fit equally, none is taken.

1. The one that it was joined to before; where it has no id of eMabler's, also one that was joined to what REST told of
   the same session before it corrected it.
2. By the charger's own id of the transaction, which push and REST both may have, and which chargers use again: so not
   where the starts are more than a day apart, or the row is that of another polled session.
3. By eMabler's id, which may or may not be the one that push uses: so only where socket and start agree.
4. By charger, socket, tag and start within 120 s: those first that began in the same two seconds, then those that also
   ended together. (v1 has no ids.)

By each of them only where exactly one fits in both directions.

What fits nothing becomes a session of its own. It is looked at again with every poll that it appears in, so that it is
joined when its push arrives after all; its own row is then given up.
"""

from collections import Counter
from collections.abc import Callable, Container, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Final

from shared.emabler.rest.answers import PolledSession
from shared.instants import TICKS_PER_SECOND, Instant
from shared.polling.sessions_told import (
    KeptSession,
    Told,
    canonical_tag,
    own_row_key,
    polled_id,
    spare_row_key,
    told_by_rest,
)

START_TOLERANCE_TICKS: Final = 120 * TICKS_PER_SECOND
SAME_MOMENT_TICKS: Final = 2 * TICKS_PER_SECOND
"""What rounding to seconds can make of one time."""
REUSE_TICKS: Final = 24 * 3600 * TICKS_PER_SECOND
"""Starts further apart are two sessions under one id."""


@dataclass(frozen=True, slots=True)
class Joined:
    """A polled session and where it belongs.

    `kept` is the session it was joined to, None where it is one of its own. `given_up` are rows of its own that it does
    not need any more. `replaced_ids` are those of what REST told of it before it corrected it. `is_ambiguous` tells
    that several sessions fit it, so that none was taken.
    """

    session: PolledSession
    row_key: str
    kept: KeptSession | None = None
    given_up: tuple[KeptSession, ...] = field(default=())
    replaced_ids: frozenset[str] = frozenset()
    is_ambiguous: bool = False


@dataclass(slots=True)
class ChargerSessions:
    """A charger's polled sessions, its stored ones of about the same time, and how they belong together."""

    charger_id: str
    polled: list[PolledSession] = field(default_factory=list)
    kept: list[KeptSession] = field(default_factory=list)
    joined: list[Joined] = field(default_factory=list)


def join(polled: Sequence[PolledSession], kept: Sequence[KeptSession]) -> list[Joined]:
    """Join the polled sessions of one charger to its stored ones."""
    pushed = [session for session in kept if session.pushed is not None]
    joining = _Joining({polled_id(session): session for session in polled}, {one.row_key: one for one in pushed})
    # A row that somebody emptied or spoiled tells of no session, and stops no other.
    alone = _Joining(joining.all_polled, {one.row_key: one for one in kept if one.pushed is None and one.fragments})
    listed = joining.all_polled.keys()
    for rows in (joining, alone):
        rows.take_again()
    for rows in (joining, alone):
        rows.take_unique(lambda session, one: _is_correction(session, one, listed))
    joining.take_unique(lambda session, one: _same_id(session.evse_transaction_id, one) and _may_be(session, one))
    joining.take_unique(lambda session, one: _same_id(session.transaction_id, one) and _is_the_same(session, one))
    joining.take_unique(lambda session, one: _fits(session, one, SAME_MOMENT_TICKS) and not _contradict(session, one))
    # Who is not listed any more, and found no pushed session, may be the one that a pushed session is waiting for.
    rivals = [
        _as_listed(one, told) for one in alone.free if (told := one.polled) is not None and not one.polled_ids & listed
    ]
    # Where the ends agree, too, that tells a first try from the second one a minute later.
    joining.take_unique(lambda session, one: _fits(session, one) and _ends_agree(session, one), rivals)
    ambiguous = joining.take_unique(lambda session, one: _fits(session, one) and not _contradict(session, one), rivals)
    own_row_keys = _own_row_keys(dict(joining.free_polled), alone.taken, kept)
    return [
        _joined(session, joining.taken[key], kept, listed)
        if key in joining.taken
        else _own(session, own_row_keys[key], alone.taken.get(key), listed, is_ambiguous=key in ambiguous)
        for key, session in joining.all_polled.items()
    ]


class _Joining:
    """Polled and stored sessions that are still free, and who took whom."""

    def __init__(self, polled: dict[str, PolledSession], stored: dict[str, KeptSession]) -> None:
        self.all_polled = polled
        self.taken: dict[str, KeptSession] = {}
        self._free = stored

    def take_again(self) -> None:
        """Join those that were joined before, where they are in one row only, and alone there."""
        rows: dict[str, list[KeptSession]] = {}
        for one in self.free:
            for key in one.polled_ids & self.all_polled.keys():
                rows.setdefault(key, []).append(one)
        suitors = Counter(one.row_key for found in rows.values() for one in found)
        for key, (one, *others) in rows.items():
            if not others and suitors[one.row_key] == 1:
                self.taken[key] = self._free.pop(one.row_key)

    def take_unique(
        self, fits: Callable[[PolledSession, KeptSession], bool], rivals: Sequence[PolledSession] = ()
    ) -> set[str]:
        """Join the pairs of which each fits the other and nothing else; returns the polled ones left in doubt.

        `rivals` are polled sessions that take nothing, and that a stored one may fit as well.
        """
        fitting = {key: [one for one in self.free if fits(session, one)] for key, session in self.free_polled}
        suitors = Counter(one.row_key for candidates in fitting.values() for one in candidates)
        suitors.update(one.row_key for rival in rivals for one in self.free if fits(rival, one))
        in_doubt = set()
        for key, candidates in fitting.items():
            if len(candidates) == 1 and suitors[candidates[0].row_key] == 1:
                self.taken[key] = self._free.pop(candidates[0].row_key)
            elif candidates:
                in_doubt.add(key)
        return in_doubt

    @property
    def free(self) -> list[KeptSession]:
        """Stored sessions that nobody took yet."""
        return list(self._free.values())

    @property
    def free_polled(self) -> list[tuple[str, PolledSession]]:
        """Those that took none yet, with their ids."""
        return [(key, session) for key, session in self.all_polled.items() if key not in self.taken]


def _joined(session: PolledSession, one: KeptSession, kept: Sequence[KeptSession], listed: Container[str]) -> Joined:
    """A session that was joined, with the rows that were its own alone until then."""
    own = tuple(row for row in kept if row.pushed is None and row.polled_ids == {polled_id(session)})
    return Joined(session, one.row_key, one, own, _replaced_ids(session, one, listed))


def _own(
    session: PolledSession, row_key: str, before: KeptSession | None, listed: Container[str], *, is_ambiguous: bool
) -> Joined:
    """A session that joined nothing, and the row that it had before."""
    replaced_ids = _replaced_ids(session, before, listed) if before is not None else frozenset[str]()
    return Joined(session, row_key, replaced_ids=replaced_ids, is_ambiguous=is_ambiguous)


def _replaced_ids(session: PolledSession, one: KeptSession, listed: Container[str]) -> frozenset[str]:
    """Under which ids the row has what REST told of this session before."""
    return frozenset(
        fragment.event_id
        for fragment in one.polled_fragments
        if fragment.event_id not in listed
        and _is_near(fragment.told.started_at, session.started_at, START_TOLERANCE_TICKS, unknown=False)
    )


def _own_row_keys(
    alone: Mapping[str, PolledSession], before: Mapping[str, KeptSession], kept: Sequence[KeptSession]
) -> dict[str, str]:
    """Where sessions are kept that join nothing: where they were before, else in rows that are nobody else's."""
    occupied = {row.row_key for row in kept}
    row_keys: dict[str, str] = {}
    for key, session in sorted(alone.items(), key=itemgetter(0)):
        own = own_row_key(session)
        if key in before:
            row_keys[key] = before[key].row_key
        else:
            row_keys[key] = own if own not in occupied else spare_row_key(session)
        occupied.add(row_keys[key])
    return row_keys


def _is_correction(session: PolledSession, one: KeptSession, listed: AbstractSet[str]) -> bool:
    """Whether a row has what REST told of this session before it corrected its start or its tag.

    Only a session without eMabler's id is known by those. REST must not list it any more as the row has it, and no two
    sessions of a socket end in the same moment.
    """
    earlier = one.polled
    return (
        session.transaction_id is None
        and earlier is not None
        and not one.polled_ids & listed
        and earlier.socket_id == session.socket_id
        and _agree(earlier.id_tag, canonical_tag(session.id_tag))
        and _is_near(earlier.started_at, session.started_at, START_TOLERANCE_TICKS, unknown=False)
        and _is_near(earlier.ended_at, session.ended_at, SAME_MOMENT_TICKS, unknown=False)
    )


def _as_listed(one: KeptSession, told: Told) -> PolledSession:
    """A session that REST alone has told, as it told it."""
    return PolledSession(
        charger_id=str(one.stored.row.get("charger_id")),
        socket_id=told.socket_id,
        id_tag=told.id_tag,
        started_at=told.started_at,
        ended_at=told.ended_at,
        energy_wh=told.energy_wh,
    )


def _same_id(transaction_id: str | None, one: KeptSession) -> bool:
    return transaction_id is not None and transaction_id == one.transaction_id


def _may_be(session: PolledSession, one: KeptSession) -> bool:
    """Whether both may be one session although ids are used again."""
    return (
        one.pushed is not None
        and _is_near(session.started_at, one.pushed.started_at, REUSE_TICKS, unknown=True)
        and (
            one.polled is None
            or _is_near(session.started_at, one.polled.started_at, START_TOLERANCE_TICKS, unknown=True)
        )
    )


def _is_the_same(session: PolledSession, one: KeptSession) -> bool:
    """Whether nothing but the id would be another's: its start, or where that is not known its end."""
    pushed = one.pushed
    if pushed is None or not _agree(session.socket_id, pushed.socket_id) or not _may_be(session, one):
        return False
    if session.started_at is None or pushed.started_at is None:
        return _ends_agree(session, one)
    return _is_near(session.started_at, pushed.started_at, START_TOLERANCE_TICKS, unknown=False)


def _fits(session: PolledSession, one: KeptSession, tolerance_ticks: int = START_TOLERANCE_TICKS) -> bool:
    polled, pushed = told_by_rest(session), one.pushed
    return (
        pushed is not None
        and not one.polled_ids  # of another session, or it would have been joined by now
        and polled.socket_id == pushed.socket_id
        and _agree(polled.id_tag, pushed.id_tag)
        and _is_near(polled.started_at, pushed.started_at, tolerance_ticks, unknown=False)
    )


def _contradict(session: PolledSession, one: KeptSession) -> bool:
    """Whether both end and energy are known and differ: then it is another session, and no difference of opinions."""
    pushed = one.pushed
    if pushed is None or None in (session.ended_at, pushed.ended_at, session.energy_wh, pushed.energy_wh):
        return False
    return session.energy_wh != pushed.energy_wh and not _ends_agree(session, one)


def _ends_agree(session: PolledSession, one: KeptSession) -> bool:
    pushed_end = one.pushed.ended_at if one.pushed is not None else None
    return _is_near(session.ended_at, pushed_end, START_TOLERANCE_TICKS, unknown=False)


def _agree(one: str | None, other: str | None) -> bool:
    """Equal, or not known on one side."""
    return one is None or other is None or one == other


def _is_near(one: Instant | None, other: Instant | None, tolerance_ticks: int, *, unknown: bool) -> bool:
    if one is None or other is None:
        return unknown
    return abs(one - other) <= tolerance_ticks
