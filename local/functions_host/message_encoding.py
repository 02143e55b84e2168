"""Service Bus messages as the real host hands them to the worker; pure, no I/O.

Sources: ServiceBusTriggerBindingStrategy.cs of the Service Bus extension 5.x (which metadata there is) and
GrpcMessageConversionExtensions.cs of the functions host 4.x (how each value is encoded). The fields are those that
`azure.functions.ServiceBusMessage` reads and the extension sends.
"""

import base64
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from types import SimpleNamespace
from typing import Any
from uuid import UUID

from azure.servicebus import ServiceBusReceivedMessage

from local.functions_host.protocol import TypedData

# Metadata of type string in .NET, with the attribute of the Python SDK that holds it.
_TEXT_FIELDS = {
    "MessageId": "message_id",
    "LockToken": "lock_token",
    "CorrelationId": "correlation_id",
    "Subject": "subject",
    "Label": "subject",
    "ContentType": "content_type",
    "SessionId": "session_id",
    "ReplyTo": "reply_to",
    "ReplyToSessionId": "reply_to_session_id",
    "To": "to",
    "PartitionKey": "partition_key",
    "DeadLetterSource": "dead_letter_source",
}

# What the .NET library answers for a message without a time to live (DateTimeOffset.MaxValue).
_NEVER = "9999-12-31T23:59:59.9999999"


def encode_batch(messages: Sequence[ServiceBusReceivedMessage], data_type: str) -> TypedData:
    """The bodies for a function with cardinality many; `data_type` is "binary" or "string".

    As in the real host, a batch of strings loses its empty bodies. Raises TypeError for an AMQP value or sequence body.
    """
    bodies = [_body(message) for message in messages]
    if data_type == "binary":
        return TypedData(collection_bytes=SimpleNamespace(bytes=bodies))
    return TypedData(collection_string=SimpleNamespace(string=[body.decode() for body in bodies if body]))


def encode_single(message: ServiceBusReceivedMessage, data_type: str) -> TypedData:
    """The body for a function with cardinality one: bytes for "binary", text for everything else."""
    body = _body(message)
    return TypedData(bytes=body) if data_type == "binary" else TypedData(string=body.decode())


def batch_metadata(messages: Sequence[ServiceBusReceivedMessage]) -> dict[str, TypedData]:
    """The trigger metadata beside a batch, one array a field.

    Empty texts are dropped from their arrays, so the later ones move up: the real host does that too
    (https://github.com/Azure/azure-functions-python-worker/issues/1122), and an app has to cope with it.
    """
    metadata = {f"{field}Array": _texts(messages, attribute) for field, attribute in _TEXT_FIELDS.items()}
    metadata["SequenceNumberArray"] = TypedData(
        collection_sint64=SimpleNamespace(sint64=[message.sequence_number for message in messages])
    )
    per_message = [_structured_fields(message) for message in messages]
    for field in per_message[0]:
        metadata[f"{field}Array"] = _as_json([fields[field] for fields in per_message])
    return metadata


def single_metadata(message: ServiceBusReceivedMessage) -> dict[str, TypedData]:
    """The trigger metadata beside one message; a text that is not there is a value of no kind."""
    metadata = {}
    for field, attribute in _TEXT_FIELDS.items():
        text = _text(message, attribute)
        metadata[field] = TypedData() if text is None else TypedData(string=text)
    metadata["SequenceNumber"] = _as_json(message.sequence_number)
    return metadata | {field: _as_json(value) for field, value in _structured_fields(message).items()}


def _structured_fields(message: ServiceBusReceivedMessage) -> dict[str, Any]:
    """The metadata the host has no own encoding for, so that it sends them as JSON."""
    properties = _application_properties(message.application_properties)
    return {
        # The AMQP header counts the deliveries before this one; the .NET library adds this one.
        "DeliveryCount": (message.delivery_count or 0) + 1,
        "EnqueuedTimeUtc": _dotnet_time(message.enqueued_time_utc),
        "ExpiresAtUtc": _dotnet_time(message.expires_at_utc),
        "ApplicationProperties": properties,
        "UserProperties": properties,
    }


def _body(message: ServiceBusReceivedMessage) -> bytes:
    return b"".join(message.body)


def _texts(messages: Sequence[ServiceBusReceivedMessage], attribute: str) -> TypedData:
    texts = (_text(message, attribute) for message in messages)
    return TypedData(collection_string=SimpleNamespace(string=[text for text in texts if text]))


def _text(message: ServiceBusReceivedMessage, attribute: str) -> str | None:
    value = getattr(message, attribute)
    return None if value is None else str(value)


def _dotnet_time(instant: datetime | None) -> str:
    """A time as Json.NET writes a DateTime of unspecified kind: UTC without saying so, no trailing zeros."""
    if instant is None:
        return _NEVER
    text = instant.replace(tzinfo=None).isoformat()
    return text.rstrip("0") if "." in text else text


def _application_properties(properties: Mapping[Any, Any] | None) -> dict[str, Any]:
    """Application properties with the texts that the Python SDK leaves as bytes decoded."""
    return {_decoded(key): _decoded(value) for key, value in (properties or {}).items()}


def _decoded(value: Any) -> Any:
    if not isinstance(value, bytes):
        return value
    try:
        return value.decode()
    except UnicodeDecodeError:
        return base64.b64encode(value).decode()  # what Json.NET makes of binary


def _as_json(value: Any) -> TypedData:
    return TypedData(json=json.dumps(value, default=_json_default))


def _json_default(value: object) -> str:
    """Values of AMQP that JSON lacks, written as Json.NET writes them."""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, UUID):
        return str(value)
    raise TypeError(f"An application property of type {type(value).__name__} cannot be encoded.")
