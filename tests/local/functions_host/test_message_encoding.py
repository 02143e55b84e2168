"""Service Bus messages as the real host encodes them, decoded again by Microsoft's own library where that matters."""

import json
from datetime import UTC, datetime, timedelta, timezone
from types import SimpleNamespace
from uuid import UUID

import azure.functions as func
import pytest
from azure.functions.servicebus import ServiceBusMessageInConverter
from azure_functions_runtime.bindings.datumdef import Datum

from local.functions_host.message_encoding import batch_metadata, encode_batch, encode_single, single_metadata

_LOCK_TOKEN = UUID("01234567-89ab-cdef-0123-456789abcdef")


def _message(body=b"{}", **fields):
    """A received message with the attributes of the SDK's class; a test names what is not ordinary."""
    return SimpleNamespace(
        **{
            "body": iter([body]),
            "message_id": "m-1",
            "lock_token": _LOCK_TOKEN,
            "correlation_id": None,
            "subject": None,
            "content_type": "application/json",
            "session_id": None,
            "reply_to": None,
            "reply_to_session_id": None,
            "to": None,
            "partition_key": None,
            "dead_letter_source": None,
            "sequence_number": 7,
            "delivery_count": 0,
            "enqueued_time_utc": datetime(2026, 3, 1, 12, 30, 0, 250000, tzinfo=UTC),
            "expires_at_utc": datetime(2026, 3, 1, 13, 30, tzinfo=UTC),
            "application_properties": None,
            **fields,
        }
    )


def _decoded(data, metadata) -> list[func.ServiceBusMessage] | func.ServiceBusMessage:
    datums = {name: Datum.from_typed_data(value) for name, value in metadata.items()}
    return ServiceBusMessageInConverter.decode(Datum.from_typed_data(data), trigger_metadata=datums)


def test_batch_of_binary_keeps_every_body():
    """Empty bodies and bytes that are no text arrive as they are."""
    bodies = [b"{}", b"", b"\xff\x00"]

    assert encode_batch([_message(body) for body in bodies], "binary").collection_bytes.bytes == bodies


def test_batch_of_strings_loses_empty_bodies():
    """The real host drops them from a string collection, which later fails the batch."""
    assert encode_batch([_message(b"a"), _message(b""), _message(b"b")], "string").collection_string.string == [
        "a",
        "b",
    ]


def test_body_in_several_sections_is_joined():
    """A message may carry its body in more than one data section."""
    message = _message(body=None)
    message.body = iter([b"ab", b"c"])

    assert encode_single(message, "binary").bytes == b"abc"


@pytest.mark.parametrize("data_type", ["", "string"])
def test_single_body_is_text_unless_binary_is_asked_for(data_type):
    """With cardinality one the host sends a string by default."""
    assert encode_single(_message(b"text"), data_type).string == "text"


def test_missing_texts_shift_the_later_ones():
    """As in Azure, the third message's correlation id is taken for the second's."""
    messages = [_message(correlation_id="a"), _message(), _message(correlation_id="c")]

    decoded = _decoded(encode_batch(messages, "binary"), batch_metadata(messages))

    assert [message.correlation_id for message in decoded] == ["a", "c", None]


def test_structured_metadata_stays_with_its_message():
    """Counts, times, numbers and properties are aligned, also where a message has none."""
    messages = [
        _message(application_properties={b"source": b"emabler", "retries": 3}, sequence_number=7),
        _message(sequence_number=9, delivery_count=2),
    ]

    first, second = _decoded(encode_batch(messages, "binary"), batch_metadata(messages))

    assert first.application_properties == {"source": "emabler", "retries": 3}
    assert second.application_properties == {}
    assert (first.sequence_number, second.sequence_number) == (7, 9)
    assert first.lock_token == str(_LOCK_TOKEN)


def test_delivery_count_includes_this_delivery():
    """The wire counts the failed deliveries before; the .NET library, and so the function, starts at 1."""
    metadata = batch_metadata([_message(delivery_count=0), _message(delivery_count=None), _message(delivery_count=4)])

    assert json.loads(metadata["DeliveryCountArray"].json) == [1, 1, 5]


def test_times_are_written_as_dotnet_writes_them():
    """No zone, no trailing zeros, and the end of .NET's calendar for a message that does not expire."""
    metadata = batch_metadata([_message(expires_at_utc=None)])

    assert json.loads(metadata["EnqueuedTimeUtcArray"].json) == ["2026-03-01T12:30:00.25"]
    assert json.loads(metadata["ExpiresAtUtcArray"].json) == ["9999-12-31T23:59:59.9999999"]


def test_single_message_comes_back_whole():
    """Every field of one message reaches the function."""
    message = _message(b"body", message_id="m-2", subject="ChargerState", delivery_count=1, correlation_id="c")

    decoded = _decoded(encode_single(message, "binary"), single_metadata(message))

    assert decoded.get_body() == b"body"
    assert (decoded.message_id, decoded.subject, decoded.label) == ("m-2", "ChargerState", "ChargerState")
    assert (decoded.correlation_id, decoded.session_id) == ("c", None)
    assert (decoded.delivery_count, decoded.sequence_number) == (2, 7)
    assert decoded.enqueued_time_utc == datetime(2026, 3, 1, 12, 30, 0, 250000)  # noqa: DTZ001  # Azure's has no zone
    assert decoded.application_properties == {}


def test_properties_json_lacks_are_written_as_text():
    """Times, identifiers and binary become texts, as Json.NET writes them."""
    sent = datetime(2026, 3, 1, tzinfo=timezone(timedelta(hours=2)))
    properties = {"sent": sent, "id": _LOCK_TOKEN, "raw": b"\xff"}

    metadata = batch_metadata([_message(application_properties=properties)])

    assert json.loads(metadata["ApplicationPropertiesArray"].json) == [
        {"sent": "2026-03-01T00:00:00+02:00", "id": str(_LOCK_TOKEN), "raw": "/w=="}
    ]


def test_property_that_cannot_be_encoded_is_refused():
    """A type nobody foresaw fails the batch instead of reaching the function as something else."""
    with pytest.raises(TypeError, match="property of type set"):
        batch_metadata([_message(application_properties={"tags": set()})])
