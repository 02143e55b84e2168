"""Encodes and decodes single AMQP 1.0 values (OASIS AMQP 1.0, part 1, "Types").

Only what the broker reads or writes is decoded; arrays and decimals are carried as bytes.
"""

import struct
import uuid
from collections.abc import Iterator

DESCRIBED = 0x00
NULL = 0x40
EMPTY_LIST = 0x45

_CONSTANTS: dict[int, object] = {NULL: None, 0x41: True, 0x42: False, 0x43: 0, 0x44: 0}
_FIXED_WIDTH = {
    0x50: struct.Struct(">B"),  # ubyte
    0x51: struct.Struct(">b"),  # byte
    0x52: struct.Struct(">B"),  # small uint
    0x53: struct.Struct(">B"),  # small ulong
    0x54: struct.Struct(">b"),  # small int
    0x55: struct.Struct(">b"),  # small long
    0x56: struct.Struct(">?"),  # boolean
    0x60: struct.Struct(">H"),  # ushort
    0x61: struct.Struct(">h"),  # short
    0x70: struct.Struct(">I"),  # uint
    0x71: struct.Struct(">i"),  # int
    0x72: struct.Struct(">f"),  # float
    0x80: struct.Struct(">Q"),  # ulong
    0x81: struct.Struct(">q"),  # long
    0x82: struct.Struct(">d"),  # double
    0x83: struct.Struct(">q"),  # timestamp, milliseconds since 1970
}
_UUID = 0x98
_BINARY = (0xA0, 0xB0)
_TEXT = (0xA1, 0xA3, 0xB1, 0xB3)  # strings and symbols, short and long
_LISTS = (EMPTY_LIST, 0xC0, 0xD0)
_MAPS = (0xC1, 0xD1)

# The high half of a format code says how wide the value is (part 1, section 1.2).
_WIDTH_BY_CATEGORY = {0x4: 0, 0x5: 1, 0x6: 2, 0x7: 4, 0x8: 8, 0x9: 16}
_SHORT_SIZE_CATEGORIES = (0xA, 0xC, 0xE)
_LONG_SIZE_CATEGORIES = (0xB, 0xD, 0xF)

_SHORT_LIMIT = 255
_COUNT_BYTES = {0xC0: 1, 0xC1: 1, 0xD0: 4, 0xD1: 4}


class MalformedValueError(ValueError):
    """The bytes are no AMQP value, or end in the middle of one."""


def end_of_value(data: bytes, offset: int) -> int:
    """Return the offset behind the value that starts at `offset`; raise MalformedValueError where it is cut short."""
    try:
        end = _end_of_value_unchecked(data, offset)
    except IndexError:
        raise MalformedValueError(f"The data ends inside the value at byte {offset}.") from None
    if end > len(data):
        raise MalformedValueError(f"The value at byte {offset} is longer than the data.")
    return end


def _end_of_value_unchecked(data: bytes, offset: int) -> int:
    code = data[offset]
    if code == DESCRIBED:
        return end_of_value(data, end_of_value(data, offset + 1))
    category = code >> 4
    if category in _WIDTH_BY_CATEGORY:
        return offset + 1 + _WIDTH_BY_CATEGORY[category]
    if category in _SHORT_SIZE_CATEGORIES:
        return offset + 2 + data[offset + 1]
    if category in _LONG_SIZE_CATEGORIES:
        return offset + 5 + int.from_bytes(data[offset + 1 : offset + 5], "big")
    raise MalformedValueError(f"0x{code:02x} is no AMQP format code.")


def decode_value(data: bytes, offset: int = 0) -> object:
    """Return the value that starts at `offset` as a Python object.

    Strings and symbols become `str`, lists `list`, maps `dict`; a type the broker never looks into stays encoded.
    """
    end = end_of_value(data, offset)
    code = data[offset]
    if code in _CONSTANTS:
        return _CONSTANTS[code]
    if code in _FIXED_WIDTH:
        return _FIXED_WIDTH[code].unpack_from(data, offset + 1)[0]
    if code in _LISTS or code in _MAPS:
        return _decode_compound(data, offset)
    return _decode_bytes(code, data[offset:end])


def _decode_compound(data: bytes, offset: int) -> object:
    elements = [decode_value(data, start) for start, _ in items_of(data, offset)]
    if data[offset] in _LISTS:
        return elements
    return dict(zip(elements[::2], elements[1::2], strict=True))


def _decode_bytes(code: int, encoded: bytes) -> object:
    if code == _UUID:
        return uuid.UUID(bytes=encoded[1:])
    if code not in _BINARY and code not in _TEXT:
        return encoded
    content = encoded[2:] if code >> 4 in _SHORT_SIZE_CATEGORIES else encoded[5:]
    return _decode_text(content) if code in _TEXT else content


def decode_binary(data: bytes, offset: int) -> bytes:
    """Return the content of the binary value at `offset`; raise MalformedValueError for any other type."""
    content = decode_value(data, offset)
    if data[offset] not in _BINARY or not isinstance(content, bytes):
        raise MalformedValueError(f"The value at byte {offset} is not binary.")
    return content


def items_of(data: bytes, offset: int) -> Iterator[tuple[int, int]]:
    """Yield (start, end) of every element of the list or map at `offset`; a map's keys and values alternate."""
    code = data[offset]
    if code == EMPTY_LIST:
        return
    width = _COUNT_BYTES.get(code)
    if width is None:
        raise MalformedValueError(f"The value at byte {offset} is neither a list nor a map.")
    count_at = offset + 1 + width
    count = int.from_bytes(data[count_at : count_at + width], "big")
    start = count_at + width
    for _ in range(count):
        end = end_of_value(data, start)
        yield start, end
        start = end


def _decode_text(content: bytes) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise MalformedValueError("A string or symbol is not valid UTF-8.") from None


def encode_symbol(text: str) -> bytes:
    """Encode a symbol of at most 255 ASCII characters."""
    content = text.encode("ascii")
    return bytes((0xA3, len(content))) + content


def encode_string(text: str) -> bytes:
    """Encode a string of any length."""
    content = text.encode()
    if len(content) <= _SHORT_LIMIT:
        return bytes((0xA1, len(content))) + content
    return b"\xb1" + struct.pack(">I", len(content)) + content


def encode_int(value: int) -> bytes:
    """Encode a 32-bit signed integer."""
    return struct.pack(">Bi", 0x71, value)


def encode_uint(value: int | None) -> bytes:
    """Encode a 32-bit unsigned integer, or null."""
    return bytes((NULL,)) if value is None else struct.pack(">BI", 0x70, value)


def encode_long(value: int) -> bytes:
    """Encode a 64-bit signed integer."""
    return struct.pack(">Bq", 0x81, value)


def encode_timestamp(epoch_seconds: float) -> bytes:
    """Encode a point in time, given in seconds since 1970, in AMQP's milliseconds."""
    return struct.pack(">Bq", 0x83, int(epoch_seconds * 1000))


def encode_list(*encoded_items: bytes) -> bytes:
    """Encode a list of items that are encoded already."""
    return _encode_compound(0xC0, 0xD0, len(encoded_items), b"".join(encoded_items))


def encode_map(*encoded_pairs: bytes) -> bytes:
    """Encode a map; each argument is one encoded key followed by its encoded value."""
    return _encode_compound(0xC1, 0xD1, 2 * len(encoded_pairs), b"".join(encoded_pairs))


def _encode_compound(short_code: int, long_code: int, count: int, content: bytes) -> bytes:
    size_with_count = len(content) + 1
    if size_with_count <= _SHORT_LIMIT and count <= _SHORT_LIMIT:
        return bytes((short_code, size_with_count, count)) + content
    return struct.pack(">BII", long_code, len(content) + 4, count) + content
