"""Whether push is silent about a charger that does something: the difference between quiet and broken (pure).

A charger nobody uses says nothing for days, and that is fine: it sends heartbeats, which are not pushed. So silence is
judged by what REST shows that push should have told:

- a state that push has not told, for longer than push may be silent. How long is counted from the first poll that
  showed one, through all that follow, until push tells something: a busy charger changes its state all the time, and
  after an outage of ours the queue has that long to be worked off;
- a socket that charges, of a charger whose measurements push brings, and no word for as long.

A gap that was found stays open until push tells of it, or REST says twice that the charger is offline, too. None is
found while push is catching up: what it has not told may be among what is still on its way.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Self

from shared.emabler.rest.answers import ChargerSeen
from shared.events import EventType
from shared.ingest.freshness import COLUMNS, HEARD_AT, newest_told
from shared.ingest.words import POLL
from shared.instants import TICKS_PER_SECOND, Instant
from shared.polling.seen import first_polled_at, polled_at
from shared.polling.statuses import MOST_AHEAD_TICKS
from shared.tables.keys import POLL_STATE, escape
from shared.tables.store import EdmValue, Row, TableRow

GAPS_PARTITION: Final = "gaps"
CHARGING: Final = "Charging"

_LATE_TICKS: Final = 5 * 60 * TICKS_PER_SECOND
_JUST_NOW_TICKS: Final = 10 * 60 * TICKS_PER_SECOND
"""More than one poll apart: the row of the fleet is written once a minute."""
_NOT_TOLD_TICKS: Final = 7 * 86_400 * TICKS_PER_SECOND
"""For how long a fleet tells of other things, and of no state, until that is how it is meant."""


class Evidence(StrEnum):
    """What REST shows that push should have told."""

    STATE = "state-not-pushed"
    CHARGING = "charging-without-a-word"


@dataclass(frozen=True, slots=True)
class Gap:
    """A charger that push is silent about.

    `since` is when REST shows what push did not tell, `last_told_at` when push told anything (None: never).
    """

    charger_id: str
    evidence: Evidence
    since: Instant
    found_at: Instant
    last_told_at: Instant | None = None
    last_seen_at: Instant | None = None

    @property
    def row(self) -> TableRow:
        """The row that keeps it while it is open."""
        columns: dict[str, EdmValue] = {
            "PartitionKey": GAPS_PARTITION,
            "RowKey": escape(self.charger_id),
            "charger_id": self.charger_id,
            "evidence": str(self.evidence),
            "since": self.since,
            "found_at": self.found_at,
            "last_told_at": self.last_told_at,
            "last_seen_at": self.last_seen_at,
        }
        return TableRow(POLL_STATE, columns)

    @classmethod
    def of_row(cls, row: Row) -> Self:
        """The gap that a row keeps."""
        times = {
            name: value
            for name in ("since", "found_at", "last_told_at", "last_seen_at")
            if isinstance(value := row.get(name), Instant)
        }
        return cls(
            charger_id=str(row["charger_id"]),
            evidence=Evidence.CHARGING if row["evidence"] == Evidence.CHARGING else Evidence.STATE,
            since=times.get("since", Instant(0)),
            found_at=times.get("found_at", Instant(0)),
            last_told_at=times.get("last_told_at"),
            last_seen_at=times.get("last_seen_at"),
        )


@dataclass(frozen=True, slots=True)
class Untold:
    """States that push has not told: since when, as REST has it, and when a poll first showed one, by our clock."""

    since: Instant
    noticed_at: Instant

    @property
    def columns(self) -> dict[str, EdmValue]:
        """As the charger's row of what was seen keeps it for the next poll."""
        return {"untold_since": self.since, "untold_noticed_at": self.noticed_at}

    @classmethod
    def of_row(cls, seen: Row | None) -> "Untold | None":
        """What the poll before left."""
        since, noticed_at = (seen or {}).get("untold_since"), (seen or {}).get("untold_noticed_at")
        return cls(since, noticed_at) if isinstance(since, Instant) and isinstance(noticed_at, Instant) else None


@dataclass(frozen=True, slots=True)
class Witnessed:
    """All that is known of one charger after it was polled.

    `statuses` are its rows of `ChargerStatus`, `told` its row of when push told something, `seen` what the poll before
    left, `push` the row of when push told anything of any charger. `archived_at` is the charger's newest event in the
    archive, where somebody looked: `told` can be behind it.
    """

    charger: ChargerSeen
    statuses: Sequence[Row]
    told: Row | None
    seen: Row | None
    push: Row | None = None
    archived_at: Instant | None = None

    @property
    def last_told_at(self) -> Instant | None:
        """When push told something of the charger; None for never."""
        times = (newest_told(self.told), self.archived_at)
        return max((at for at in times if at is not None), default=None)


def untold_of(witnessed: Witnessed, now: Instant) -> Untold | None:
    """What push has not told of a charger's states, and nothing after it; None where it told all."""
    last_told_at = witnessed.last_told_at
    since = _untold_state(witnessed, last_told_at)
    if since is None:
        return None
    before = Untold.of_row(witnessed.seen)
    if before is None or (last_told_at is not None and last_told_at >= before.since):
        return Untold(since, now)
    return Untold(min(since, before.since), before.noticed_at)


def judge(witnessed: Witnessed, gap: Gap | None, now: Instant, silence_ticks: int) -> Gap | None:
    """The gap of a charger: the one that is open, where it stays so; a new one, where there is evidence; or None."""
    charger = witnessed.charger
    if charger.is_push_enabled is False:
        return None  # nothing is to be told
    untold = untold_of(witnessed, now)
    if gap is not None:
        return gap if _stays(gap, witnessed, untold) else None
    if not charger.is_connected or is_catching_up(witnessed.push, now):
        return None
    found = _evidence(witnessed, untold, now, silence_ticks)
    if found is None:
        return None
    evidence, since = found
    return Gap(charger.charger_id, evidence, since, now, witnessed.last_told_at, charger.last_seen_at)


def _evidence(
    witnessed: Witnessed, untold: Untold | None, now: Instant, silence_ticks: int
) -> tuple[Evidence, Instant] | None:
    """What shows that push is silent, and since when; None for nothing."""
    if untold is not None and now - untold.noticed_at > silence_ticks and _tells_states(witnessed.push):
        return Evidence.STATE, untold.since
    # A first look after a while says nothing: what was told meanwhile may not be here yet.
    is_watched = now - polled_at(witnessed.seen) <= silence_ticks
    since = _silent_charging(witnessed, witnessed.last_told_at)
    if is_watched and since is not None and now - since > silence_ticks:
        return Evidence.CHARGING, since
    return None


def _stays(gap: Gap, witnessed: Witnessed, untold: Untold | None) -> bool:
    """Whether push has still not told of what opened the gap.

    A charger with a bad connection is offline now and then: only where it was so before, too, that explains the
    silence.
    """
    was_connected = (witnessed.seen or {}).get("is_connected") is not False
    if witnessed.charger.is_connected is False and not was_connected:
        return False
    last_told_at = witnessed.last_told_at
    if gap.evidence is Evidence.STATE:
        return untold is not None and (last_told_at is None or last_told_at < gap.since)
    return last_told_at is None or last_told_at <= max(gap.since, gap.last_told_at or gap.since)


def is_catching_up(push: Row | None, now: Instant) -> bool:
    """Whether events come, and even the newest of them is old: a queue is worked off after an outage of ours.

    `push` is the row of all chargers. Single events that come late do not count: others are newer.
    """
    newest, heard_at = newest_told(push), (push or {}).get(HEARD_AT)
    if newest is None or not isinstance(heard_at, Instant):
        return False
    return heard_at - newest > _LATE_TICKS and now - heard_at < _JUST_NOW_TICKS


def _tells_states(push: Row | None) -> bool:
    """Whether push brings states at all: an operator can have chosen other types alone. `push` is as above."""
    newest = newest_told(push)
    if newest is None:
        return True  # it never told anything: nobody has push in order not to be told
    state_at = (push or {}).get(COLUMNS[EventType.CHARGER_STATE])
    return isinstance(state_at, Instant) and newest - state_at < _NOT_TOLD_TICKS


def _untold_state(witnessed: Witnessed, last_told_at: Instant | None) -> Instant | None:
    """Since when a state lasts that push did not tell, and nothing after it.

    What REST told when the charger was polled for the first time is how things were before anybody listened; that is
    by our clock, and eMabler's may be ahead. A state of the charger as a whole does not count: push tells of sockets.
    """
    first_polled = first_polled_at(witnessed.seen)
    if first_polled is None:
        return None
    begin = Instant(first_polled + MOST_AHEAD_TICKS)
    listened_since = max(begin, last_told_at) if last_told_at is not None else begin
    untold = [
        since
        for row in witnessed.statuses
        if row.get("source") == POLL
        and row.get("socket_id") is not None
        and isinstance(since := row.get("status_occurred_at"), Instant)
    ]
    return min((since for since in untold if since > listened_since), default=None)


def _silent_charging(witnessed: Witnessed, last_told_at: Instant | None) -> Instant | None:
    """Since when a socket charges without a word, where there would be measurements."""
    if last_told_at is None or "measurements_at" not in (witnessed.told or {}):
        return None
    if all(socket.status != CHARGING for socket in witnessed.charger.sockets):
        return None
    begun = [
        since
        for row in witnessed.statuses
        if row.get("status") == CHARGING and isinstance(since := row.get("status_occurred_at"), Instant)
    ]
    return max(last_told_at, min(begun)) if begun else None
