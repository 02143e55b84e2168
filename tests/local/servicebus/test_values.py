"""Tests of the encoding of single AMQP values."""

import uuid

import pytest

from local.servicebus.amqp import values


@pytest.mark.parametrize(
    ("encoded", "expected"),
    [
        (b"\x40", None),
        (b"\x41", True),
        (b"\x42", False),
        (b"\x56\x01", True),
        (b"\x43", 0),
        (b"\x44", 0),
        (b"\x50\xff", 255),
        (b"\x51\xff", -1),
        (b"\x53\x07", 7),
        (b"\x54\xfe", -2),
        (b"\x60\x01\x00", 256),
        (b"\x70\xff\xff\xff\xff", 2**32 - 1),
        (b"\x71\x80\x00\x00\x00", -(2**31)),
        (b"\x80" + b"\xff" * 8, 2**64 - 1),
        (b"\x81" + b"\xff" * 8, -1),
        (b"\x82\x3f\xf0" + b"\x00" * 6, 1.0),
        (b"\x98" + b"\x01" * 16, uuid.UUID(bytes=b"\x01" * 16)),
        (b"\xa0\x02\x00\xff", b"\x00\xff"),
        (b"\xb0\x00\x00\x00\x01\x61", b"a"),
        (b"\xa1\x03\xe2\x82\xac", "\N{EURO SIGN}"),
        (b"\xb1\x00\x00\x00\x01\x61", "a"),
        (b"\xa3\x01\x61", "a"),
        (b"\x45", []),
        (b"\xc0\x03\x02\x41\x40", [True, None]),
        (b"\xd0\x00\x00\x00\x05\x00\x00\x00\x01\x41", [True]),
        (b"\xc1\x05\x02\xa1\x01\x61\x41", {"a": True}),
        (b"\xe0\x03\x01\x50\x07", b"\xe0\x03\x01\x50\x07"),
    ],
)
def test_decodes_each_type_of_the_standard(encoded, expected):
    """Every format code the broker meets is read as the standard says; an array stays encoded."""
    assert values.decode_value(encoded) == expected
    assert values.end_of_value(encoded, 0) == len(encoded)


@pytest.mark.parametrize("text", ["", "a" * 255, "a" * 256, "\N{EURO SIGN}" * 100])
def test_strings_of_any_length_come_back(text):
    """Short and long strings are read back as they were written."""
    assert values.decode_value(values.encode_string(text)) == text


def test_numbers_times_and_symbols_come_back():
    """What the broker's annotations are made of survives encoding and decoding."""
    encoded = values.encode_list(
        values.encode_int(-5),
        values.encode_uint(5),
        values.encode_uint(None),
        values.encode_long(2**40),
        values.encode_timestamp(1.5),
        values.encode_symbol("x-opt"),
    )
    assert values.decode_value(encoded) == [-5, 5, None, 2**40, 1500, "x-opt"]


@pytest.mark.parametrize("count", [0, 1, 127, 128, 1000])
def test_maps_of_any_size_come_back(count):
    """Maps take the long form where the short one ends."""
    pairs = [values.encode_string(f"name-{number}") + values.encode_int(number) for number in range(count)]
    assert values.decode_value(values.encode_map(*pairs)) == {f"name-{number}": number for number in range(count)}


@pytest.mark.parametrize(
    "encoded",
    [b"", b"\x81\x00", b"\xa1\x05ab", b"\xb1\x00\x00", b"\x1f", b"\xa1\x01\xff", b"\xc0\x03\x09\x41\x40", b"\x00\x53"],
)
def test_broken_values_are_refused(encoded):
    """Bytes that end too soon, unknown codes and text that is no UTF-8 raise one known error."""
    with pytest.raises(values.MalformedValueError):
        values.decode_value(encoded)


def test_binary_is_told_from_text():
    """Only binary is taken where a Data section's content is expected."""
    assert values.decode_binary(b"\xa0\x01\x61", 0) == b"a"
    with pytest.raises(values.MalformedValueError):
        values.decode_binary(b"\xa1\x01\x61", 0)
