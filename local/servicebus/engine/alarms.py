"""Which message needs a look at what time."""

import heapq
from collections.abc import Container, Iterator

_SPARE_ENTRIES = 1000


class Alarms:
    """A heap of (time, sequence number).

    An alarm is only a reason to look: a lock that was renewed or settled in time leaves its alarm behind, and the
    queue decides by the message's own times when it rings.
    """

    def __init__(self) -> None:
        self._heap: list[tuple[float, int]] = []

    def set(self, at: float, sequence_number: int) -> None:
        """Ring for this message at this time (seconds since 1970)."""
        heapq.heappush(self._heap, (at, sequence_number))

    def due(self, now: float) -> Iterator[int]:
        """Yield and forget the sequence numbers whose time has come."""
        while self._heap and self._heap[0][0] <= now:
            yield heapq.heappop(self._heap)[1]

    def forget_absent(self, present: Container[int], present_count: int) -> None:
        """Drop the alarms of messages that are gone, once they are most of the heap.

        Without this a steady stream would keep one alarm per message for its whole time to live.
        """
        if len(self._heap) > 4 * present_count + _SPARE_ENTRIES:
            self._heap = [entry for entry in self._heap if entry[1] in present]
            heapq.heapify(self._heap)
