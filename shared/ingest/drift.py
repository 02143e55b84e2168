"""`Drift`: what is new in the vendor's messages, counted for each day, with the first sample of each.

New fields, types and states are what breaks integrations. None of them is an error here; but somebody should see them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from shared.events import Event, Novelty
from shared.instants import Instant
from shared.tables.keys import UNDATED, escape
from shared.tables.store import Int64, Row

DRIFT = "Drift"

MAX_ROWS_A_DAY = 300
"""A sender gone wild must not fill a table: beyond this, new kinds of novelty share one row a day."""

OVERFLOW_KEY = "overflow"


@dataclass(slots=True)
class DriftChange:
    """How often a batch met one novelty on one day. Only events stored for the first time are counted."""

    partition_key: str
    row_key: str
    novelty: Novelty
    first_event: Event
    count: int = 1
    table: str = DRIFT
    is_likely_new: bool = False
    events: Sequence[Event] = field(default=())

    def merged(self, current: Row | None) -> Row | None:
        """The row with the count raised; the sample stays that of the first."""
        counted = (current or {}).get("count")
        row: Row = current or {
            "kind": str(self.novelty.kind),
            "name": self.novelty.name,
            "sample": self.novelty.sample,
            "sample_event_id": self.first_event.event_id,
            "sample_charger_id": self.first_event.charger_id,
            "sample_event_type": str(self.first_event.event_type),
            "first_seen_at": Instant.now(),
        }
        return {
            "PartitionKey": self.partition_key,
            "RowKey": self.row_key,
            **row,
            "count": Int64(self.count + (counted if isinstance(counted, int) else 0)),
        }


def drift_changes(events: Sequence[Event]) -> list[DriftChange]:
    """What a batch of new events adds to `Drift`, one change for each day and novelty."""
    changes: dict[tuple[str, str], DriftChange] = {}
    for event in events:
        day = event.occurred_at.day if event.occurred_at is not None else UNDATED
        for key, novelty in {f"{item.kind}!{escape(item.name)}": item for item in event.novelties}.items():
            change = changes.get((day, key))
            if change is None:
                changes[day, key] = DriftChange(day, key, novelty, event)
            else:
                change.count += 1
    return list(changes.values())
