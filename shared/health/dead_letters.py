"""How many messages the queue has given up on. Peeked at, because that needs no more rights than receiving does."""

import asyncio
import logging
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from azure.servicebus.aio import ServiceBusClient

MOST_COUNTED: Final = 100
PATIENCE_SECONDS: Final = 5.0
REMEMBERED_SECONDS: Final = 60.0
"""A connection costs a second, and dashboards ask often."""

_log = logging.getLogger(__name__)


class DeadLetters:
    """Counts the dead letters of one queue."""

    def __init__(self, connect: Callable[[], "ServiceBusClient"], queue: str) -> None:
        self._connect = connect
        self._queue = queue
        self._count: int | None = None
        self._counted_at_seconds = -REMEMBERED_SECONDS
        self._turn = asyncio.Lock()

    async def count(self) -> int | None:
        """How many there are, at most `MOST_COUNTED`; None where the queue does not answer in time."""
        async with self._turn:
            if time.monotonic() - self._counted_at_seconds >= REMEMBERED_SECONDS:
                self._count = await self._ask()
                self._counted_at_seconds = time.monotonic()
        return self._count

    async def _ask(self) -> int | None:
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                return await self._peek()
        except Exception as error:  # noqa: BLE001  # the SDK raises much more than its own errors; nobody may suffer
            _log.warning("dead letters not counted error=%s", type(error).__name__)
            return None

    async def _peek(self) -> int:
        from azure.servicebus import ServiceBusSubQueue  # noqa: PLC0415  # kept out of the cold start

        client = await asyncio.to_thread(self._connect)
        async with (
            client,
            client.get_queue_receiver(self._queue, sub_queue=ServiceBusSubQueue.DEAD_LETTER) as receiver,
        ):
            return len(await receiver.peek_messages(MOST_COUNTED, sequence_number=1))
