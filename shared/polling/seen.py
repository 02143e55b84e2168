"""What REST said last of each charger: one row in `PollState`, written anew by every poll (pure)."""

from collections.abc import Mapping
from typing import Final

import orjson

from shared.emabler.rest.answers import ChargerSeen
from shared.instants import Instant
from shared.tables.keys import POLL_STATE, escape, seen_partition, shard
from shared.tables.store import EdmValue, Row, TableRow

_POLLED_AT: Final = "polled_at"
_FAILED_AT: Final = "failed_at"
_FIRST_STATES: Final = "first_states"


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
        _FIRST_STATES: _json(states_first_told(charger, before)),
        "name": charger.name,
        "site_id": charger.site_id,
        "charger_model": charger.model,
        "manufacturer": charger.manufacturer,
        "firmware_version": charger.firmware_version,
        "is_push_enabled": charger.is_push_enabled,
        **untold,
    }
    return TableRow(POLL_STATE, columns)


def states_first_told(charger: ChargerSeen, before: Row | None) -> dict[str, str | None]:
    """By socket, the state that REST told first of it; None once it has told another.

    `before` is the row of what the poll before saw; a socket that was not there then is told of for the first time.
    """
    written = (before or {}).get(_FIRST_STATES)
    first: dict[str, str | None] = orjson.loads(written) if isinstance(written, str) else {}
    for socket in charger.sockets:
        if socket.status is not None and first.setdefault(socket.socket_id, socket.status) != socket.status:
            first[socket.socket_id] = None
    return first


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


def _json(states: Mapping[str, str | None]) -> str | None:
    return orjson.dumps(states, option=orjson.OPT_SORT_KEYS).decode() if states else None
