"""A look at the front of a queue, where what is in flight and what came back is, and at its dead letters."""

from types import TracebackType
from typing import Self

from azure.servicebus import ServiceBusClient, ServiceBusReceivedMessage, ServiceBusReceiver, ServiceBusSubQueue

_LOOKED_AT = 250


class QueueFront:
    """Looks into a queue without taking a message. To open it takes a second, so it is opened before all else."""

    def __init__(self, connection_string: str, queue: str) -> None:
        self._client = ServiceBusClient.from_connection_string(connection_string)
        self._live = self._client.get_queue_receiver(queue)
        self._dead = self._client.get_queue_receiver(queue, sub_queue=ServiceBusSubQueue.DEAD_LETTER)

    def __enter__(self) -> Self:
        self.messages()  # the SDK connects with the first question
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for part in (self._live, self._dead, self._client):
            part.close()

    def messages(self) -> list[ServiceBusReceivedMessage]:
        """The first 250 messages, locked ones among them; none is left where the list is empty."""
        return _peek(self._live)

    def dead_letters(self) -> int:
        """How many messages were given back too often; at most 250."""
        return len(_peek(self._dead))


def most_deliveries(messages: list[ServiceBusReceivedMessage]) -> int:
    """How often the message was delivered in vain that was so most often."""
    return max((message.delivery_count or 0 for message in messages), default=0)


def _peek(receiver: ServiceBusReceiver) -> list[ServiceBusReceivedMessage]:
    # With a sequence number every look starts at the front; without one the SDK goes on behind the last it saw.
    return receiver.peek_messages(_LOOKED_AT, sequence_number=1)
