"""An entity's `$management` node.

Source: "AMQP 1.0 in Microsoft Azure Service Bus: request-response-based operations".
"""

import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from proton import UNDESCRIBED, Array, Data, Message, timestamp

from local.servicebus.amqp.sections import split_message
from local.servicebus.engine.errors import NotAllowedError, NotImplementedHereError
from local.servicebus.engine.messages import StoredMessage
from local.servicebus.engine.namespace import Topic
from local.servicebus.engine.queue import Queue
from local.servicebus.wire.encoding import encode_message
from local.servicebus.wire.requests import NO_CONTENT, Reply

_PREFIX = "com.microsoft:"
_SETTLED_ON_RECEIPT = 0
# A duplicate is dropped, so it has no number; the SDK expects one per message nevertheless.
_NO_SEQUENCE_NUMBER = 0

_Body = Mapping[str, Any]


class ManagementNode:
    """Answers the requests about one queue, topic or subscription."""

    def __init__(self, entity: Queue | Topic) -> None:
        """Answer for this entity."""
        self._entity = entity
        self._operations: dict[str, Callable[[_Body], Reply]] = {
            "peek-message": self._peek,
            "renew-lock": self._renew_locks,
            "receive-by-sequence-number": self._receive_deferred,
            "update-disposition": self._settle,
            "schedule-message": self._schedule,
            "cancel-scheduled-message": self._cancel_scheduled,
        }

    def answer(self, request: Message) -> Reply:
        """Do what the request asks; raises RefusedError, or KeyError and its like for a body that lacks something."""
        name = str((request.properties or {}).get("operation", ""))
        operation = self._operations.get(name.removeprefix(_PREFIX))
        if operation is None:
            raise NotImplementedHereError(f"The stand-in does not know the operation '{name}'. Use the real service.")
        return operation(request.body)

    @property
    def _queue(self) -> Queue:
        if isinstance(self._entity, Topic):
            raise NotAllowedError("A topic holds no messages; ask one of its subscriptions.")
        return self._entity

    def _peek(self, body: _Body) -> Reply:
        """Browse up to message-count messages from a sequence number on, at most one message's size limit of them."""
        messages: list[bytes] = []
        room_bytes = self._queue.settings.message_limit_bytes
        for message in self._queue.browse(body["from-sequence-number"]):
            encoded = encode_message(message)
            room_bytes -= len(encoded)
            if len(messages) == body["message-count"] or (messages and room_bytes < 0):
                break
            messages.append(encoded)
        if not messages:
            return Reply(NO_CONTENT)
        return Reply(body={"messages": [{"message": encoded} for encoded in messages]})

    def _renew_locks(self, body: _Body) -> Reply:
        ends = [timestamp(int(self._queue.renew_lock(token) * 1000)) for token in _lock_tokens(body)]
        return Reply(body={"expirations": Array(UNDESCRIBED, Data.TIMESTAMP, *ends)})

    def _receive_deferred(self, body: _Body) -> Reply:
        sequence_numbers = list(body["sequence-numbers"])
        if body.get("receiver-settle-mode") == _SETTLED_ON_RECEIPT:
            messages = self._queue.take_deferred(sequence_numbers)
        else:
            messages = self._queue.lock_deferred(sequence_numbers)
        return Reply(body={"messages": [_deferred_entry(message) for message in messages]})

    def _settle(self, body: _Body) -> Reply:
        status = body["disposition-status"]
        for token in _lock_tokens(body):
            if status == "suspended":
                self._queue.dead_letter(token, body.get("deadletter-reason"), body.get("deadletter-description"))
            else:
                settle = {
                    "completed": self._queue.complete,
                    "abandoned": self._queue.abandon,
                    "defered": self._queue.defer,  # Service Bus spells it so
                }[status]
                settle(token)
        return Reply()

    def _schedule(self, body: _Body) -> Reply:
        numbers = self._entity.enqueue([split_message(bytes(entry["message"])) for entry in body["messages"]])
        known = [_NO_SEQUENCE_NUMBER if number is None else number for number in numbers]
        return Reply(body={"sequence-numbers": Array(UNDESCRIBED, Data.LONG, *known)})

    def _cancel_scheduled(self, body: _Body) -> Reply:
        self._queue.cancel_scheduled(list(body["sequence-numbers"]))
        return Reply()


def _lock_tokens(body: _Body) -> Sequence[str]:
    """Return the engine's tokens for the UUIDs of a request."""
    tokens: list[uuid.UUID] = list(body["lock-tokens"])
    return [token.bytes_le.decode("latin-1") for token in tokens]


def _deferred_entry(message: StoredMessage) -> dict[str, object]:
    entry: dict[str, object] = {"message": encode_message(message)}
    if message.lock_token is not None:
        entry["lock-token"] = uuid.UUID(bytes_le=message.lock_token.encode("latin-1"))
    return entry
