"""eMabler's way into a customer's queue: bodies as Service Bus messages, and nothing else in them."""

import asyncio
import uuid
from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from types import TracebackType
from typing import Self

from azure.servicebus import ServiceBusMessage
from azure.servicebus.aio import ServiceBusClient
from azure.servicebus.exceptions import MessageSizeExceededError

from simulator.messages import Message

DEFAULT_DEADLINE_SECONDS = 30.0
_MAX_BATCH_LENGTH = 200
_SENDS_PER_SECOND = 10
"""With a rate, a tenth of a second's messages go in one send."""


class QueueSender:
    """A sender to one queue that stays open; to open one costs a second.

    Every call has a deadline and raises TimeoutError after it, because the SDK can wait for ever for an answer that it
    has dropped. What else can go wrong is a ServiceBusError, after the SDK's own retries.
    """

    def __init__(
        self, connection_string: str, queue: str, *, deadline_seconds: float = DEFAULT_DEADLINE_SECONDS
    ) -> None:
        self._client = ServiceBusClient.from_connection_string(connection_string, retry_backoff_factor=0.1)
        self._sender = self._client.get_queue_sender(queue)
        self._deadline_seconds = deadline_seconds

    async def __aenter__(self) -> Self:
        """The sender itself; it connects with the first send."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close the link and the connection."""
        async with asyncio.timeout(self._deadline_seconds):
            await self._sender.close()
            await self._client.close()

    async def send(self, bodies: Sequence[bytes]) -> None:
        """Send each body as a message with an id of its own, in as few batches as they fit in."""
        async with asyncio.timeout(self._deadline_seconds):
            batch = await self._sender.create_message_batch()
            for body in bodies:
                message = ServiceBusMessage(body, message_id=str(uuid.uuid4()))
                try:
                    batch.add_message(message)
                except MessageSizeExceededError:
                    await self._sender.send_messages(batch)
                    batch = await self._sender.create_message_batch()
                    batch.add_message(message)
            await self._sender.send_messages(batch)


class LiveQueue:
    """A queue for the live fleet, which sends messages and not bodies; otherwise as QueueSender."""

    def __init__(self, connection_string: str, queue: str) -> None:
        self._sender = QueueSender(connection_string, queue)

    async def __aenter__(self) -> Self:
        """The queue itself; it connects with the first send."""
        await self._sender.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close the link and the connection."""
        await self._sender.__aexit__(kind, error, traceback)

    async def send(self, messages: Sequence[Message]) -> None:
        """Send each message's body."""
        await self._sender.send([message.body for message in messages])


async def push_to_service_bus(
    connection_string: str,
    queue: str,
    bodies: Iterable[bytes],
    *,
    messages_per_second: float | None = None,
    deadline_seconds: float = DEFAULT_DEADLINE_SECONDS,
    on_sent: Callable[[int], None] = lambda _: None,
) -> int:
    """Send the bodies in their order, as fast as the queue takes them or at a rate; return how many.

    `on_sent` is told the number sent so far after every send. Raises as QueueSender does; what was sent before stays.
    """
    loop = asyncio.get_running_loop()
    length = _MAX_BATCH_LENGTH
    if messages_per_second is not None:
        length = min(_MAX_BATCH_LENGTH, max(1, int(messages_per_second / _SENDS_PER_SECOND)))
    sent = 0
    async with QueueSender(connection_string, queue, deadline_seconds=deadline_seconds) as sender:
        begin = loop.time()
        remaining = iter(bodies)
        while together := list(islice(remaining, length)):
            if messages_per_second is not None:
                await asyncio.sleep(begin + sent / messages_per_second - loop.time())
            await sender.send(together)
            sent += len(together)
            on_sent(sent)
    return sent
