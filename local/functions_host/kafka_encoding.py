"""Kafka messages as the real host hands them to the worker; pure, no I/O.

Sources: KafkaTriggerBindingStrategy.cs and KafkaEventDataConvertManager.cs of
https://github.com/Azure/azure-functions-kafka-extension (which metadata there is, and in which .NET types) and
GrpcMessageConversionExtensions.cs of the functions host 4.x (how each type is encoded). The fields are those that
`azure.functions.KafkaEvent` reads.
"""

import base64
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

from confluent_kafka import Message

from local.functions_host.protocol import TypedData

_MILLISECONDS_PER_SECOND = 1000

# What a calendar of the years 1 to 9999 has, in milliseconds since 1970. Brokers take any 64 bits as a time stamp.
_FIRST_MILLISECOND = -62_135_596_800_000
_LAST_MILLISECOND = 253_402_300_799_999


def encode_batch(messages: Sequence[Message]) -> TypedData:
    """The bodies for a function with cardinality many and binary data.

    As in the real host, a message without a value (a tombstone of a compacted topic) has no body here, while the
    metadata has its place: azure.functions by itself refuses such a batch, before the function sees any of it.
    """
    bodies = [message.value() for message in messages]
    return TypedData(collection_bytes=SimpleNamespace(bytes=[body for body in bodies if body is not None]))


def batch_metadata(messages: Sequence[Message]) -> dict[str, TypedData]:
    """The trigger metadata beside a batch, one array a field."""
    return {
        "OffsetArray": TypedData(
            collection_sint64=SimpleNamespace(sint64=[message.offset() for message in messages]),
        ),
        "TopicArray": TypedData(
            collection_string=SimpleNamespace(string=[message.topic() for message in messages]),
        ),
        "PartitionArray": _as_json([message.partition() for message in messages]),
        "KeyArray": _as_json([_key(message) for message in messages]),
        "TimestampArray": _as_json([_time(message) for message in messages]),
        "HeadersArray": _as_json([_headers(message) for message in messages]),
    }


def _key(message: Message) -> str | None:
    """The key as text, which is what a function is given unless it asks for another type."""
    key = message.key()
    return key.decode(errors="replace") if isinstance(key, bytes) else key


def _time(message: Message) -> str:
    """When the message was made or taken in, by the topic's setting, as Json.NET writes a DateTime in UTC.

    What no calendar has becomes the nearest that it has. The real extension's thread ends by it (KafkaListener.cs), and
    a stand-in that stops without a word helps nobody.
    """
    _kind, told_milliseconds = message.timestamp()
    milliseconds = min(max(told_milliseconds, _FIRST_MILLISECOND), _LAST_MILLISECOND)
    seconds, rest_milliseconds = divmod(milliseconds, _MILLISECONDS_PER_SECOND)
    text = datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None).isoformat()
    fraction = f".{rest_milliseconds:03}".rstrip("0") if rest_milliseconds else ""
    return f"{text}{fraction}Z"


def _headers(message: Message) -> list[dict[str, str | None]]:
    """Names may repeat. Json.NET makes base64 of a value."""
    return [
        {"Key": name, "Value": None if value is None else base64.b64encode(_as_bytes(value)).decode()}
        for name, value in message.headers() or []
    ]


def _as_bytes(value: str | bytes) -> bytes:
    return value.encode() if isinstance(value, str) else value


def _as_json(value: Any) -> TypedData:
    return TypedData(json=json.dumps(value))
