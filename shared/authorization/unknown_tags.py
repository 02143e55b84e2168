"""`UnknownTags`: the inbox of tags that were held to a reader and are in no list, for an operator to look through."""

from dataclasses import dataclass, field
from typing import ClassVar, Final

import orjson

from shared.authorization.tag_rows import tag_keys
from shared.instants import Instant
from shared.tables.store import Int64, Row

UNKNOWN_TAGS: Final = "UnknownTags"
MAX_CHARGERS: Final = 20
"""Chargers that a row names; it counts taps at more."""


@dataclass(slots=True)
class UnknownTagChange:
    """What a process has to add to the row of one unknown tag. It counts, so unlike the projections it is no set."""

    id_tag: str
    first_seen_at: Instant
    last_seen_at: Instant
    taps: int = 1
    charger_ids: set[str] = field(default_factory=set)
    table: ClassVar[str] = UNKNOWN_TAGS
    is_likely_new: ClassVar[bool] = False

    @classmethod
    def of_tap(cls, id_tag: str, charger_id: str, seen_at: Instant) -> "UnknownTagChange":
        """For one tap."""
        return cls(id_tag, seen_at, seen_at, charger_ids={charger_id})

    @property
    def partition_key(self) -> str:
        """A shard of the tag."""
        return tag_keys(self.id_tag)[0]

    @property
    def row_key(self) -> str:
        """The tag, escaped."""
        return tag_keys(self.id_tag)[1]

    def absorb(self, other: "UnknownTagChange") -> None:
        """Count what another change of the same tag counts."""
        self.taps += other.taps
        self.first_seen_at = min(self.first_seen_at, other.first_seen_at)
        self.last_seen_at = max(self.last_seen_at, other.last_seen_at)
        self.charger_ids |= other.charger_ids

    def merged(self, current: Row | None) -> Row:
        """The row with this change counted."""
        before = current or {}
        first_seen_at, last_seen_at, taps = (before.get(name) for name in ("first_seen_at", "last_seen_at", "taps"))
        charger_ids = sorted({*chargers_of(before), *self.charger_ids})[:MAX_CHARGERS]
        return {
            "PartitionKey": self.partition_key,
            "RowKey": self.row_key,
            "id_tag": self.id_tag,
            "first_seen_at": min(first_seen_at, self.first_seen_at)
            if isinstance(first_seen_at, Instant)
            else self.first_seen_at,
            "last_seen_at": max(last_seen_at, self.last_seen_at)
            if isinstance(last_seen_at, Instant)
            else self.last_seen_at,
            "taps": Int64(self.taps + (taps if isinstance(taps, int) else 0)),
            "chargers": orjson.dumps(charger_ids).decode(),
        }


def chargers_of(row: Row) -> list[str]:
    """The chargers that a row of the inbox names; none where they cannot be read."""
    try:
        found = orjson.loads(str(row.get("chargers", "[]")))
    except orjson.JSONDecodeError:
        return []
    return [str(charger_id) for charger_id in found] if isinstance(found, list) else []
