"""What becomes of pushes on their way to the operator."""

from collections import Counter

import pytest

from simulator.losing import lose
from simulator.messages import write
from simulator.moments import ticks

LATE_SECONDS = 6 * 3600


@pytest.fixture(scope="module")
def messages(day):
    """The day's."""
    return [write(happening) for happening in day.happenings]


def test_every_message_arrives_or_is_lost(messages):
    """Never both, and those that are lost are those that are told."""
    losses = lose(messages, 1, share=0.1)

    arrived = {arrival.body for arrival in losses.arrivals}
    lost = {message.body for message in losses.lost}
    assert arrived.isdisjoint(lost)
    assert arrived | lost == {message.body for message in messages}
    assert lost


def test_arrivals_come_in_order_of_time_and_never_before_they_were_sent(messages):
    """Nor later than the latest."""
    arrivals = lose(messages, 1).arrivals
    sent_at = {message.body: message.meaning.received_at for message in messages}

    assert arrivals == sorted(arrivals, key=lambda arrival: arrival.at)
    assert all(0 <= arrival.at - sent_at[arrival.body] <= ticks(LATE_SECONDS) for arrival in arrivals)


def test_shares_of_nothing_lose_delay_and_repeat_nothing(messages):
    """All arrive once within seconds."""
    losses = lose(messages, 1, share=0, late=0, repeats=0)
    sent_at = {message.body: message.meaning.received_at for message in messages}

    assert losses.lost == []
    assert set(Counter(arrival.body for arrival in losses.arrivals).values()) == {1}
    assert all(arrival.at - sent_at[arrival.body] <= ticks(2) for arrival in losses.arrivals)


def test_shares_of_all_repeat_or_lose_all(messages):
    """Twice each, or none."""
    repeated = lose(messages, 1, share=0, repeats=1)

    assert set(Counter(arrival.body for arrival in repeated.arrivals).values()) == {2}
    assert lose(messages, 1, share=1).arrivals == []


def test_the_same_seed_loses_the_same(messages):
    """And another one others."""
    assert lose(messages, 1) == lose(messages, 1)
    assert lose(messages, 1, share=0.1).lost != lose(messages, 2, share=0.1).lost
