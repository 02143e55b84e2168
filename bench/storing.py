"""Messages into ingest, batch after batch, as the queue's trigger hands them over."""

from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar

from shared.deadlines import Deadline
from shared.ingest.ingest import Ingest
from shared.ingest.rows import Delivery
from shared.instants import Instant

BATCH_SIZE = 64
SHARDS = 4
DEADLINE_SECONDS = 120.0

Item = TypeVar("Item")


def delivered(bodies: Iterable[bytes]) -> list[Delivery]:
    """Messages as they come from the queue, all now."""
    now = Instant.now()
    return [Delivery(body, "servicebus", now) for body in bodies]


def batches_of(items: Sequence[Item], size: int) -> Iterator[Sequence[Item]]:
    """The items in order, that many at a time."""
    for start in range(0, len(items), size):
        yield items[start : start + size]


async def store_all(ingest: Ingest, deliveries: Sequence[Delivery], batch_size: int = BATCH_SIZE) -> None:
    """Store the deliveries, one batch after the other."""
    for batch in batches_of(deliveries, batch_size):
        await ingest.store(batch, Deadline.after(DEADLINE_SECONDS))
