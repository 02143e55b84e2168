"""What REST said last of each charger: one row in `PollState`, written anew by every poll (pure)."""

from collections.abc import Mapping
from typing import Final, NamedTuple

import orjson

from shared.emabler.rest.answers import ChargerSeen
from shared.instants import Instant
from shared.tables.keys import POLL_STATE, escape, seen_partition, shard
from shared.tables.store import EdmValue, Row, TableRow

_POLLED_AT: Final = "polled_at"
_FAILED_AT: Final = "failed_at"
_STATES: Final = "states"


def seen_row(
    charger: ChargerSeen, asked_at: Instant, before: Row | None, untold: Mapping[str, EdmValue], shards: int
) -> TableRow:
    """The row of a charger; `before` is what it was, for when the charger was polled for the first time.

    `untold` are columns about what push has not told, for the next poll.
    """
    first_polled_at = (before or {}).get("first_polled_at", asked_at)
    columns: dict[str, EdmValue] = {
        "PartitionKey": seen_partition(shard(charger.charger_id, shards)),
        "RowKey": escape(charger.charger_id),
        "charger_id": charger.charger_id,
        "first_polled_at": first_polled_at,
        _POLLED_AT: asked_at,
        "is_connected": charger.is_connected,
        "last_seen_at": charger.last_seen_at,
        "status": charger.status,
        "sockets": len(charger.sockets),
        _STATES: _json(states_told(charger, asked_at, before)),
        "name": charger.name,
        "site_id": charger.site_id,
        "charger_model": charger.model,
        "manufacturer": charger.manufacturer,
        "firmware_version": charger.firmware_version,
        "is_push_enabled": charger.is_push_enabled,
        **untold,
    }
    return TableRow(POLL_STATE, columns)


class StateTold(NamedTuple):
    """What REST says that a socket does, as of when, and when it said something else last; None for never."""

    status: str
    told_at: Instant
    other_told_at: Instant | None


def states_told(charger: ChargerSeen, asked_at: Instant, before: Row | None) -> dict[str, StateTold]:
    """By socket, the state that REST tells now; a time of eMabler's is never later than ours.

    `before` is the row of what the poll before saw; a socket that was not there then is told of for the first time.
    """
    states = _read_states(before)
    for socket in charger.sockets:
        if socket.status is None:
            continue
        told_at = min(socket.updated_at or charger.last_seen_at or asked_at, asked_at)
        known = states.get(socket.socket_id)
        other_told_at = None
        if known is not None:
            other_told_at = known.other_told_at if known.status == socket.status else known.told_at
        states[socket.socket_id] = StateTold(socket.status, told_at, other_told_at)
    return states


def failed_row(charger_id: str, asked_at: Instant, before: Row | None, shards: int) -> TableRow:
    """The row of a charger that was asked for and gave no answer: the next run asks for others first."""
    columns: dict[str, EdmValue] = {
        **(before or {}),
        "PartitionKey": seen_partition(shard(charger_id, shards)),
        "RowKey": escape(charger_id),
        "charger_id": charger_id,
        _FAILED_AT: asked_at,
    }
    return TableRow(POLL_STATE, columns)


def asked_at(seen: Row | None) -> Instant:
    """When the charger was asked for last, with an answer or without; for one that never was, the beginning of time."""
    at = (seen or {}).get(_FAILED_AT)
    return max(polled_at(seen), at if isinstance(at, Instant) else Instant(0))


def polled_at(seen: Row | None) -> Instant:
    """When the charger was polled last; for one that never was, the beginning of time."""
    at = (seen or {}).get(_POLLED_AT)
    return at if isinstance(at, Instant) else Instant(0)


def first_polled_at(seen: Row | None) -> Instant | None:
    """When the charger was polled for the first time; None for one that never was."""
    at = (seen or {}).get("first_polled_at")
    return at if isinstance(at, Instant) else None


def _read_states(seen: Row | None) -> dict[str, StateTold]:
    """What the poll before wrote down; nothing where somebody spoiled it."""
    written = (seen or {}).get(_STATES)
    try:
        kept = orjson.loads(written) if isinstance(written, str) else {}
        return {
            socket_id: StateTold(status, Instant.from_iso(told_at), Instant.from_iso(other) if other else None)
            for socket_id, (status, told_at, other) in kept.items()
        }
    except (ValueError, TypeError, AttributeError):
        return {}


def _json(states: Mapping[str, StateTold]) -> str | None:
    written = {
        socket_id: [told.status, told.told_at.iso, told.other_told_at.iso if told.other_told_at is not None else None]
        for socket_id, told in states.items()
    }
    return orjson.dumps(written, option=orjson.OPT_SORT_KEYS).decode() if written else None
