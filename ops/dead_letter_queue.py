"""The dead letters of the app's queue, by azure-servicebus: looked at without taking them, and sent once more.

A dead letter is a good message that an outage outlived (docs/decisions/0004-quarantine-not-dead-letter.md). It leaves
the dead-letter queue only after the broker has its copy. Who is stopped between the two has it in both places, and the
next replay sends it a second time; ingest makes one event of both.

A queue with duplicate detection would drop, without a word, a copy with the message id of its original. So a copy has
an id of its own, which is the same each time for the same dead letter: such a queue then spares the second copy.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from shared.errors import QueueUnavailable
from shared.instants import Instant

if TYPE_CHECKING:
    from azure.servicebus import ServiceBusMessage, ServiceBusReceivedMessage
    from azure.servicebus.aio import ServiceBusClient, ServiceBusReceiver, ServiceBusSender

CALL_SECONDS: Final = 15.0
"""How long the broker is waited for, for one call; the first one connects."""

_NONE_LEFT_SECONDS: Final = 3.0
"""After so long without a message there is none that could be had."""
_PEEKED_AT_ONCE: Final = 100
_RECEIVED_AT_ONCE: Final = 16
"""So few that the last of them is sent long before its lock ends."""
_CLOSING_SECONDS: Final = 5.0
_LONGEST_MESSAGE_ID: Final = 128  # Service Bus quotas

_ADDED_BY_THE_BROKER: Final = {"DeadLetterReason", "DeadLetterErrorDescription"}
"""Application properties that tell why a message is a dead letter; its copy is none."""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """What the broker tells of a dead letter, without its body."""

    sequence_number: int
    enqueued_at: Instant | None
    delivery_count: int
    reason: str
    description: str
    size_bytes: int

    @classmethod
    def of(cls, message: "ServiceBusReceivedMessage") -> "DeadLetter":
        """Read off a message as it was peeked or received."""
        enqueued_at = message.enqueued_time_utc
        return cls(
            sequence_number=message.sequence_number or 0,
            enqueued_at=Instant.from_datetime(enqueued_at) if enqueued_at is not None else None,
            delivery_count=message.delivery_count or 0,
            reason=message.dead_letter_reason or "",
            description=message.dead_letter_error_description or "",
            size_bytes=len(body_of(message)),
        )


class DeadLetterQueue:
    """The dead letters of one queue, over an open connection; see `opened`."""

    def __init__(self, receiver: "ServiceBusReceiver", sender: "ServiceBusSender") -> None:
        self._receiver = receiver
        self._sender = sender

    async def peek(self, limit: int) -> list[DeadLetter]:
        """The oldest dead letters, at most `limit`; 0 for all. Raises QueueUnavailable."""
        found: list[DeadLetter] = []
        while not limit or len(found) < limit:
            wanted = min(_PEEKED_AT_ONCE, limit - len(found)) if limit else _PEEKED_AT_ONCE
            after = found[-1].sequence_number + 1 if found else 1
            async with _patience():
                messages = await self._receiver.peek_messages(wanted, sequence_number=after)
            if not messages:
                break
            found += map(DeadLetter.of, messages)
        return found

    async def replay(self, most: int) -> AsyncIterator[DeadLetter]:
        """Send the oldest dead letters once more, at most so many; each is told when it is done.

        There may be fewer by then. Raises QueueUnavailable.
        """
        done = 0
        while done < most:
            async with _patience():
                messages = await self._receiver.receive_messages(
                    min(_RECEIVED_AT_ONCE, most - done), max_wait_time=_NONE_LEFT_SECONDS
                )
            if not messages:
                break
            for message in messages:
                async with _patience():
                    await self._sender.send_messages(copy_of(message))
                    await self._receiver.complete_message(message)
                yield DeadLetter.of(message)
            done += len(messages)


@asynccontextmanager
async def opened(connect: Callable[[], "ServiceBusClient"], queue: str) -> AsyncIterator[DeadLetterQueue]:
    """The dead letters of a queue, for as long as the block lasts. Raises what `connect` raises."""
    from azure.servicebus import ServiceBusSubQueue  # noqa: PLC0415  # half a second that other commands need not pay

    client = connect()
    receiver = client.get_queue_receiver(queue, sub_queue=ServiceBusSubQueue.DEAD_LETTER)
    sender = client.get_queue_sender(queue)
    try:
        yield DeadLetterQueue(receiver, sender)
    finally:
        await asyncio.gather(_close(sender), _close(receiver))  # the SDK sleeps half a second in each
        await _close(client)


def copy_of(letter: "ServiceBusReceivedMessage") -> "ServiceBusMessage":
    """The message to send again: the same body and application properties, another message id."""
    from azure.servicebus import ServiceBusMessage  # noqa: PLC0415  # see `opened`

    return ServiceBusMessage(
        body_of(letter),
        application_properties=_properties_of(letter.application_properties),
        message_id=copied_message_id(letter.message_id, letter.sequence_number or 0),
        content_type=letter.content_type,
        correlation_id=letter.correlation_id,
        subject=letter.subject,
        session_id=letter.session_id,
    )


def copied_message_id(message_id: str | None, sequence_number: int) -> str:
    """The message id of a dead letter's copy; a sequence number is given once in the life of a queue."""
    ending = f"-replay-{sequence_number}"
    return (message_id or "")[: _LONGEST_MESSAGE_ID - len(ending)] + ending


def body_of(message: "ServiceBusReceivedMessage") -> bytes:
    """The body bit for bit; of a message that some tool sent as an AMQP value or sequence, its text."""
    from azure.servicebus.amqp import AmqpMessageBodyType  # noqa: PLC0415  # see `opened`

    body = message.body
    if message.body_type is AmqpMessageBodyType.DATA:
        return b"".join(body)
    return body if isinstance(body, bytes) else str(message).encode()


def _properties_of(properties: Mapping[Any, Any] | None) -> dict[str | bytes, Any]:
    """The sender's application properties, as texts again where the SDK hands texts over as bytes."""
    texts = {_text(name): _text(value) for name, value in (properties or {}).items()}
    return {name: value for name, value in texts.items() if name not in _ADDED_BY_THE_BROKER}


def _text(value: Any) -> Any:
    if not isinstance(value, bytes):
        return value
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value


async def _close(part: "ServiceBusSender | ServiceBusReceiver | ServiceBusClient") -> None:
    """Close what may be broken already: nobody can do anything about a failure of this."""
    with suppress(Exception):
        async with asyncio.timeout(_CLOSING_SECONDS):
            await part.close()


@asynccontextmanager
async def _patience() -> AsyncIterator[None]:
    """A bound for one call, and one error for all that the SDK raises: its texts may hold addresses."""
    try:
        async with asyncio.timeout(CALL_SECONDS):
            yield
    except TimeoutError:
        raise QueueUnavailable(f"the queue did not answer in {CALL_SECONDS:.0f} s") from None
    except Exception as error:
        raise QueueUnavailable(f"the queue cannot be used: {type(error).__name__}") from error
