"""Peek-lock: who holds which message, and until when."""

import secrets

from local.servicebus.engine.alarms import Alarms
from local.servicebus.engine.errors import MessageLockLostError
from local.servicebus.engine.messages import StoredMessage

# The token is AMQP's delivery tag, which the SDK reads as the 16 bytes of a UUID; proton wants it to be text.
_TOKEN_RANDOM_BYTES = 8


class Locks:
    """The locked messages of one queue by lock token."""

    def __init__(self, duration_seconds: float, alarms: Alarms) -> None:
        """Lock for `duration_seconds`, and set an alarm for the end of every lock."""
        self._duration_seconds = duration_seconds
        self._alarms = alarms
        self._messages: dict[str, StoredMessage] = {}

    def __len__(self) -> int:
        return len(self._messages)

    def lock(self, message: StoredMessage, now: float) -> None:
        """Give the message a new token."""
        message.lock_token = secrets.token_hex(_TOKEN_RANDOM_BYTES)
        self._messages[message.lock_token] = message
        self._hold_from(message, now)

    def renew(self, lock_token: str, now: float) -> float:
        """Lock for the full duration from now; return until when. Raises MessageLockLostError."""
        return self._hold_from(self.held(lock_token, now), now)

    def held(self, lock_token: str, now: float) -> StoredMessage:
        """Return the message this token locks; a lock past its time is lost even before its alarm rings.

        Raises MessageLockLostError.
        """
        message = self._messages.get(lock_token)
        if message is None or message.lock_has_ended(now):
            raise MessageLockLostError
        return message

    def let_go(self, message: StoredMessage) -> StoredMessage:
        """End the message's lock, whatever the reason, and return the message."""
        if message.lock_token is not None:
            del self._messages[message.lock_token]
        message.lock_token = None
        message.locked_until = None
        return message

    def _hold_from(self, message: StoredMessage, now: float) -> float:
        locked_until = now + self._duration_seconds
        message.locked_until = locked_until
        self._alarms.set(locked_until, message.sequence_number)
        return locked_until
