"""A message as a queue keeps it."""

from dataclasses import dataclass
from enum import IntEnum

from local.servicebus.amqp.sections import MessageContent

# Positions in the properties section (OASIS AMQP 1.0, part 3, section 3.2.4).
MESSAGE_ID = 0
TO = 2
SUBJECT = 3
REPLY_TO = 4
CORRELATION_ID = 5
CONTENT_TYPE = 6
SESSION_ID = 10
REPLY_TO_SESSION_ID = 12

SCHEDULED_ENQUEUE_TIME = "x-opt-scheduled-enqueue-time"


class MessageState(IntEnum):
    """Service Bus's states of a message, with the numbers of the annotation x-opt-message-state."""

    ACTIVE = 0
    DEFERRED = 1
    SCHEDULED = 2


@dataclass(slots=True)
class StoredMessage:
    """One message in one queue; all times are seconds since 1970.

    `delivery_count` counts failed deliveries, as the AMQP header does: 0 on the first delivery.
    """

    sequence_number: int
    content: MessageContent
    enqueued_at: float
    time_to_live_seconds: float | None = None
    expires_at: float | None = None
    state: MessageState = MessageState.ACTIVE
    scheduled_at: float | None = None
    delivery_count: int = 0
    lock_token: str | None = None
    locked_until: float | None = None
    dead_letter_source: str | None = None

    @property
    def is_locked(self) -> bool:
        """Whether a consumer holds the message."""
        return self.lock_token is not None

    def lock_has_ended(self, now: float) -> bool:
        """Whether the message is locked and its lock is over."""
        return self.locked_until is not None and self.locked_until <= now

    def is_expired(self, now: float) -> bool:
        """Whether the message has outlived its time to live."""
        return self.expires_at is not None and self.expires_at <= now


def requested_schedule(content: MessageContent) -> float | None:
    """Return the time the sender wants the message to become active, None for at once."""
    epoch_milliseconds = content.annotation(SCHEDULED_ENQUEUE_TIME)
    return epoch_milliseconds / 1000 if isinstance(epoch_milliseconds, int) else None


def time_to_live_seconds(content: MessageContent, entity_default_seconds: float | None) -> float | None:
    """Return how long the message lives: the sender's wish, at most the entity's default; None for ever."""
    wishes = [entity_default_seconds]
    if content.time_to_live_milliseconds is not None:
        wishes.append(content.time_to_live_milliseconds / 1000)
    return min((wish for wish in wishes if wish is not None), default=None)
