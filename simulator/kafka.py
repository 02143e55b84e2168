"""eMabler's way into a customer's Kafka topic: bodies as messages, with the charger as the key.

Messages of one key are in one partition, so that what one charger tells keeps its order. What eMabler makes the key
is not documented; nothing depends on it.
"""

import asyncio
from collections.abc import Iterable, Sequence
from itertools import islice
from types import TracebackType
from typing import Self

from confluent_kafka import KafkaException, Producer

from simulator.happenings import Happening
from simulator.messages import Message

DEFAULT_DEADLINE_SECONDS = 30.0
_MAX_BATCH_LENGTH = 1000
_MILLISECONDS_PER_SECOND = 1000


class NotDelivered(OSError):
    """The brokers did not take all of the messages; some can be in the topic all the same."""


class TopicSender:
    """A sender to one topic that stays open. Raises NotDelivered for what is not taken within the deadline."""

    def __init__(self, brokers: str, topic: str, *, deadline_seconds: float = DEFAULT_DEADLINE_SECONDS) -> None:
        self._topic = topic
        self._deadline_seconds = deadline_seconds
        self._refused: list[str] = []
        self._producer = Producer(
            {
                "bootstrap.servers": brokers,
                "message.timeout.ms": int(deadline_seconds * _MILLISECONDS_PER_SECOND),
                # A live fleet's few messages are not kept waiting for more of them.
                "linger.ms": 0,
                # What the client has to say comes as NotDelivered.
                "log_level": 0,
            }
        )

    async def __aenter__(self) -> Self:
        """The sender itself; it connects by itself."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Forget what was not taken."""
        self._producer.purge()
        await asyncio.to_thread(self._producer.flush, self._deadline_seconds)

    async def send(self, messages: Sequence[Message]) -> None:
        """Send the messages in their order, and wait until the brokers have them."""
        self._refused.clear()
        try:
            for message in messages:
                self._producer.produce(self._topic, message.body, key=key_of(message), on_delivery=self._on_delivery)
        except (BufferError, KafkaException) as error:
            raise NotDelivered(str(error)) from error
        # The client gives each message up by itself at the deadline.
        await asyncio.to_thread(self._producer.flush)
        if self._refused:
            raise NotDelivered(f"{len(self._refused)} of {len(messages)} messages: {self._refused[0]}")

    def _on_delivery(self, error: object, _message: object) -> None:
        if error is not None:
            self._refused.append(str(error))


def key_of(message: Message) -> str | None:
    """The charger's id; None for a message that tells nothing of one, which goes to any partition."""
    return message.meaning.charger.charger_id if isinstance(message.meaning, Happening) else None


async def push_to_kafka(brokers: str, topic: str, messages: Iterable[Message]) -> int:
    """Send the messages in their order, as fast as the brokers take them; return how many. Raises NotDelivered."""
    sent, remaining = 0, iter(messages)
    async with TopicSender(brokers, topic) as sender:
        while together := list(islice(remaining, _MAX_BATCH_LENGTH)):
            await sender.send(together)
            sent += len(together)
    return sent
