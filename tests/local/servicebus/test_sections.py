"""Tests of splitting encoded messages into sections and putting them together."""

import pytest
from proton import Message, int32, symbol, timestamp

from local.servicebus.amqp.sections import split_message, split_transfer
from local.servicebus.amqp.values import MalformedValueError, encode_int, encode_symbol


def encoded_message(**fields) -> bytes:
    """Encode a message with proton, so that the splitting is tested against somebody else's encoder."""
    return bytes(Message(inferred=True, **fields).encode())


def decoded(data: bytes) -> Message:
    """Decode a message with proton."""
    message = Message()
    message.decode(data)
    return message


def encoded_batch(*members: bytes) -> bytes:
    """Put encoded messages into Data sections, as a Service Bus batch is."""
    return b"".join(b"\x00\x53\x75\xb0" + len(member).to_bytes(4, "big") + member for member in members)


def test_what_the_broker_needs_is_read():
    """Time to live, message id, annotations and application properties are found."""
    content = split_message(
        encoded_message(
            body=b"payload",
            id="id-1",
            subject="start",
            ttl=90,
            annotations={symbol("x-opt-scheduled-enqueue-time"): timestamp(123456)},
            properties={"site": "7", "count": int32(3)},
        )
    )
    assert content.time_to_live_milliseconds == 90_000
    assert content.property_value(0) == "id-1"
    assert content.property_value(3) == "start"
    assert content.property_value(12) is None
    assert content.annotation("x-opt-scheduled-enqueue-time") == 123456
    assert content.annotation("x-opt-partition-key") is None
    assert content.application_properties() == {"site": "7", "count": 3}


@pytest.mark.parametrize(
    "body", [b"", b"payload" * 100, bytes(range(256)), "text", {"a": [1, 2.5, None]}, [b"a", "b"], None]
)
def test_the_senders_part_passes_through_untouched(body):
    """Properties and body of any kind are the same bytes after the broker has put its own part in front."""
    data = encoded_message(body=body, id=b"\x01\x02", properties={"a": 1})
    content = split_message(data)
    again = content.encode(None, 0, {})
    assert again.endswith(data[data.index(b"\x00\x53\x73") :])
    assert decoded(again).body == decoded(data).body


def test_the_brokers_annotations_join_the_senders():
    """Delivery count, time to live and annotations are the broker's; other annotations of the sender stay."""
    content = split_message(encoded_message(body=b"x", annotations={symbol("mine"): 1, symbol("x-opt-number"): 2}))
    pair = encode_symbol("x-opt-number") + encode_int(7)
    message = decoded(content.encode(5000, 4, {"x-opt-number": pair}))
    assert message.delivery_count == 4
    assert message.ttl == 5
    assert message.annotations == {"mine": 1, "x-opt-number": 7}


def test_application_properties_can_be_added():
    """A dead letter's reason joins the sender's application properties, also where there were none."""
    for properties in (None, {"site": 7}):
        content = split_message(encoded_message(body=b"x", properties=properties))
        message = decoded(content.with_application_properties({"DeadLetterReason": "broken"}).encode(None, 0, {}))
        assert message.properties == {**(properties or {}), "DeadLetterReason": "broken"}
        assert message.body == b"x"


def test_a_batch_is_split_into_its_messages():
    """Every Data section of a batch is one message, also where there is only one."""
    members = [encoded_message(body=f"{number}".encode(), id=f"id-{number}") for number in range(3)]
    assert [content.property_value(0) for content in split_transfer(encoded_batch(*members))] == [
        "id-0",
        "id-1",
        "id-2",
    ]
    assert [content.property_value(0) for content in split_transfer(encoded_batch(members[0]))] == ["id-0"]


@pytest.mark.parametrize("payload", [b"", b"\x00", b"\x00\x53\x75", b'{"a": 1}', b"\x00\x53\x75\xa0\x05ab"])
def test_a_message_whose_body_only_looks_like_a_batch_is_one_message(payload):
    """Data that is not wholly encoded messages is payload."""
    data = encoded_batch(payload)
    assert [content.body for content in split_transfer(data)] == [data]


@pytest.mark.parametrize("data", [b"garbage", b"\x00\x53\x10\x45", b"\x00\x53\x73\xc0\x40\x01", b"\x00\x53\x70\x41"])
def test_what_is_no_message_is_refused(data):
    """Bytes without sections, unknown sections and truncated ones raise one known error."""
    with pytest.raises(MalformedValueError):
        split_transfer(data)
