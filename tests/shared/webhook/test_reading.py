"""What a body at the webhook is."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.webhook.reading import Kind, kind_of
from tests.support.messages import DOCUMENTED, body, documented

TAP = {"charger_id": "C1", "rfid_tag_id": "T1"}


@pytest.mark.parametrize("text", [b"", b"  \r\n", b"\xef\xbb\xbf", b"{}", b" { } "])
def test_nothing_is_a_check_of_the_endpoint(text):
    """With an empty body or an empty object, eMabler may look whether somebody is there."""
    assert kind_of(text) is Kind.CHECK


@pytest.mark.parametrize(
    "value",
    [
        TAP,
        TAP | {"extra": 1},
        {"rfid_tag_id": "T1", "charger_id": None},
        {"rfid_tag_id": "T1"},
        {"rfid_tag_id": None},
        {"Charger_Id": "C1", "RFID_TAG_ID": 5},
    ],
)
def test_a_question_also_a_damaged_one_is_a_tap(value):
    """So that it is answered with a no, and not taken for an event."""
    assert kind_of(json.dumps(value).encode()) is Kind.TAP


@pytest.mark.parametrize(("generation", "name"), DOCUMENTED)
def test_documented_messages_are_events(generation, name):
    """Alone, in an array, after a byte order mark."""
    text = body(documented(generation, name))

    assert {kind_of(text), kind_of(b"[" + text + b"]"), kind_of(b"\xef\xbb\xbf" + text)} == {Kind.EVENTS}


@pytest.mark.parametrize(
    "value",
    [
        [TAP, TAP],
        [{}],
        [1, 2],
        {"chargerId": "C1", "somethingNew": 1},
        {"charger_id": "C1", "status": "Available"},
        {"charger_id": "C1", "rfid_tag_id": None, "status": "Available"},
    ],
)
def test_other_objects_and_arrays_are_events(value):
    """Ingest decides what becomes of them: archived as their type, as Unknown, or set aside."""
    assert kind_of(json.dumps(value).encode()) is Kind.EVENTS


@pytest.mark.parametrize(
    "text",
    [
        *(b"not json", b"{", b"[]", b"\xff\xfe", b"NaN", b"[" * 5000, b'{"a":1}{"b":2}', b"42", b'""', b'"{}"'),
        *(b'{"a": "\\ud800"}', b'{"charger_id": "C1"}', b'{"charger_id": "C1", "reservationId": 7}'),
    ],
)
def test_everything_else_is_kept_and_never_a_yes(text):
    """No JSON, no object, or one of an unknown type that says `charger_id` as questions do."""
    assert kind_of(text) is Kind.DOUBTFUL


@given(st.binary(max_size=200) | st.text(max_size=100).map(str.encode))
def test_any_body_is_one_of_the_four(text):
    """Nothing raises."""
    assert kind_of(text) in Kind
