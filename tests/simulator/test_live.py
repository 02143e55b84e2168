"""Simulated time on the real clock."""

from itertools import pairwise

import pytest

from simulator import Fleet
from simulator.happenings import Kind
from simulator.live import RateClock, SpeedClock, retimed

NOW = 17_900_000_000_000_000
SECOND = 10_000_000


@pytest.fixture(scope="module")
def day():
    """What happens on a day with 30 chargers whose clocks are right."""
    happenings = [message.meaning for message in Fleet(chargers=30).day()]
    return [happening for happening in happenings if not happening.charger.clock_error_ticks]


def test_a_rate_puts_messages_at_equal_distances(day):
    """However uneven the fleet's day is."""
    clock = RateClock(5, NOW)

    assert [clock.due(happening.received_at) for happening in day[:4]] == [
        NOW,
        NOW + SECOND // 5,
        NOW + 2 * SECOND // 5,
        NOW + 3 * SECOND // 5,
    ]


def test_a_rate_keeps_the_order_of_all_times(day):
    """Device times come before receive times, and starts before ends."""
    clock = RateClock(5, NOW)
    happenings = []
    for happening in day:
        due_at = clock.due(happening.received_at)
        happenings.append(retimed(happening, clock))
        assert happenings[-1].received_at == due_at

    assert all(one.received_at < other.received_at for one, other in pairwise(happenings))
    assert all(
        happening.device_at <= happening.received_at for happening in happenings if happening.device_at is not None
    )
    assert all(happening.started_at < happening.ended_at for happening in happenings if happening.kind is Kind.FULL)


def test_what_was_before_the_first_message_is_in_the_past():
    """A session that began before the push has a start before it."""
    clock = RateClock(5, NOW)
    clock.due(1_000 * SECOND)

    assert clock.real(400 * SECOND) == NOW - 10 * SECOND


def test_a_clock_ahead_stays_ahead():
    """A charger's time after the newest message is in the future, as it is in the fleet."""
    clock = RateClock(5, NOW)
    clock.due(1_000 * SECOND)

    assert clock.real(1_600 * SECOND) == NOW + 10 * SECOND


def test_a_clock_forgets_the_oldest_pins_only(monkeypatch):
    """A push that runs for months keeps its memory and its times."""
    monkeypatch.setattr("simulator.live._MAX_PINS", 10)
    clock = RateClock(1, NOW)
    for number in range(100):
        clock.due(number * 60 * SECOND)

    assert len(clock._simulated_pins) <= 10
    assert clock.real(98 * 60 * SECOND) == NOW + 98 * SECOND


def test_a_speed_divides_all_times():
    """An hour of the fleet is a minute at sixty times the speed."""
    clock = SpeedClock(1_000 * SECOND, 60, NOW)

    assert clock.due(4_600 * SECOND) == clock.real(4_600 * SECOND) == NOW + 60 * SECOND
