"""The way onto the operator's Service Bus queue, kept open, by azure-servicebus.

The SDK's own retries are switched off and every wait is bounded here, because a request waits for the answer. Its
import costs more than all else on a cold start, so it is put off until the first event comes, and done in a thread:
taps are answered by the same loop.
"""

import asyncio
import hashlib
import importlib
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from shared import telemetry
from shared.errors import EmablerError, QueueUnavailable, Unacceptable
from shared.ingest.rows import TRANSPORT_PROPERTY

if TYPE_CHECKING:
    from azure.servicebus.aio import ServiceBusClient, ServiceBusSender

_CLOSING_SECONDS: Final = 5.0


class EventQueue:
    """Sends bodies to one queue, one after the other: the SDK's sender takes no two calls at once."""

    def __init__(self, connect: Callable[[], "ServiceBusClient"], queue: str) -> None:
        """`connect` makes the SDK's client; nothing is connected before the first send."""
        self._connect = connect
        self._queue = queue
        self._client: ServiceBusClient | None = None
        self._sender: ServiceBusSender | None = None
        self._turn = asyncio.Lock()
        self._closing: set[asyncio.Task[None]] = set()

    async def send(self, body: bytes, patience_seconds: float) -> None:
        """Put a body on the queue, as it is; when this returns, the broker has it.

        Its message id is its SHA-256, by which the queue's duplicate detection spares a repeat. Raises QueueUnavailable
        where the broker did not take it in time, and Unacceptable with the reason `too-large-for-queue`.
        """
        try:
            async with asyncio.timeout(patience_seconds), self._turn:
                await self._send(body)
        except TimeoutError as error:
            await self._give_up()
            raise QueueUnavailable(f"the queue {self._queue} did not answer in {patience_seconds:.0f} s") from error

    async def close(self) -> None:
        """Give the connection back."""
        await self._give_up()
        await asyncio.gather(*self._closing)

    async def _send(self, body: bytes) -> None:
        sdk = await asyncio.to_thread(importlib.import_module, "azure.servicebus")
        errors = await asyncio.to_thread(importlib.import_module, "azure.servicebus.exceptions")
        message = sdk.ServiceBusMessage(
            body,
            message_id=hashlib.sha256(body).hexdigest(),
            content_type="application/json",
            application_properties={TRANSPORT_PROPERTY: "webhook", **telemetry.trace_properties()},
        )
        try:
            await (await self._open()).send_messages(message)
        except errors.MessageSizeExceededError as error:
            raise Unacceptable("too-large-for-queue", "the event is larger than the queue takes") from error
        except EmablerError:
            raise
        except Exception as error:
            # The SDK raises much more than its own errors when a connection breaks; their texts may hold addresses.
            await self._give_up()
            raise QueueUnavailable(f"the queue {self._queue} took no message: {type(error).__name__}") from error

    async def _open(self) -> "ServiceBusSender":
        if self._sender is None:
            self._client = await asyncio.to_thread(self._connect)
            self._sender = self._client.get_queue_sender(self._queue)
        return self._sender

    async def _give_up(self) -> None:
        """Forget the connection and close it behind us: the next send makes another."""
        sender, client = self._sender, self._client
        self._sender = self._client = None
        if client is not None:
            closings = [sender.close] if sender is not None else []
            task = asyncio.create_task(_close(*closings, client.close))
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)


async def _close(*closings: Callable[[], Awaitable[None]]) -> None:
    """Close what may be broken already: nobody can do anything about a failure of this."""
    for closing in closings:
        with suppress(Exception):
            async with asyncio.timeout(_CLOSING_SECONDS):
                await closing()
