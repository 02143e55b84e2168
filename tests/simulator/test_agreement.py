"""What the simulator meant is what the app reads: two programs that share no code."""

import pytest

from shared.emabler.bodies import elements
from shared.emabler.push import read_event
from shared.events import EventType
from simulator import Fleet
from simulator.happenings import Kind
from simulator.moments import iso


@pytest.fixture(scope="module")
def pairs():
    """The simulator's meaning and the app's event of every message of a day."""
    messages = Fleet(seed=7, chargers=60).day()
    return [(message.meaning, read_event(*elements(message.body))) for message in messages]


def test_nothing_in_a_simulated_message_is_new_to_the_app(pairs):
    """Every type, field, status, measurand and unit is known."""
    assert [novelty for _, event in pairs for novelty in event.novelties] == []


def test_the_types_are_the_same(pairs):
    """Told apart by shape alone."""
    assert [event.event_type for _, event in pairs] == [EventType(meaning.kind.message_type) for meaning, _ in pairs]


def test_the_times_are_the_same_to_the_tick(pairs):
    """Where the message tells them."""
    for meaning, event in pairs:
        if event.received_at is not None:
            assert event.received_at.iso == iso(meaning.received_at)
        if meaning.kind is Kind.FULL:
            assert (event.content.started_at.iso, event.content.ended_at.iso) == (
                iso(meaning.started_at),
                iso(meaning.ended_at),
            )


def test_the_measured_values_are_the_same(pairs):
    """In base units, column by column."""
    measured = [(meaning, event.content) for meaning, event in pairs if meaning.kind is Kind.MEASUREMENTS]

    assert measured
    for meaning, content in measured:
        assert content.left_out == 0
        assert [sample.value for sample in content.samples] == pytest.approx(
            [reading.base_value for reading in meaning.readings]
        )
