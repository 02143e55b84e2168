"""Splits an encoded message into its sections (OASIS AMQP 1.0, part 3, section 3.2) and puts it together again.

The sender's properties, body and footer stay the very bytes that came in, so a consumer sees exactly what was sent.
The header and the message annotations are the broker's own to write, and are therefore taken apart.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from local.servicebus.amqp.values import (
    DESCRIBED,
    MalformedValueError,
    decode_binary,
    decode_value,
    encode_list,
    encode_map,
    encode_string,
    encode_uint,
    end_of_value,
    items_of,
)

# Encoded key followed by encoded value, by the decoded key: one value can be replaced while the rest is passed on.
EncodedMap = dict[object, bytes]

_HEADER = 0x70
_DELIVERY_ANNOTATIONS = 0x71
_MESSAGE_ANNOTATIONS = 0x72
_PROPERTIES = 0x73
_APPLICATION_PROPERTIES = 0x74
_DATA = 0x75
_FOOTER = 0x78
_SMALL_ULONG = 0x53

_HEADER_TIME_TO_LIVE = 2
_DURABLE = b"\x41"
_PRIORITY_NORMAL = b"\x50\x04"
_NOT_FIRST_ACQUIRER = b"\x42"


@dataclass(frozen=True, slots=True)
class MessageContent:
    """What a sender wrote, split where the broker must look or write.

    `property_values` are the decoded fields of the properties section in the standard's order; `body` holds every
    body section and the footer, `data_offsets` where its Data sections' values start in it.
    """

    time_to_live_milliseconds: int | None = None
    annotations: EncodedMap = field(default_factory=dict)
    encoded_properties: bytes = b""
    property_values: tuple[object, ...] = ()
    encoded_application_properties: bytes = b""
    body: bytes = b""
    data_offsets: tuple[int, ...] = ()

    @property
    def size_bytes(self) -> int:
        """The size of the sender's part of the message."""
        return len(self.encoded_properties) + len(self.encoded_application_properties) + len(self.body)

    def property_value(self, position: int) -> object:
        """Return one field of the properties section, None where it is absent."""
        return self.property_values[position] if position < len(self.property_values) else None

    def annotation(self, name: str) -> object:
        """Return one message annotation decoded, None where it is absent."""
        return _value_of(self.annotations.get(name))

    def application_properties(self) -> dict[object, object]:
        """Decode the application properties, for filters."""
        return {name: _value_of(pair) for name, pair in self._encoded_application_map().items()}

    def with_application_properties(self, texts: Mapping[str, str]) -> "MessageContent":
        """Return the same message with these application properties set, as dead-lettering does."""
        pairs = self._encoded_application_map()
        pairs.update({name: encode_string(name) + encode_string(text) for name, text in texts.items()})
        section = _descriptor(_APPLICATION_PROPERTIES) + encode_map(*pairs.values())
        return replace(self, encoded_application_properties=section)

    def encode(self, time_to_live_milliseconds: int | None, delivery_count: int, annotations: EncodedMap) -> bytes:
        """Put the message together for a consumer; `annotations` are the broker's, and win over the sender's."""
        header = encode_list(
            _DURABLE,
            _PRIORITY_NORMAL,
            encode_uint(time_to_live_milliseconds),
            _NOT_FIRST_ACQUIRER,
            encode_uint(delivery_count),
        )
        return b"".join(
            (
                _descriptor(_HEADER),
                header,
                _descriptor(_MESSAGE_ANNOTATIONS),
                encode_map(*(self.annotations | annotations).values()),
                self.encoded_properties,
                self.encoded_application_properties,
                self.body,
            )
        )

    def _encoded_application_map(self) -> EncodedMap:
        section = self.encoded_application_properties
        return _encoded_map(section, end_of_value(section, 1)) if section else {}


def split_message(data: bytes) -> MessageContent:
    """Split one encoded message; raise MalformedValueError where it is none."""
    parts: dict[int, tuple[int, int, int]] = {}
    data_offsets = []
    body_start = None
    start = 0
    while start < len(data):
        code, value_start, end = _section_at(data, start)
        if code >= _DATA and body_start is None:
            body_start = start
        if code == _DATA and body_start is not None:
            data_offsets.append(value_start - body_start)
        parts[code] = (start, value_start, end)
        start = end
    header = _list_of(data, parts, _HEADER)
    time_to_live = header[_HEADER_TIME_TO_LIVE] if len(header) > _HEADER_TIME_TO_LIVE else None
    return MessageContent(
        time_to_live_milliseconds=time_to_live if isinstance(time_to_live, int) else None,
        annotations=_encoded_map(data, parts[_MESSAGE_ANNOTATIONS][1]) if _MESSAGE_ANNOTATIONS in parts else {},
        encoded_properties=_bytes_of(data, parts, _PROPERTIES),
        property_values=tuple(_list_of(data, parts, _PROPERTIES)),
        encoded_application_properties=_bytes_of(data, parts, _APPLICATION_PROPERTIES),
        body=b"" if body_start is None else data[body_start:],
        data_offsets=tuple(data_offsets),
    )


def split_transfer(data: bytes) -> list[MessageContent]:
    """Return the messages of one transfer: the members of a Service Bus batch, or the one message it is.

    A batch has message-format 0x80013700, which proton does not show. It is recognised by what it holds: Data
    sections which all are encoded messages, and no application properties.
    """
    envelope = split_message(data)
    if not envelope.data_offsets or envelope.encoded_application_properties:
        return [envelope]
    try:
        members = [decode_binary(envelope.body, offset) for offset in envelope.data_offsets]
        if not all(member[:1] == bytes((DESCRIBED,)) for member in members):
            return [envelope]
        return [split_message(member) for member in members]
    except MalformedValueError:
        return [envelope]


def _section_at(data: bytes, start: int) -> tuple[int, int, int]:
    """Return (descriptor code, offset of the value, end) of the section at `start`."""
    if data[start] != DESCRIBED:
        raise MalformedValueError(f"No section of a message starts at byte {start}.")
    value_start = end_of_value(data, start + 1)
    code = decode_value(data, start + 1)
    if not isinstance(code, int) or not _HEADER <= code <= _FOOTER:
        raise MalformedValueError(f"{code!r} is no section of a message.")
    return code, value_start, end_of_value(data, value_start)


def _bytes_of(data: bytes, parts: dict[int, tuple[int, int, int]], code: int) -> bytes:
    if code not in parts:
        return b""
    start, _, end = parts[code]
    return data[start:end]


def _list_of(data: bytes, parts: dict[int, tuple[int, int, int]], code: int) -> list[object]:
    if code not in parts:
        return []
    fields = decode_value(data, parts[code][1])
    if not isinstance(fields, list):
        raise MalformedValueError(f"Section 0x{code:02x} holds no list.")
    return fields


def _encoded_map(data: bytes, offset: int) -> EncodedMap:
    bounds = list(items_of(data, offset))
    pairs = zip(bounds[::2], bounds[1::2], strict=True)
    return {decode_value(data, key_start): data[key_start:value_end] for (key_start, _), (_, value_end) in pairs}


def _value_of(pair: bytes | None) -> object:
    """Decode the value of an encoded key and value."""
    return None if pair is None else decode_value(pair, end_of_value(pair, 0))


def _descriptor(code: int) -> bytes:
    return bytes((DESCRIBED, _SMALL_ULONG, code))
