"""Decides which consumer gets the next message."""

from collections import deque
from typing import Protocol

from local.servicebus.engine.queue import Queue


class Consumer(Protocol):
    """Somebody who receives from a queue."""

    queue: Queue

    def has_credit(self) -> bool:
        """Whether the consumer waits for a message."""

    def deliver_next(self) -> bool:
        """Take the queue's next message; False where there is none."""

    def finish_drain(self) -> None:
        """Give unused credit back where the consumer asked for that."""


class Deliverer:
    """Hands out ready messages, to the consumers of a queue in turn."""

    def __init__(self) -> None:
        self._consumers: dict[Queue, deque[Consumer]] = {}
        self._to_serve: set[Queue] = set()

    def add(self, consumer: Consumer) -> None:
        """Serve this consumer from now on."""
        self._consumers.setdefault(consumer.queue, deque()).append(consumer)

    def remove(self, consumer: Consumer) -> None:
        """Serve this consumer no more."""
        self._consumers[consumer.queue].remove(consumer)

    def mark(self, queue: Queue) -> None:
        """Note that the queue has messages, or its consumers have credit, since it was served last."""
        self._to_serve.add(queue)

    def serve(self) -> None:
        """Hand out what can be handed out."""
        while self._to_serve:
            queue = self._to_serve.pop()
            consumers = self._consumers.get(queue)
            if consumers:
                _serve_in_turn(consumers)


def _serve_in_turn(consumers: deque[Consumer]) -> None:
    without_credit = 0
    while without_credit < len(consumers):
        consumer = consumers[0]
        consumers.rotate(-1)
        if not consumer.has_credit():
            without_credit += 1
        elif consumer.deliver_next():
            without_credit = 0
        else:
            break
    for consumer in consumers:
        consumer.finish_drain()
