"""What a polled charger changes in `ChargerStatus`: the same rows as push, by the same newest-wins rule (pure).

Push is believed where it is newer, and where REST says the same. A state that REST tells is as old as REST says the
state is (v2: the socket's `lastUpdated`), or as the charger's last message (v1 tells no other time): so an event that
eMabler received after that wins over it, whenever it arrives.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from shared.emabler.rest.answers import ChargerSeen
from shared.events import ChargerState
from shared.ingest.status import MAIN_CONTROLLER
from shared.ingest.words import (
    OFFLINE,
    ONLINE,
    POLL,
    Connection,
    polled_connection,
    polled_state,
    precedence_of,
    pushed_connection,
    pushed_state,
    show_connection,
    show_state,
    told_by_poll,
)
from shared.instants import TICKS_PER_SECOND, Instant
from shared.polling.seen import states_told
from shared.tables.keys import CHARGER_STATUS, charger_row_key, shard, socket_row_key
from shared.tables.store import EdmValue, Row

MOST_AHEAD_TICKS: Final = 120 * TICKS_PER_SECOND
"""How far eMabler's clock may be ahead of ours; a time beyond that would keep later states out for as long."""


@dataclass(slots=True)
class PolledStatus:
    """What REST says of one charger or socket: its state, since when at the latest, and whether it is connected."""

    partition_key: str
    row_key: str
    charger_id: str
    socket_id: str | None
    status: str | None
    told_at: Instant | None
    seen_at: Instant | None
    is_connected: bool | None
    site_id: str | None
    other_told_at: Instant | None = None
    """When a poll told another state last; None for never. This one may have begun at any time after that."""
    table: str = CHARGER_STATUS
    is_likely_new: bool = False

    def merged(self, current: Row | None) -> Row | None:
        """The row after that; None where it says so already, or something newer."""
        row: dict[str, EdmValue] = {
            "PartitionKey": self.partition_key,
            "RowKey": self.row_key,
            "charger_id": self.charger_id,
            "source": POLL,
        }
        if (current or {}).get("last_event_id") is None:  # else these are the newest event's, also where it names none
            row |= {"socket_id": self.socket_id, "site_id": self.site_id}
        row |= {name: value for name, value in (current or {}).items() if value is not None}
        before = {name: value for name, value in row.items() if value is not None}
        if ChargerState(self.status).is_state:
            self._show_state(row)
        if self.is_connected is not None:
            self._show_connection(row)
        has_changed = before != {name: value for name, value in row.items() if value is not None}
        return row if current is None or has_changed else None

    def _show_state(self, row: dict[str, EdmValue]) -> None:
        pushed, shown = pushed_state(row), polled_state(row)
        told = told_by_poll(str(self.status), self.told_at)
        if self.status == pushed.get("status") and self._may_have_begun(pushed.get("status_occurred_at")):
            show_state(row, pushed, {})
        elif self.status != row.get("status") and precedence_of(told, "status") >= precedence_of(shown, "status"):
            show_state(row, pushed, told)

    def _may_have_begun(self, at: EdmValue) -> bool:
        """Whether the state may be the one that push says began then: no poll told another state since."""
        return self.other_told_at is None or (isinstance(at, Instant) and at >= self.other_told_at)

    def _show_connection(self, row: dict[str, EdmValue]) -> None:
        shown, word = polled_connection(row), ONLINE if self.is_connected else OFFLINE
        if shown is None or shown.word != word:
            show_connection(row, pushed_connection(row), Connection(word, self.seen_at))


def polled_statuses(
    charger: ChargerSeen, asked_at: Instant, shards: int, seen: Row | None = None
) -> Iterator[PolledStatus]:
    """The changes that a polled charger makes; `asked_at` is when REST was asked, by our clock.

    `seen` is the row of what the poll before saw.
    """
    partition_key = shard(charger.charger_id, shards)
    told_states = states_told(charger, asked_at, seen)
    seen_at = _bounded(charger.last_seen_at, asked_at)

    def status(socket_id: str | None, word: str | None, told_at: Instant | None) -> PolledStatus:
        is_socket = socket_id not in (None, MAIN_CONTROLLER)
        return PolledStatus(
            partition_key=partition_key,
            row_key=socket_row_key(charger.charger_id, str(socket_id))
            if is_socket
            else charger_row_key(charger.charger_id),
            charger_id=charger.charger_id,
            socket_id=socket_id,
            status=word,
            told_at=told_at,
            seen_at=seen_at,
            is_connected=charger.is_connected,
            site_id=charger.site_id,
            other_told_at=told_states[socket_id].other_told_at if socket_id in told_states else None,
        )

    if all(socket.socket_id != MAIN_CONTROLLER for socket in charger.sockets):
        yield status(None, None, seen_at)  # REST sums the sockets' states up; the controller's own is another thing
    for socket in {socket.socket_id: socket for socket in charger.sockets}.values():
        yield status(socket.socket_id, socket.status, _bounded(socket.updated_at, asked_at) or seen_at)


def _bounded(told_at: Instant | None, asked_at: Instant) -> Instant | None:
    """A time of eMabler's, not far beyond ours."""
    return None if told_at is None else min(told_at, Instant(asked_at + MOST_AHEAD_TICKS))
