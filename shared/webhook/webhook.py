"""The webhook: an event is acknowledged only once it is safe, on the queue or in the tables.

    queue --cannot--> ingest, here and now --cannot--> 503: eMabler brings it again

The queue comes first because it takes an event in a moment and keeps it through an outage of storage. It may hold an
event that is stored here, too, where its answer was lost: the same event is one event, however it comes.
"""

import logging
import time
from collections.abc import Callable
from typing import Final, Protocol

from shared import telemetry
from shared.answers import NOT_SAFE, HttpAnswer
from shared.deadlines import Deadline
from shared.errors import EmablerError, QueueUnavailable, Unacceptable
from shared.ingest.ingest import Outcome
from shared.ingest.rows import Delivery
from shared.instants import Instant
from shared.webhook.reading import Kind

QUEUE_SECONDS: Final = 4.0
STORE_SECONDS: Final = 8.0
QUEUE_REST_SECONDS: Final = 10.0
"""How long a queue that failed is left alone: else every event of an outage waited for it."""

ACCEPTED: Final = HttpAnswer(200, b'{"status":"accepted"}')
ACCEPTED_AND_NO: Final = HttpAnswer(200, b'{"status":"accepted","charging_allowed":false}')
"""For what is no JSON, or no event that we know: it is kept; and had it been a tap, it must not become a yes."""

_log = logging.getLogger(__name__)


class Queue(Protocol):
    """Where events go first; see `shared.webhook.queue.EventQueue`."""

    async def send(self, body: bytes, patience_seconds: float) -> None:
        """Put a body on the queue. Raises QueueUnavailable, or Unacceptable for one that it never takes."""
        ...


class Store(Protocol):
    """Where they go else; see `shared.ingest.ingest.Ingest`."""

    async def store(self, deliveries: list[Delivery], deadline: Deadline) -> Outcome:
        """Store deliveries. Raises GiveBack or ConfigurationError where that cannot be done now."""
        ...


class Webhook:
    """Takes events that eMabler delivers by HTTP; one serves a process. `queue` is None where there is none."""

    def __init__(
        self, queue: Queue | None, store: Callable[[], Store], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._queue = queue
        self._store = store
        self._clock = clock
        self._queue_rests_until_seconds = 0.0

    async def take(self, body: bytes, kind: Kind) -> HttpAnswer:
        """Keep an authenticated body, which is no tap, and answer. Raises nothing that it can foresee."""
        begun_seconds = self._clock()
        with telemetry.span("take delivery"):
            way = await self._keep(body)
        telemetry.WEBHOOK_DELIVERIES.record(outcome=way or "not-kept")
        _log.info("webhook kind=%s way=%s duration_ms=%.1f", kind.name, way, (self._clock() - begun_seconds) * 1000)
        if way is None:
            return NOT_SAFE
        return ACCEPTED if kind is Kind.EVENTS else ACCEPTED_AND_NO

    async def _keep(self, body: bytes) -> str | None:
        """Where the body is safe now, `queue` or `tables`; None where nothing took it."""
        if self._queue is not None and self._clock() >= self._queue_rests_until_seconds:
            try:
                await self._queue.send(body, QUEUE_SECONDS)
            except QueueUnavailable as error:
                self._queue_rests_until_seconds = self._clock() + QUEUE_REST_SECONDS
                _log.warning("webhook stores events itself for %.0f s: %s", QUEUE_REST_SECONDS, error)
            except Unacceptable as error:
                _log.info("webhook stores an event itself: %s", error)
            except EmablerError as error:
                _log.error("webhook cannot use the queue: %s", error)
            else:
                return "queue"
        try:
            delivery = Delivery(body, "webhook", Instant.now())
            await self._store().store([delivery], Deadline.after(STORE_SECONDS))
        except EmablerError as error:
            _log.error("webhook could not keep an event error=%s: %s", type(error).__name__, error)
            return None
        return "tables"
