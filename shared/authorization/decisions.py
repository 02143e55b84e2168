"""`AuthDecisions{yyyyMM}`: every answer to a tap, with the rule that gave it."""

import os
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from shared.authorization.rules import Decision
from shared.instants import Instant
from shared.tables.keys import day_partition, decision_row_key, month_table
from shared.tables.store import TableRow

AUTH_DECISIONS: Final = "AuthDecisions"


class Source(StrEnum):
    """Where the answer came from."""

    LIVE = "live"  # storage was asked
    CACHE = "cache"  # remembered, and fresh enough
    STALE = "stale"  # remembered for longer, because storage failed
    DEADLINE = "deadline"  # no answer in time: REALTIME_AUTH_ON_FAILURE decided


@dataclass(frozen=True, slots=True)
class Decided:
    """One answer. `id_tag` is canonical where it is a tag at all; `list_table` is the list that was looked into."""

    charger_id: str
    id_tag: str
    decision: Decision
    source: Source
    decided_at: Instant
    latency_seconds: float
    list_table: str | None = None
    decision_id: str = field(default_factory=lambda: os.urandom(16).hex())
    """Two taps may come in the same microsecond, and a row is written again where the answer to its write is lost."""


def decision_row(decided: Decided, shards: int) -> TableRow:
    """The answer's row."""
    when = decided.decided_at
    return TableRow(
        month_table(AUTH_DECISIONS, when),
        {
            "PartitionKey": day_partition(when, decided.charger_id, shards),
            "RowKey": decision_row_key(decided.charger_id, when, decided.decision_id),
            "charger_id": decided.charger_id,
            "id_tag": decided.id_tag,
            "allowed": decided.decision.is_allowed,
            "reason": decided.decision.reason,
            "rule": decided.decision.rule,
            "source": decided.source,
            "decided_at": when,
            "latency_ms": round(decided.latency_seconds * 1000, 3),
            "list_table": decided.list_table,
        },
    )
