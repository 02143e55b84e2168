"""A queue's messages from the first that is sent until all are worked through, without taking one."""

import asyncio
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Self

from azure.servicebus import ServiceBusClient, ServiceBusReceiver, ServiceBusSubQueue

from local.demo.errors import DemoFailed
from simulator.push import push_to_service_bus

_LOOK_SECONDS = 0.05
_LOOKED_AT = 100


class QueueWatch:
    """Looks into a queue and its dead letters. To open it takes a second, so it is opened before anything is timed."""

    def __init__(self, connection_string: str, queue: str) -> None:
        self._client = ServiceBusClient.from_connection_string(connection_string)
        self._live = self._client.get_queue_receiver(queue)
        self._dead = self._client.get_queue_receiver(queue, sub_queue=ServiceBusSubQueue.DEAD_LETTER)

    def __enter__(self) -> Self:
        # The SDK connects with the first question.
        self.waiting()
        self.dead_letters()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for part in (self._live, self._dead, self._client):
            part.close()

    def waiting(self) -> int:
        """How many messages the queue holds, locked ones among them; at most 100."""
        return _count(self._live)

    def dead_letters(self) -> int:
        """How many messages the function failed for good; at most 100."""
        return _count(self._dead)


def _count(receiver: ServiceBusReceiver) -> int:
    # With a sequence number every look starts at the front; without one the SDK goes on behind the last it saw.
    return len(receiver.peek_messages(_LOOKED_AT, sequence_number=1))


def send_until_stored(
    connection_string: str,
    queue: str,
    bodies: Sequence[bytes],
    *,
    patience_seconds: float,
    meanwhile: Callable[[], None] = lambda: None,
) -> tuple[float, int]:
    """Send the bodies and wait until the queue is empty; returns the seconds both took, and the dead letters.

    A message leaves the queue when the function that took it has returned, so all of it is stored by then. Raises
    DemoFailed after the patience, and whatever sending or `meanwhile` raises, which is called between two looks.
    """
    sent: list[int] = [0]
    with QueueWatch(connection_string, queue) as watch, ThreadPoolExecutor(max_workers=1) as pool:
        started = time.monotonic()
        # In a thread, because the end counts when the queue is empty, not when the sender has closed its connection.
        sending = pool.submit(asyncio.run, push_to_service_bus(connection_string, queue, bodies, on_sent=sent.append))
        while sent[-1] < len(bodies) or watch.waiting():
            _raise_failure(sending)
            meanwhile()
            if time.monotonic() - started > patience_seconds:
                raise DemoFailed(
                    f"After {patience_seconds:.0f} s {sent[-1]} of {len(bodies)} messages were sent and "
                    f"at least {watch.waiting()} of them are not stored."
                )
            time.sleep(_LOOK_SECONDS)
        return time.monotonic() - started, watch.dead_letters()


def _raise_failure(sending: Future[int]) -> None:
    if sending.done():
        sending.result()
