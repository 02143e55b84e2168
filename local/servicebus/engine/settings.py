"""The settings of queues, topics and subscriptions, as the topology file gives them."""

from collections.abc import Mapping
from dataclasses import dataclass, field

STANDARD_MESSAGE_LIMIT_BYTES = 256 * 1024
"""The Standard tier's and the official emulator's limit for one message or batch (Service Bus quotas)."""

EMULATOR_ENTITY_LIMIT_BYTES = 100 * 1024 * 1024
"""The official emulator's limit for what one entity holds (emulator overview)."""


@dataclass(frozen=True, slots=True)
class QueueSettings:
    """One queue, or one subscription's queue; the defaults are the official emulator's sample file's."""

    name: str
    lock_duration_seconds: float = 60.0
    max_delivery_count: int = 10
    default_time_to_live_seconds: float | None = None
    dead_letters_expired_messages: bool = False
    duplicate_detection_window_seconds: float | None = None
    message_limit_bytes: int = STANDARD_MESSAGE_LIMIT_BYTES
    entity_limit_bytes: int = EMULATOR_ENTITY_LIMIT_BYTES


@dataclass(frozen=True, slots=True)
class CorrelationFilter:
    """A subscription's condition: every named value must be equal.

    `system_properties` are by position in AMQP's properties section, `application_properties` by name.
    """

    system_properties: Mapping[int, object] = field(default_factory=dict)
    application_properties: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SubscriptionSettings:
    """One subscription of a topic; it takes a message that any of its filters takes, and every one without filters."""

    queue: QueueSettings
    filters: tuple[CorrelationFilter, ...] = ()


@dataclass(frozen=True, slots=True)
class TopicSettings:
    """One topic and who listens to it."""

    name: str
    subscriptions: tuple[SubscriptionSettings, ...] = ()
    duplicate_detection_window_seconds: float | None = None
    message_limit_bytes: int = STANDARD_MESSAGE_LIMIT_BYTES


@dataclass(frozen=True, slots=True)
class Topology:
    """Everything a namespace holds."""

    queues: tuple[QueueSettings, ...] = ()
    topics: tuple[TopicSettings, ...] = ()
