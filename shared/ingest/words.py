"""Whose word a row of the current state shows: push's newest, or REST's, where that is newer and another one (pure).

While REST's word is shown, the row keeps push's beside it. So what it shows hangs on the newest of each and on nothing
else, and not on which of the two was here first. REST's word is not kept where push's is shown: the next poll tells it
again.
"""

from typing import Final, NamedTuple

import orjson

from shared.events import Clock, Precedence
from shared.instants import TICKS_PER_SECOND, Instant
from shared.tables.store import EdmValue, Row

PUSH: Final = "push"
POLL: Final = "poll"
"""The `source` of a state that REST told and push did not."""

CONFIRMED_WITHIN_TICKS: Final = 15 * 60 * TICKS_PER_SECOND
"""How much later than push REST may date a state: where it does not say when one began, it is the charger's last
message."""

STATE_COLUMNS: Final = (
    "status",
    "error_code",
    "message",
    "status_device_at",
    "status_occurred_at",
    "status_clock",
    "status_event_id",
)
PUSHED_STATE: Final = "pushed_state"
"""The column that keeps push's state, as JSON, while REST's is shown."""

ONLINE: Final = "online"
OFFLINE: Final = "offline"

_POLLED_EVENT: Final = ""
"""In the place of an event id: before every digest, so at the same time push's word counts."""
_TIMES: Final = ("status_device_at", "status_occurred_at")


class Connection(NamedTuple):
    """Whether a charger is connected, as REST says, and when it had heard of it last."""

    word: str
    seen_at: Instant | None


def precedence_of(row: Row, part: str) -> Precedence:
    """Where the event that a part was told by stands in the order of events."""
    event_id = row.get(f"{part}_event_id")
    if not isinstance(event_id, str):
        return Precedence(False, Instant(-1), "")  # older than every event
    occurred_at = row.get(f"{part}_occurred_at")
    return Precedence(
        row.get(f"{part}_clock") == Clock.PLATFORM,
        occurred_at if isinstance(occurred_at, Instant) else Instant(0),
        event_id,
    )


def told_by_poll(status: str, told_at: Instant | None) -> Row:
    """The columns of a state that REST tells; without a time it is older than everything that push told."""
    return {
        "status": status,
        "status_occurred_at": told_at,
        "status_clock": str(Clock.PLATFORM if told_at is not None else Clock.NONE),
        "status_event_id": _POLLED_EVENT,
    }


def pushed_state(row: Row) -> Row:
    """The columns of push's newest state, whether the row shows it or not; none where push told none."""
    if row.get("source") != POLL:
        return _state(row)
    kept = row.get(PUSHED_STATE)
    try:
        columns = orjson.loads(kept) if isinstance(kept, str) else {}
        return columns | {name: Instant.from_iso(columns[name]) for name in _TIMES if name in columns}
    except (ValueError, TypeError):  # spoiled by somebody; the next push or a rebuild makes it good
        return {}


def polled_state(row: Row) -> Row:
    """The columns of REST's state where the row shows it; none otherwise."""
    return _state(row) if row.get("source") == POLL else {}


def show_state(row: dict[str, EdmValue], pushed: Row, polled: Row) -> None:
    """Let a row show the one of both, as `pushed_state` and `polled_state` give them, that counts.

    The newer one does; and push's, where REST tells the same state a little later: then a poll was quicker than push.
    """
    by_poll = bool(polled) and precedence_of(polled, "status") > precedence_of(pushed, "status")
    by_poll = by_poll and not _is_same_state(pushed, polled)
    shown = polled if by_poll else pushed
    row |= {name: shown.get(name) for name in STATE_COLUMNS}
    row |= {"source": POLL if by_poll else PUSH, PUSHED_STATE: _json(pushed) if by_poll and pushed else None}


def pushed_connection(row: Row) -> str | None:
    """Whether the charger was connected when push told of it last; None where it never did."""
    shown = row.get("connection")
    if row.get("last_event_id") is None or not isinstance(shown, str):
        return None
    if polled_connection(row) is None:
        return shown
    return OFFLINE if shown == ONLINE else ONLINE  # REST's word is shown only where push's is the other one


def polled_connection(row: Row) -> Connection | None:
    """What REST says of the connection, where the row shows it; None otherwise."""
    seen_at, shown = row.get("connection_seen_at"), row.get("connection")
    is_polled = isinstance(seen_at, Instant) or row.get("last_event_id") is None
    if not is_polled or not isinstance(shown, str):
        return None
    return Connection(shown, seen_at if isinstance(seen_at, Instant) else None)


def show_connection(row: dict[str, EdmValue], pushed: str | None, polled: Connection | None) -> None:
    """Let a row, whose newest event is in place already, show the one of both that counts.

    What REST has heard counts by the platform's clock, and at the same time as an event more than that.
    """
    by_poll = polled is not None and polled.word != pushed
    if polled is not None and pushed is not None:
        heard = Precedence(polled.seen_at is not None, polled.seen_at or Instant(0), "")
        by_poll = by_poll and heard >= precedence_of(row, "last")._replace(event_id="")
    if polled is not None and by_poll:
        row |= {"connection": polled.word, "connection_seen_at": polled.seen_at}
    else:
        row |= {"connection": pushed, "connection_seen_at": None}


def _is_same_state(pushed: Row, polled: Row) -> bool:
    if pushed.get("status") != polled["status"] or pushed.get("status_clock") != Clock.PLATFORM:
        return False
    pushed_at, polled_at = pushed.get("status_occurred_at"), polled.get("status_occurred_at")
    return (
        isinstance(pushed_at, Instant)
        and isinstance(polled_at, Instant)
        and polled_at - pushed_at <= CONFIRMED_WITHIN_TICKS
    )


def _state(row: Row) -> Row:
    if row.get("status") is None:
        return {}
    return {name: value for name in STATE_COLUMNS if (value := row.get(name)) is not None}


def _json(state: Row) -> str:
    told = {name: value for name, value in state.items() if value is not None}
    written = {name: value.iso if isinstance(value, Instant) else value for name, value in told.items()}
    return orjson.dumps(written, option=orjson.OPT_SORT_KEYS).decode()
