"""What may arrive as the body of one delivery, and what an event's identity is."""

import pytest

from shared.emabler.bodies import elements, identity
from shared.errors import Unacceptable

EVENT = b'{"chargerId":"C1","status":"Available"}'


def test_an_object_is_one_event_with_the_body_as_it_came():
    """The raw body is kept bit for bit."""
    (element,) = elements(b"  " + EVENT)

    assert (element.raw, element.value["chargerId"]) == (b"  " + EVENT, "C1")


def test_an_array_is_as_many_events():
    """Each with its own part of the body."""
    first, second = elements(b"[" + EVENT + b',{"chargerId":"C2"}]')

    assert (first.value["chargerId"], second.raw) == ("C1", b'{"chargerId":"C2"}')


@pytest.mark.parametrize(
    "body",
    [
        b"\xef\xbb\xbf" + EVENT,
        b'"{\\"chargerId\\":\\"C1\\",\\"status\\":\\"Available\\"}"',
        b'"\xef\xbb\xbf[{\\"status\\":\\"Available\\",\\"chargerId\\":\\"C1\\"}]"',
        b'{"status" : "Available",\r\n "chargerId" : "C1"}',
        b'{"status":"Available","chargerId":"\\u00431"}',
    ],
)
def test_the_same_content_is_the_same_event_however_it_is_wrapped(body):
    """A byte order mark, JSON inside a JSON string, key order, white space and escapes say nothing."""
    (element,) = elements(body)

    assert identity(element.value) == identity(elements(EVENT)[0].value)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "empty-body"),
        (b" \r\n", "empty-body"),
        (b"\xef\xbb\xbf", "empty-body"),
        (b'""', "empty-body"),
        (b"[]", "empty-array"),
        (b"ChargerState", "not-json"),
        (b'{"chargerId":', "not-json"),
        (b'{"value":NaN}', "not-json"),
        (b'{"value":"\xff"}', "not-json"),
        (EVENT.decode().encode("utf-16"), "not-json"),
        (b'"not json inside"', "not-json"),
        (b"[" * 200_000 + b"]" * 200_000, "too-deep"),
    ],
)
def test_what_holds_no_event_is_refused_with_its_reason(body, reason):
    """The reason is a stable word, for the operator's eyes and for filters."""
    with pytest.raises(Unacceptable) as caught:
        elements(body)

    assert caught.value.reason == reason


@pytest.mark.parametrize(
    "body",
    [
        b'{"chargerId":"C1","x":' + b"[" * 300 + b"]" * 300 + b"}",
        b'{"chargerId":"C1","x":1e400}',
        b'{"chargerId":"C1","x":123456789012345678901234567890}',
        b'{"chargerId":"C1","x":"\\ud83d"}',
    ],
    ids=["deep", "infinite", "long", "half-a-character"],
)
@pytest.mark.parametrize("wrap", [b"%s", b"[%s]"])
def test_what_the_fast_reader_refuses_is_read_all_the_same(body, wrap):
    """It is JSON; alone and in an array."""
    (element,) = elements(wrap % body)

    assert element.value["chargerId"] == "C1"
    assert identity(element.value) == identity(elements(body)[0].value)


def test_what_is_nested_past_all_writing_has_no_identity():
    """It is set aside with its reason, whatever depth this Python can read."""
    nested = []
    for _ in range(200_000):
        nested = [nested]

    with pytest.raises(Unacceptable) as caught:
        identity(nested)

    assert caught.value.reason == "too-deep"


def test_an_error_does_not_quote_the_body():
    """Its text goes to the log, and bodies hold tags."""
    with pytest.raises(Unacceptable) as caught:
        elements(b'{"authorizedIdTag":"SECRET-TAG",}')

    assert "SECRET" not in f"{caught.value}{caught.value.__cause__}"
