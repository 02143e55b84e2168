"""What the platform knows of a fleet: everything it received, whether or not it managed to push it on."""

from bisect import bisect_right, insort
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import NamedTuple

from simulator.happenings import Charger, Happening, Kind
from simulator.moments import ticks

REPORT_ONLY = "Info"
OFFLINE = "Offline"


@dataclass(frozen=True, slots=True)
class FinishedSession:
    """A session as the full transaction told it. Times are ticks, by the clocks that the transaction has."""

    charger: Charger
    socket_id: int
    transaction_id: int
    id_tag: str
    started_at: int
    ended_at: int
    energy_wh: int


class AddedCharger(NamedTuple):
    """A charger that was added over REST and is not of the fleet."""

    name: str
    site_id: int


@dataclass(slots=True)
class _Record:
    """All that was received of one charger, by receive time."""

    events: list[Happening] = field(default_factory=list)
    """Its states and reports, of all sockets and the main controller."""
    states: dict[int, list[Happening]] = field(default_factory=lambda: defaultdict(list))
    starts: list[Happening] = field(default_factory=list)
    fulls: list[Happening] = field(default_factory=list)
    heard_at: list[int] = field(default_factory=list)
    """When the charger itself said something; "Offline" is the platform's word."""


class World:
    """The platform's knowledge as of `now()`.

    `clock_skew_seconds` shifts the times that REST tells of sessions. `source` is a fleet's life in order of time, of
    which as much is heard as has happened by now. It is no historian: what it is told of is never forgotten.
    """

    def __init__(
        self,
        chargers: Iterable[Charger],
        now: Callable[[], int],
        *,
        clock_skew_seconds: float = 0.0,
        source: Iterator[Happening] | None = None,
    ) -> None:
        self.now = now
        self.chargers = {charger.charger_id: charger for charger in chargers}
        self.added_sites: dict[int, str] = {}
        self.added_chargers: dict[str, AddedCharger] = {}
        """By id."""
        self.connected_at: dict[str, int] = {}
        """Added chargers that have made contact."""
        self._skew = ticks(clock_skew_seconds)
        self._records: dict[str, _Record] = defaultdict(_Record)
        self._heard: set[tuple[object, ...]] = set()
        self._source = source
        self._next: Happening | None = None
        self._site_ids = count(900_001)

    def hear(self, happening: Happening) -> None:
        """Take in what the platform received; the same thing again changes nothing."""
        charger_id = happening.charger.charger_id
        identity = (charger_id, happening.kind, happening.socket_id, happening.received_at, happening.transaction_id)
        if identity in self._heard:
            return
        self._heard.add(identity)
        record = self._records[charger_id]
        if happening.status != OFFLINE:
            insort(record.heard_at, happening.received_at)
        if happening.kind is Kind.STATE:
            insort(record.events, happening, key=_received_at)
            if happening.status != REPORT_ONLY:
                insort(record.states[happening.socket_id or 0], happening, key=_received_at)
        elif happening.kind is Kind.START:
            insort(record.starts, happening, key=_received_at)
        elif happening.kind is Kind.FULL:
            insort(record.fulls, happening, key=_received_at)

    def catch_up(self) -> None:
        """Hear what has happened in the source by now."""
        if self._source is None:
            return
        now = self.now()
        while True:
            if self._next is None:
                self._next = next(self._source, None)
            if self._next is None or self._next.received_at > now:
                return
            self.hear(self._next)
            self._next = None

    def newest_state(self, charger: Charger, socket_id: int) -> Happening | None:
        """What the socket does now; None where it has never said anything."""
        states = self._records[charger.charger_id].states[socket_id]
        place = bisect_right(states, self.now(), key=_received_at)
        return states[place - 1] if place else None

    def events(self, charger: Charger) -> list[Happening]:
        """All states and reports of a charger up to now."""
        return self._until_now(self._records[charger.charger_id].events)

    def last_seen_at(self, charger: Charger) -> int | None:
        """When the charger itself was last heard."""
        heard_at = self._records[charger.charger_id].heard_at
        place = bisect_right(heard_at, self.now())
        return heard_at[place - 1] if place else None

    def is_connected(self, charger: Charger) -> bool:
        """Whether the newest that the platform knows is not that the connection was lost."""
        newest = [state for socket in charger.socket_ids if (state := self.newest_state(charger, socket)) is not None]
        latest = max(newest, key=_received_at, default=None)
        return latest is not None and latest.status != OFFLINE

    def finished(self) -> Iterator[FinishedSession]:
        """The sessions whose full transaction the platform has."""
        for charger in self.chargers.values():
            for full in self._until_now(self._records[charger.charger_id].fulls):
                yield self._finished(full)

    def ongoing(self) -> Iterator[Happening]:
        """The starts of the sessions whose full transaction the platform does not have yet."""
        for charger in self.chargers.values():
            yield from self.ongoing_at(charger)

    def ongoing_at(self, charger: Charger) -> list[Happening]:
        """The same of one charger."""
        record = self._records[charger.charger_id]
        ended = {full.transaction_id for full in self._until_now(record.fulls)}
        return [start for start in self._until_now(record.starts) if start.transaction_id not in ended]

    def told(self, moment: int) -> int:
        """A time of a session as REST tells it."""
        return moment + self._skew

    def site_ids(self) -> set[int]:
        """The fleet's sites and those that were added."""
        return {int(charger.site_id) for charger in self.chargers.values()} | self.added_sites.keys()

    def add_site(self, name: str) -> int:
        """A new site's id."""
        site_id = next(self._site_ids)
        self.added_sites[site_id] = name
        return site_id

    def add_charger(self, charger_id: str, added: AddedCharger) -> bool:
        """Remember a charger; False where its site is unknown or its id is taken."""
        is_taken = charger_id in self.chargers or charger_id in self.added_chargers
        if is_taken or added.site_id not in self.site_ids():
            return False
        self.added_chargers[charger_id] = added
        return True

    def connect(self, charger_id: str) -> None:
        """Let an added charger make its first contact. Raises KeyError for any other id."""
        if charger_id not in self.added_chargers:
            raise KeyError(charger_id)
        self.connected_at[charger_id] = self.now()

    def _finished(self, full: Happening) -> FinishedSession:
        return FinishedSession(
            charger=full.charger,
            socket_id=full.socket_id or 0,
            transaction_id=full.transaction_id or 0,
            id_tag=full.id_tag or "",
            started_at=self.told(full.started_at or 0),
            ended_at=self.told(full.ended_at or 0),
            energy_wh=(full.meter_end_wh or 0) - (full.meter_start_wh or 0),
        )

    def _until_now(self, happenings: list[Happening]) -> list[Happening]:
        return happenings[: bisect_right(happenings, self.now(), key=_received_at)]


def _received_at(happening: Happening) -> int:
    return happening.received_at
