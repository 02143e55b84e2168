"""Deliveries: disturbed, but nothing added and nothing lost."""

import json

import pytest

from simulator import Fleet, disturb, oddities
from simulator.messages import Oddity

MESSAGES = [*Fleet(chargers=30).take(900), *oddities(seed=1, count=5)]


def contents(body):
    """The canonical JSON of every event in a body; of what is no JSON, the body."""
    try:
        value = json.loads(body.removeprefix(b"\xef\xbb\xbf"))
    except ValueError:
        return [body]
    if isinstance(value, str):
        value = json.loads(value)
    return [json.dumps(event, sort_keys=True) for event in (value if isinstance(value, list) else [value])]


def delivered(bodies):
    """The contents of all deliveries."""
    return [content for body in bodies for content in contents(body)]


def original(messages):
    """The contents of the messages."""
    return [contents(message.body)[0] for message in messages]


@pytest.mark.parametrize("seed", range(5))
def test_the_set_of_contents_stays(seed):
    """Every message is delivered, and nothing else, with everything turned up."""
    bodies = disturb(MESSAGES, seed, repeats=0.5, disorder=0.5, late=0.2, wrapped=0.3)

    assert set(delivered(bodies)) == set(original(MESSAGES))


def test_one_seed_is_one_sequence():
    """The same arguments give the same bytes."""
    assert disturb(MESSAGES, 1) == disturb(MESSAGES, 1)
    assert disturb(MESSAGES, 1) != disturb(MESSAGES, 2)


def test_without_disturbance_the_messages_come_as_they_are():
    """All shares at 0 change nothing."""
    assert disturb(MESSAGES, 1, repeats=0, disorder=0, late=0, wrapped=0) == [message.body for message in MESSAGES]


def test_repeats_are_as_many_as_asked_for():
    """Some of them byte for byte the same, some spelled in another way."""
    bodies = disturb(MESSAGES, 1, repeats=0.2, wrapped=0)

    assert len(bodies) - len(MESSAGES) == pytest.approx(0.2 * len(MESSAGES), rel=0.25)
    assert len(MESSAGES) < len(set(bodies)) < len(bodies)


def test_disorder_is_local():
    """A message out of order stays near its place."""
    bodies = disturb(MESSAGES, 1, repeats=0, disorder=0.3, late=0, wrapped=0)
    places = {message.body: place for place, message in enumerate(MESSAGES)}
    shifts = [place - places[body] for place, body in enumerate(bodies)]

    assert any(shifts)
    assert max(map(abs, shifts)) <= 20


def test_late_messages_come_much_later():
    """Anywhere until the end."""
    bodies = disturb(MESSAGES, 1, repeats=0, disorder=0, late=0.05, wrapped=0)
    places = {message.body: place for place, message in enumerate(MESSAGES)}

    assert max(place - places[body] for place, body in enumerate(bodies)) > 100


def test_all_wrappings_come():
    """Arrays, byte order marks and JSON in a JSON string."""
    bodies = disturb(MESSAGES, 1, wrapped=0.2)

    assert {body[:1] for body in bodies} == {b"{", b"[", b"\xef", b'"'}


def test_oddities_are_what_they_say():
    """Half of them cannot be parsed, half can and have a charger."""
    for message in oddities(seed=4, count=20):
        if message.meaning is Oddity.NOT_JSON:
            with pytest.raises(ValueError, match=r"line 1"):
                json.loads(message.body)
        else:
            assert json.loads(message.body)["chargerId"]
