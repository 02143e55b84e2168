"""What REST said last of each charger: one row in `PollState`, written anew by every poll (pure)."""

from typing import Final

from shared.emabler.rest.answers import ChargerSeen
from shared.instants import Instant
from shared.tables.keys import POLL_STATE, escape, seen_partition, shard
from shared.tables.store import EdmValue, Row, TableRow

_POLLED_AT: Final = "polled_at"


def seen_row(charger: ChargerSeen, asked_at: Instant, before: Row | None, shards: int) -> TableRow:
    """The row of a charger; `before` is what it was, for when the charger was polled for the first time."""
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
        "name": charger.name,
        "site_id": charger.site_id,
        "charger_model": charger.model,
        "manufacturer": charger.manufacturer,
        "firmware_version": charger.firmware_version,
        "is_push_enabled": charger.is_push_enabled,
    }
    return TableRow(POLL_STATE, columns)


def polled_at(seen: Row | None) -> Instant:
    """When the charger was polled last; for one that never was, the beginning of time."""
    at = (seen or {}).get(_POLLED_AT)
    return at if isinstance(at, Instant) else Instant(0)


def first_polled_at(seen: Row | None) -> Instant | None:
    """When the charger was polled for the first time; None for one that never was."""
    at = (seen or {}).get("first_polled_at")
    return at if isinstance(at, Instant) else None
