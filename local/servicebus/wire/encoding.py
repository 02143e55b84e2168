"""Encodes stored messages for consumers, with the annotations that Service Bus adds.

Source: "AMQP 1.0 in Azure Service Bus: protocol guide", message annotations.
"""

from local.servicebus.amqp.values import encode_int, encode_long, encode_string, encode_symbol, encode_timestamp
from local.servicebus.engine.messages import StoredMessage

_SEQUENCE_NUMBER = "x-opt-sequence-number"
_ENQUEUED_TIME = "x-opt-enqueued-time"
_MESSAGE_STATE = "x-opt-message-state"
_LOCKED_UNTIL = "x-opt-locked-until"
_DEAD_LETTER_SOURCE = "x-opt-deadletter-source"
_SYMBOLS = {
    name: encode_symbol(name)
    for name in (_SEQUENCE_NUMBER, _ENQUEUED_TIME, _MESSAGE_STATE, _LOCKED_UNTIL, _DEAD_LETTER_SOURCE)
}


def encode_message(message: StoredMessage) -> bytes:
    """Return the message as a consumer, or somebody who peeks, gets it."""
    values = {
        _SEQUENCE_NUMBER: encode_long(message.sequence_number),
        _ENQUEUED_TIME: encode_timestamp(message.enqueued_at),
        _MESSAGE_STATE: encode_int(message.state),
    }
    if message.locked_until is not None:
        values[_LOCKED_UNTIL] = encode_timestamp(message.locked_until)
    if message.dead_letter_source is not None:
        values[_DEAD_LETTER_SOURCE] = encode_string(message.dead_letter_source)
    annotations: dict[object, bytes] = {name: _SYMBOLS[name] + value for name, value in values.items()}
    time_to_live = message.time_to_live_seconds
    return message.content.encode(
        None if time_to_live is None else int(time_to_live * 1000), message.delivery_count, annotations
    )
