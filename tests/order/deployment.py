"""One operator's app over some tables, with every way into them: the queue, the webhook, polls."""

from collections.abc import Callable, Iterable
from itertools import count

from shared.errors import QueueUnavailable
from shared.ingest.ingest import Ingest, Outcome
from shared.ingest.rows import TRANSPORT_PROPERTY, Delivery
from shared.instants import TICKS_PER_SECOND, Instant
from shared.polling.chargers import Looking
from shared.polling.poller import Poller, PollPlan
from shared.polling.windows import Window
from shared.tables.store import Tables
from shared.webhook.reading import kind_of
from shared.webhook.webhook import QUEUE_REST_SECONDS, Webhook
from tests.support.fake_emabler import FakeEmabler
from tests.support.messages import within

SHARDS = 4
SILENCE_TICKS = 60 * 60 * TICKS_PER_SECOND
STORE_SECONDS = 20


class FakeQueue:
    """The operator's queue as the webhook sees it: takes an event, refuses it, or takes it and loses the answer."""

    def __init__(self) -> None:
        self.taken: list[bytes] = []
        self.takes = True
        self.answers = True

    async def send(self, body: bytes, patience_seconds: float) -> None:  # noqa: ARG002  # the protocol's
        """See `shared.webhook.webhook.Queue`."""
        if self.takes:
            self.taken.append(body)
        if not (self.takes and self.answers):
            raise QueueUnavailable("the test says so")


class Deployment:
    """The app's own classes as the handlers use them; `restart` forgets all that a process remembers."""

    def __init__(
        self, tables: Tables, api: FakeEmabler, now: Callable[[], Instant], queue: FakeQueue | None = None
    ) -> None:
        self.queue = queue or FakeQueue()
        self.tables = tables
        self._api = api
        self._now = now
        self._seconds = count(0, QUEUE_REST_SECONDS)  # so that a queue that failed is asked again with the next event
        self.restart()

    def restart(self) -> None:
        """A new process over the same tables, and the same queue."""
        self.ingest = Ingest(self.tables, SHARDS)
        self._webhook = Webhook(self.queue, lambda: self.ingest, lambda: float(next(self._seconds)))
        plan = PollPlan(Looking(SHARDS, SILENCE_TICKS), calls_per_run=1000)
        self._poller = Poller(self.tables, self._api, plan, self._now)

    async def service_bus(self, bodies: Iterable[bytes], transport: str = "servicebus") -> Outcome:
        """Hand over a batch, as `handlers/push_events.py` does."""
        properties = {TRANSPORT_PROPERTY: transport} if transport == "webhook" else None
        deliveries = [Delivery(body, transport, self._now(), properties) for body in bodies]
        return await self.ingest.store(deliveries, within(STORE_SECONDS))

    async def webhook(self, body: bytes) -> bool:
        """Deliver one body by HTTP, as `handlers/push_webhook.py` does; returns whether it was acknowledged."""
        return (await self._webhook.take(body, kind_of(body))).status == 200

    async def work_off_queue(self) -> None:
        """Hand over what the webhook put on the queue."""
        while self.queue.taken:
            bodies = self.queue.taken[:64]
            await self.service_bus(bodies, "webhook")
            del self.queue.taken[: len(bodies)]

    async def poll_chargers(self) -> None:
        """A run of the timer `poll_chargers`."""
        await self._poller.chargers()

    async def poll_sessions(self, window: Window | None = None) -> None:
        """A run of the timer `poll_statistics`, or of a window of one's own."""
        await self._poller.sessions(window)
