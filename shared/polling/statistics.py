"""v1's `GET statistics`, kept as it comes: its shape is not documented, so nothing is made of it (pure)."""

import hashlib
from dataclasses import dataclass
from typing import Final

from shared.instants import Instant
from shared.tables.bodies import StoredBody, store_body
from shared.tables.store import Row

STATISTICS: Final = "Statistics"
STATISTICS_BODIES: Final = "LargeBodiesStatistics"


@dataclass(slots=True)
class StatisticsChange:
    """An answer, once for each day however often it comes."""

    raw: bytes
    asked_at: Instant
    table: str = STATISTICS
    is_likely_new: bool = True

    @property
    def partition_key(self) -> str:
        """The day it came."""
        return self.asked_at.day

    @property
    def row_key(self) -> str:
        """What it says, as a digest."""
        return hashlib.sha256(self.raw).hexdigest()

    @property
    def body(self) -> StoredBody:
        """As it is kept, and the rows it needs elsewhere should it be very large."""
        return store_body(self.raw, STATISTICS_BODIES)

    def merged(self, current: Row | None) -> Row | None:
        """The same with when it came first and last."""
        return {
            "PartitionKey": self.partition_key,
            "RowKey": self.row_key,
            "first_polled_at": (current or {}).get("first_polled_at", self.asked_at),
            "last_polled_at": self.asked_at,
            **self.body.columns,
        }
