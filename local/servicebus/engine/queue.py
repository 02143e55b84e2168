"""One queue: peek-lock, settlement, deferral, schedules, expiry and the way to its dead letters.

A message's life (source: "Message transfers, locks, and settlement" in Microsoft's documentation):

    scheduled --time--> active --lock--> locked --complete--> gone
                          ^                |------dead-letter--> dead-letter queue
                          |<--release------|
                          |<--abandon, lock expiry (delivery count + 1; at the maximum: dead-letter queue)
                                           |------defer--> deferred, locked again by sequence number only
"""

import heapq
import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from local.servicebus.amqp.sections import MessageContent
from local.servicebus.engine.alarms import Alarms
from local.servicebus.engine.duplicates import DuplicateHistory
from local.servicebus.engine.errors import EntityFullError, MessageNotFoundError
from local.servicebus.engine.locks import Locks
from local.servicebus.engine.messages import (
    MESSAGE_ID,
    MessageState,
    StoredMessage,
    requested_schedule,
    time_to_live_seconds,
)
from local.servicebus.engine.settings import QueueSettings

DEAD_LETTER_SUFFIX = "/$DeadLetterQueue"
_REASON = "DeadLetterReason"
_DESCRIPTION = "DeadLetterErrorDescription"


@dataclass(frozen=True, slots=True)
class QueueCounts:
    """How many messages a queue holds in each state; locked ones are among the active and deferred ones."""

    active: int
    deferred: int
    scheduled: int
    locked: int


class Queue:
    """The messages of one queue, subscription or dead-letter queue.

    `on_available` is called whenever a message may have become ready for a consumer.
    """

    def __init__(
        self,
        path: str,
        settings: QueueSettings,
        clock: Callable[[], float],
        on_available: Callable[["Queue"], None],
        dead_letters: "Queue | None" = None,
    ) -> None:
        """Make an empty queue; one without `dead_letters` is a dead-letter queue itself."""
        self.path = path
        self.settings = settings
        self.dead_letters = dead_letters
        self._clock = clock
        self._on_available = on_available
        self._messages: dict[int, StoredMessage] = {}
        self._ready: list[int] = []
        self._alarms = Alarms()
        self._locks = Locks(settings.lock_duration_seconds, self._alarms)
        self._duplicates = DuplicateHistory(settings.duplicate_detection_window_seconds)
        self._sequence_numbers = itertools.count(1)
        self._stored_bytes = 0

    def enqueue(self, contents: Sequence[MessageContent]) -> list[int | None]:
        """Store messages, all or none, and return their sequence numbers: None for a duplicate, which is dropped.

        Raises EntityFullError.
        """
        self.require_room_for(contents)
        return [self._enqueue_one(content) for content in contents]

    def require_room_for(self, contents: Sequence[MessageContent]) -> None:
        """Raise EntityFullError where the queue cannot hold all of these messages."""
        needed_bytes = sum(content.size_bytes for content in contents)
        if self._stored_bytes + needed_bytes > self.settings.entity_limit_bytes:
            raise EntityFullError(
                f"'{self.path}' holds {self._stored_bytes} bytes, near its limit. Receive some first."
            )

    def lock_next(self) -> StoredMessage | None:
        """Lock the oldest ready message for a consumer; None where there is none."""
        message = self._next_ready()
        if message is not None:
            self._locks.lock(message, self._clock())
        return message

    def take_next(self) -> StoredMessage | None:
        """Remove and return the oldest ready message (receive-and-delete); None where there is none."""
        message = self._next_ready()
        if message is not None:
            self._remove(message)
        return message

    def complete(self, lock_token: str) -> None:
        """Remove a locked message for good. Like every settlement, raises MessageLockLostError."""
        self._remove(self._unlock(lock_token))

    def abandon(self, lock_token: str) -> None:
        """Give a locked message back as a failed delivery."""
        self._fail_delivery(self._unlock(lock_token))

    def release(self, lock_token: str) -> None:
        """Give a locked message back as if it had never been delivered."""
        self._make_available(self._unlock(lock_token))

    def defer(self, lock_token: str) -> None:
        """Set a locked message aside until somebody asks for its sequence number."""
        message = self._unlock(lock_token)
        message.state = MessageState.DEFERRED
        message.delivery_count += 1

    def dead_letter(self, lock_token: str, reason: str | None, description: str | None) -> None:
        """Move a locked message to the dead-letter queue; a dead letter itself only goes back to its place."""
        self._bury(self._unlock(lock_token), reason, description)

    def take_in_dead_letter(
        self, message: StoredMessage, source: str, reason: str | None, description: str | None
    ) -> None:
        """Store another queue's message as a dead letter: no expiry any more, its count and enqueued time kept."""
        texts = {_REASON: reason, _DESCRIPTION: description}
        letter = StoredMessage(
            sequence_number=next(self._sequence_numbers),
            content=message.content.with_application_properties({k: v for k, v in texts.items() if v is not None}),
            enqueued_at=message.enqueued_at,
            time_to_live_seconds=message.time_to_live_seconds,
            delivery_count=message.delivery_count,
            dead_letter_source=source,
        )
        self._store(letter)
        self._make_available(letter)

    def renew_lock(self, lock_token: str) -> float:
        """Lock for another lock duration from now, and return until when (seconds since 1970)."""
        return self._locks.renew(lock_token, self._clock())

    def lock_deferred(self, sequence_numbers: Sequence[int]) -> list[StoredMessage]:
        """Lock the deferred messages with these sequence numbers, all or none; raises MessageNotFoundError."""
        messages = self._deferred(sequence_numbers)
        for message in messages:
            self._locks.lock(message, self._clock())
        return messages

    def take_deferred(self, sequence_numbers: Sequence[int]) -> list[StoredMessage]:
        """Remove and return deferred messages (receive-and-delete), all or none; raises MessageNotFoundError."""
        messages = self._deferred(sequence_numbers)
        for message in messages:
            self._remove(message)
        return messages

    def cancel_scheduled(self, sequence_numbers: Sequence[int]) -> None:
        """Remove messages that are still scheduled, all or none; raises MessageNotFoundError."""
        messages = [self._messages.get(number) for number in sequence_numbers]
        scheduled = [message for message in messages if message and message.state is MessageState.SCHEDULED]
        if len(scheduled) != len(messages):
            raise MessageNotFoundError("No such message is scheduled: it was cancelled, or is active already.")
        for message in scheduled:
            self._remove(message)

    def browse(self, from_sequence_number: int) -> Iterator[StoredMessage]:
        """Yield the messages in order of sequence number, whatever their state, without locking."""
        return (message for number, message in self._messages.items() if number >= from_sequence_number)

    def counts(self) -> QueueCounts:
        """Count the messages by state."""
        states = [message.state for message in self._messages.values()]
        return QueueCounts(
            active=states.count(MessageState.ACTIVE),
            deferred=states.count(MessageState.DEFERRED),
            scheduled=states.count(MessageState.SCHEDULED),
            locked=len(self._locks),
        )

    def advance_time(self) -> None:
        """Do what is due by now: activate scheduled messages, end locks, expire messages."""
        now = self._clock()
        for sequence_number in self._alarms.due(now):
            message = self._messages.get(sequence_number)
            if message is not None:
                self._examine(message, now)
        self._alarms.forget_absent(self._messages, len(self._messages))

    def _enqueue_one(self, content: MessageContent) -> int | None:
        now = self._clock()
        if self._duplicates.is_duplicate(content.property_value(MESSAGE_ID), now):
            return None
        message = StoredMessage(
            sequence_number=next(self._sequence_numbers),
            content=content,
            enqueued_at=now,
            time_to_live_seconds=time_to_live_seconds(content, self.settings.default_time_to_live_seconds),
        )
        self._store(message)
        scheduled_at = requested_schedule(content)
        if scheduled_at is not None and scheduled_at > now:
            message.state = MessageState.SCHEDULED
            message.scheduled_at = scheduled_at
            self._alarms.set(scheduled_at, message.sequence_number)
        else:
            self._activate(message, now)
        return message.sequence_number

    def _examine(self, message: StoredMessage, now: float) -> None:
        if message.scheduled_at is not None and message.scheduled_at <= now:
            self._activate(message, now)
        elif message.lock_has_ended(now):
            self._fail_delivery(self._locks.let_go(message))
        elif not message.is_locked and message.is_expired(now):
            self._expire(message)

    def _store(self, message: StoredMessage) -> None:
        self._messages[message.sequence_number] = message
        self._stored_bytes += message.content.size_bytes

    def _remove(self, message: StoredMessage) -> None:
        del self._messages[message.sequence_number]
        self._stored_bytes -= message.content.size_bytes

    def _activate(self, message: StoredMessage, now: float) -> None:
        message.state = MessageState.ACTIVE
        message.scheduled_at = None
        message.enqueued_at = now
        if message.time_to_live_seconds is not None:
            message.expires_at = now + message.time_to_live_seconds
            self._alarms.set(message.expires_at, message.sequence_number)
        self._make_available(message)

    def _make_available(self, message: StoredMessage) -> None:
        """Offer an unlocked message again; one that expired under its lock goes, one that is deferred stays so."""
        if message.is_expired(self._clock()):
            self._expire(message)
        elif message.state is MessageState.ACTIVE:
            heapq.heappush(self._ready, message.sequence_number)
            self._on_available(self)

    def _next_ready(self) -> StoredMessage | None:
        while self._ready:
            message = self._messages.get(heapq.heappop(self._ready))
            if message is None:
                continue
            if not message.is_expired(self._clock()):
                return message
            self._expire(message)
        return None

    def _unlock(self, lock_token: str) -> StoredMessage:
        return self._locks.let_go(self._locks.held(lock_token, self._clock()))

    def _fail_delivery(self, message: StoredMessage) -> None:
        message.delivery_count += 1
        maximum = self.settings.max_delivery_count
        if self.dead_letters is not None and message.delivery_count >= maximum:
            description = f"Message could not be consumed after {maximum} delivery attempts."
            self._bury(message, "MaxDeliveryCountExceeded", description)
        else:
            self._make_available(message)

    def _expire(self, message: StoredMessage) -> None:
        if self.settings.dead_letters_expired_messages:
            self._bury(message, "TTLExpiredException", "The message expired and was dead lettered.")
        else:
            self._remove(message)

    def _bury(self, message: StoredMessage, reason: str | None, description: str | None) -> None:
        if self.dead_letters is None:
            self._make_available(message)
            return
        self._remove(message)
        self.dead_letters.take_in_dead_letter(message, self.path, reason, description)

    def _deferred(self, sequence_numbers: Sequence[int]) -> list[StoredMessage]:
        messages = [self._messages.get(number) for number in sequence_numbers]
        deferred = [
            message
            for message in messages
            if message and message.state is MessageState.DEFERRED and not message.is_locked
        ]
        if len(deferred) != len(messages):
            raise MessageNotFoundError("No such message is deferred: it was settled, or somebody holds its lock.")
        return deferred
