"""Batches of Kafka messages, read back by azure.functions' own converter, as a function gets them."""

import base64
from types import SimpleNamespace

import pytest
from azure.functions.kafka import KafkaTriggerConverter
from azure_functions_runtime.bindings.datumdef import Datum

from local.functions_host.kafka_encoding import batch_metadata, encode_batch


class Message:
    """What the client library gives for a message."""

    def __init__(self, value=b"{}", *, key=b"SIM-1", offset=0, partition=0, headers=None, milliseconds=0):
        self._fields = SimpleNamespace(
            value=value,
            key=key,
            offset=offset,
            partition=partition,
            headers=headers,
            timestamp=(1, milliseconds),
            topic="push-events",
        )

    def __getattr__(self, name):
        return lambda: getattr(self._fields, name)


def decoded(*messages):
    """The events as the function gets them."""
    metadata = {name: Datum.from_typed_data(data) for name, data in batch_metadata(messages).items()}
    return KafkaTriggerConverter.decode(Datum.from_typed_data(encode_batch(messages)), trigger_metadata=metadata)


def test_events_have_what_was_sent_and_where_it_was():
    """Body, key, partition, offset and topic, each with its own message."""
    events = decoded(Message(b"\x00\xff", offset=7, partition=2), Message(b"{}", key=None, offset=2**40, partition=0))

    assert [event.get_body() for event in events] == [b"\x00\xff", b"{}"]
    assert [event.key for event in events] == ["SIM-1", None]
    assert [(event.partition, event.offset) for event in events] == [(2, 7), (0, 2**40)]
    assert {event.topic for event in events} == {"push-events"}


def test_an_empty_body_keeps_its_place():
    """It is a body of no bytes."""
    assert [event.get_body() for event in decoded(Message(b""), Message(b"{}"))] == [b"", b"{}"]


@pytest.mark.parametrize("place", [0, 1])
def test_a_message_without_a_value_has_a_place_but_no_body(place):
    """The real host leaves a tombstone out of the bodies alone, so an app must cope with the rest."""
    messages = [Message(b"{}", offset=1)]
    messages.insert(place, Message(None, offset=2))

    assert encode_batch(messages).collection_bytes.bytes == [b"{}"]
    assert sorted(batch_metadata(messages)["OffsetArray"].collection_sint64.sint64) == [1, 2]


def test_headers_keep_their_order_and_their_bytes():
    """Names may repeat; a value is base64, and one that is not there is null."""
    (event,) = decoded(Message(headers=[("a", b"\xff"), ("b", None), ("a", "text")]))

    assert [(header["Key"], header["Value"]) for header in event.headers] == [
        ("a", base64.b64encode(b"\xff").decode()),
        ("b", None),
        ("a", base64.b64encode(b"text").decode()),
    ]


def test_no_headers_are_an_empty_list():
    """As the client library says nothing."""
    assert decoded(Message(headers=None))[0].headers == []


def test_a_key_that_is_no_text_is_replaced():
    """A function gets keys as texts."""
    assert decoded(Message(key=b"\xff1"))[0].key == "\ufffd1"


@pytest.mark.parametrize(
    ("milliseconds", "text"),
    [
        (1_795_273_324_018, "2026-11-21T15:02:04.018Z"),
        (1_795_273_324_500, "2026-11-21T15:02:04.5Z"),
        (1_795_273_324_000, "2026-11-21T15:02:04Z"),
        (0, "1970-01-01T00:00:00Z"),
    ],
)
def test_times_are_written_as_the_real_host_does(milliseconds, text):
    """UTC, with no more digits than are told."""
    assert decoded(Message(milliseconds=milliseconds))[0].timestamp == text


@pytest.mark.parametrize(
    ("milliseconds", "text"),
    [
        (253_402_300_799_999, "9999-12-31T23:59:59.999Z"),
        (253_402_300_800_000, "9999-12-31T23:59:59.999Z"),
        (2**63 - 1, "9999-12-31T23:59:59.999Z"),
        (-62_135_596_800_000, "0001-01-01T00:00:00Z"),
        (-(2**63), "0001-01-01T00:00:00Z"),
    ],
)
def test_a_time_that_no_calendar_has_is_the_nearest_one(milliseconds, text):
    """Brokers take any 64 bits, and a message is no reason to stop its partition."""
    assert decoded(Message(milliseconds=milliseconds))[0].timestamp == text
