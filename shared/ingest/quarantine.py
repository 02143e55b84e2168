"""`Quarantine`: what could not be understood, or that storage will never take, kept whole with the reason.

A batch is settled as a whole, so one bad message must not fail it, and must not be lost either
(docs/decisions/0004-quarantine-not-dead-letter.md).
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from shared.errors import Unacceptable
from shared.events import Event
from shared.ingest.rows import Delivery
from shared.tables.bodies import LARGE_BODIES, StoredBody, store_body
from shared.tables.store import EdmValue, Int64, Row

QUARANTINE = "Quarantine"
QUARANTINED_BODIES = f"{LARGE_BODIES}Quarantine"
"""Apart from the month tables, because retention takes no row of quarantine."""
_MAX_REASON_LENGTH = 500


@dataclass(slots=True)
class QuarantineChange:
    """One message, or one event of it, that goes to quarantine. Its id is its event id, or the SHA-256 of its body."""

    raw: bytes
    event_id: str
    reason: str
    explanation: str
    delivery: Delivery
    charger_id: str | None = None
    arrivals: int = 1
    table: ClassVar[str] = QUARANTINE
    is_likely_new: ClassVar[bool] = True
    events: ClassVar[Sequence[Event]] = ()

    @classmethod
    def of_body(cls, raw: bytes, error: Unacceptable, delivery: Delivery) -> "QuarantineChange":
        """For a body that is no event."""
        return cls(raw, hashlib.sha256(raw).hexdigest(), error.reason, str(error), delivery)

    @classmethod
    def of_event(cls, event: Event, error: Unacceptable, delivery: Delivery) -> "QuarantineChange":
        """For an event that was understood and yet cannot be stored."""
        return cls(event.raw, event.event_id, error.reason, str(error), delivery, event.charger_id)

    @property
    def partition_key(self) -> str:
        """The day it came."""
        return self.delivery.received_at.day

    @property
    def row_key(self) -> str:
        """Its id."""
        return self.event_id

    @property
    def body(self) -> StoredBody:
        """The body as it is kept, and the rows it needs elsewhere should it be very large."""
        return store_body(self.raw, QUARANTINED_BODIES)

    def merged(self, current: Row | None) -> Row | None:
        """The same with its arrivals counted; so unlike the projections this row tells repeats from the original."""
        deliveries = (current or {}).get("deliveries")
        row: dict[str, EdmValue] = {
            "PartitionKey": self.partition_key,
            "RowKey": self.row_key,
            "reason": self.reason,
            "explanation": self.explanation[:_MAX_REASON_LENGTH],
            "charger_id": self.charger_id or None,
            "transport": self.delivery.transport,
            "first_received_at": (current or {}).get("first_received_at", self.delivery.received_at),
            "last_received_at": self.delivery.received_at,
            "deliveries": self.arrivals + (deliveries if isinstance(deliveries, int) else 0),
        }
        return row | self._position_columns(current) | self.body.columns

    def _position_columns(self, current: Row | None) -> dict[str, EdmValue]:
        """Where Kafka has the message; of one that came twice, where it came from last."""
        position = self.delivery.position
        if position is None:
            return {name: (current or {}).get(name) for name in ("topic", "partition", "offset")}
        return {"topic": position.topic, "partition": position.partition, "offset": Int64(position.offset)}
