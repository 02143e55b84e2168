"""Which polled session is which stored one (pure). Never guessed: where two fit equally, none is taken.

1. The one that it was joined to before.
2. By the charger's own id of the transaction, which push and REST both may have, and which chargers use again: so not
   where the starts are more than a day apart.
3. By eMabler's id, which may or may not be the one that push uses: start and socket must not contradict it.
4. By charger, socket, tag and start within 120 s. (v1 has no ids.)

By each of them only where exactly one fits in both directions.

What fits nothing becomes a session of its own. It is looked at again with every poll that it appears in, so that it is
joined when its push arrives after all; its own row is then given up.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Final

from shared.emabler.rest.answers import PolledSession
from shared.instants import TICKS_PER_SECOND, Instant
from shared.polling.sessions_told import KeptSession, own_row_key, polled_id, spare_row_key, told_by_rest

START_TOLERANCE_TICKS: Final = 120 * TICKS_PER_SECOND
REUSE_TICKS: Final = 24 * 3600 * TICKS_PER_SECOND
"""Starts further apart are two sessions under one id."""


@dataclass(frozen=True, slots=True)
class Joined:
    """A polled session and where it belongs.

    `kept` is the session it was joined to, None where it is one of its own. `given_up` are rows of its own that it does
    not need any more. `is_ambiguous` tells that several sessions fit it, so that none was taken.
    """

    session: PolledSession
    row_key: str
    kept: KeptSession | None = None
    given_up: tuple[KeptSession, ...] = field(default=())
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
    joining.take_unique(lambda session, one: polled_id(session) in one.polled_ids)
    joining.take_unique(lambda session, one: _same_id(session.evse_transaction_id, one) and _began_near(session, one))
    joining.take_unique(lambda session, one: _same_id(session.transaction_id, one) and _is_possible(session, one))
    # Where the ends agree, too, that tells a first try from the second one a minute later.
    joining.take_unique(lambda session, one: _fits(session, one) and _ends_agree(session, one))
    ambiguous = joining.take_unique(lambda session, one: _fits(session, one) and not _contradict(session, one))
    own_row_keys = _own_row_keys(dict(joining.free_polled), kept)
    return [
        _joined(session, joining.taken[key], kept)
        if key in joining.taken
        else Joined(session, own_row_keys[key], is_ambiguous=key in ambiguous)
        for key, session in joining.all_polled.items()
    ]


class _Joining:
    """Polled and pushed sessions that are still free, and who took whom."""

    def __init__(self, polled: dict[str, PolledSession], pushed: dict[str, KeptSession]) -> None:
        self.all_polled = polled
        self.taken: dict[str, KeptSession] = {}
        self._free_pushed = pushed

    def take_unique(self, fits: Callable[[PolledSession, KeptSession], bool]) -> set[str]:
        """Join the pairs of which each fits the other and nothing else; returns the polled ones left in doubt."""
        fitting = {
            key: [one for one in self._free_pushed.values() if fits(session, one)] for key, session in self.free_polled
        }
        suitors = Counter(one.row_key for candidates in fitting.values() for one in candidates)
        in_doubt = set()
        for key, candidates in fitting.items():
            if len(candidates) == 1 and suitors[candidates[0].row_key] == 1:
                self.taken[key] = self._free_pushed.pop(candidates[0].row_key)
            elif candidates:
                in_doubt.add(key)
        return in_doubt

    @property
    def free_polled(self) -> list[tuple[str, PolledSession]]:
        """Those that took none yet, with their ids."""
        return [(key, session) for key, session in self.all_polled.items() if key not in self.taken]


def _joined(session: PolledSession, one: KeptSession, kept: Sequence[KeptSession]) -> Joined:
    """A session that was joined, with the rows that were its own alone until then."""
    own = tuple(row for row in kept if row.pushed is None and row.polled_ids == {polled_id(session)})
    return Joined(session, one.row_key, one, own)


def _own_row_keys(alone: Mapping[str, PolledSession], kept: Sequence[KeptSession]) -> dict[str, str]:
    """Where sessions are kept that join nothing: where they were before, else in rows that are nobody else's."""
    occupied = {row.row_key for row in kept}
    earlier = {key: row.row_key for row in kept if row.pushed is None for key in row.polled_ids}
    row_keys: dict[str, str] = {}
    for key, session in sorted(alone.items(), key=itemgetter(0)):
        before, own = earlier.get(key), own_row_key(session)
        if before is not None and before not in row_keys.values():
            row_keys[key] = before
        else:
            row_keys[key] = own if own not in occupied else spare_row_key(session)
        occupied.add(row_keys[key])
    return row_keys


def _same_id(transaction_id: str | None, one: KeptSession) -> bool:
    return transaction_id is not None and transaction_id == one.transaction_id


def _began_near(session: PolledSession, one: KeptSession) -> bool:
    """Whether both may be one session although ids are used again."""
    return one.pushed is not None and _is_near(session.started_at, one.pushed.started_at, REUSE_TICKS, unknown=True)


def _is_possible(session: PolledSession, one: KeptSession) -> bool:
    return one.pushed is not None and _agree(session.socket_id, one.pushed.socket_id) and _began_near(session, one)


def _fits(session: PolledSession, one: KeptSession) -> bool:
    polled, pushed = told_by_rest(session), one.pushed
    return (
        pushed is not None
        and not one.polled_ids  # of another session, or it would have been joined by now
        and polled.socket_id == pushed.socket_id
        and _agree(polled.id_tag, pushed.id_tag)
        and _is_near(polled.started_at, pushed.started_at, START_TOLERANCE_TICKS, unknown=False)
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
