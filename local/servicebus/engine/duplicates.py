"""Duplicate detection: which message ids an entity has seen within its window."""

from collections import deque


class DuplicateHistory:
    """Message ids of the last `window_seconds`, counted from when each was first seen.

    Service Bus accepts a duplicate and drops it, so the sender is never told.
    Source: "Duplicate detection" in Microsoft's Service Bus documentation.
    """

    def __init__(self, window_seconds: float | None) -> None:
        """Remember ids for `window_seconds`; None switches the detection off."""
        self._window_seconds = window_seconds
        self._seen: set[object] = set()
        self._expiries: deque[tuple[float, object]] = deque()

    def is_duplicate(self, message_id: object, now: float) -> bool:
        """Say whether the id was seen within the window, and remember it where it was not."""
        if self._window_seconds is None or message_id is None:
            return False
        while self._expiries and self._expiries[0][0] <= now:
            self._seen.discard(self._expiries.popleft()[1])
        if message_id in self._seen:
            return True
        self._seen.add(message_id)
        self._expiries.append((now + self._window_seconds, message_id))
        return False
