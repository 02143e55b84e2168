"""All entities of a namespace, and the way of a sent message to its queues."""

import time
from collections.abc import Callable, Sequence

from local.servicebus.amqp.sections import MessageContent
from local.servicebus.engine.duplicates import DuplicateHistory
from local.servicebus.engine.errors import EntityNotFoundError
from local.servicebus.engine.messages import MESSAGE_ID
from local.servicebus.engine.queue import DEAD_LETTER_SUFFIX, Queue
from local.servicebus.engine.settings import (
    CorrelationFilter,
    QueueSettings,
    SubscriptionSettings,
    TopicSettings,
    Topology,
)

# Dead letters of dead letters do not exist, so they may be given back without limit and never expire.
_DEAD_LETTER_MAX_DELIVERY_COUNT = 2**31


def matches(correlation_filter: CorrelationFilter, content: MessageContent) -> bool:
    """Say whether a message has every value the filter names."""
    application_properties = content.application_properties() if correlation_filter.application_properties else {}
    return all(
        content.property_value(position) == wanted for position, wanted in correlation_filter.system_properties.items()
    ) and all(
        application_properties.get(name) == wanted for name, wanted in correlation_filter.application_properties.items()
    )


def takes(subscription: SubscriptionSettings, content: MessageContent) -> bool:
    """Say whether a subscription gets a message."""
    return not subscription.filters or any(matches(one, content) for one in subscription.filters)


class Topic:
    """Copies every message to the subscriptions whose filters take it."""

    def __init__(
        self, settings: TopicSettings, clock: Callable[[], float], subscriptions: dict[Queue, SubscriptionSettings]
    ) -> None:
        """Make a topic with one queue per subscription."""
        self.settings = settings
        self._clock = clock
        self._subscriptions = subscriptions
        self._duplicates = DuplicateHistory(settings.duplicate_detection_window_seconds)

    def enqueue(self, contents: Sequence[MessageContent]) -> list[int | None]:
        """Copy messages to the subscriptions, all or none; a topic has no sequence numbers, so all are None.

        Raises EntityFullError.
        """
        now = self._clock()
        for queue in self._subscriptions:
            queue.require_room_for(contents)
        unseen = [
            content
            for content in contents
            if not self._duplicates.is_duplicate(content.property_value(MESSAGE_ID), now)
        ]
        for queue, subscription in self._subscriptions.items():
            queue.enqueue([content for content in unseen if takes(subscription, content)])
        return [None] * len(contents)


class Namespace:
    """Queues, topics and subscriptions by path; paths are compared without regard to case, as Service Bus does."""

    def __init__(
        self,
        topology: Topology,
        clock: Callable[[], float] = time.time,
        on_available: Callable[[Queue], None] = lambda _queue: None,
    ) -> None:
        """Make every entity of the topology, empty; `on_available` hears which queue has something to deliver."""
        self._clock = clock
        self._on_available = on_available
        self._queues: dict[str, Queue] = {}
        self._topics: dict[str, Topic] = {}
        for queue in topology.queues:
            self._add_queue(queue.name, queue)
        for topic in topology.topics:
            self._add_topic(topic)

    def queue(self, path: str) -> Queue:
        """Return the queue, subscription or dead-letter queue at this path; raises EntityNotFoundError."""
        queue = self._queues.get(path.lower())
        if queue is None:
            raise EntityNotFoundError(path)
        return queue

    def entity(self, path: str) -> Queue | Topic:
        """Return whatever is at this path; raises EntityNotFoundError."""
        return self._topics.get(path.lower()) or self.queue(path)

    def destination(self, path: str) -> Queue | Topic:
        """Return the queue or topic that messages are sent to; raises EntityNotFoundError.

        A subscription or a dead-letter queue is filled by the broker only, so it is no destination.
        """
        if "/" in path:
            raise EntityNotFoundError(path)
        return self.entity(path)

    def advance_time(self) -> None:
        """Let every queue do what is due by now."""
        for queue in self._queues.values():
            queue.advance_time()

    def _add_queue(self, path: str, settings: QueueSettings) -> Queue:
        dead_letter_settings = QueueSettings(
            name=path + DEAD_LETTER_SUFFIX,
            lock_duration_seconds=settings.lock_duration_seconds,
            max_delivery_count=_DEAD_LETTER_MAX_DELIVERY_COUNT,
        )
        dead_letters = self._make_queue(dead_letter_settings.name, dead_letter_settings)
        return self._make_queue(path, settings, dead_letters)

    def _make_queue(self, path: str, settings: QueueSettings, dead_letters: Queue | None = None) -> Queue:
        queue = Queue(path, settings, self._clock, self._on_available, dead_letters)
        self._queues[path.lower()] = queue
        return queue

    def _add_topic(self, settings: TopicSettings) -> None:
        prefix = f"{settings.name}/Subscriptions/"
        subscriptions = {
            self._add_queue(prefix + subscription.queue.name, subscription.queue): subscription
            for subscription in settings.subscriptions
        }
        self._topics[settings.name.lower()] = Topic(settings, self._clock, subscriptions)
