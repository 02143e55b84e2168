"""The arithmetic of rounds and ratios."""

import asyncio

import pytest

from bench.rounds import Cost, Spread, all_of, cost_of, cpu_ratio, in_turns, rate, speed_ratio


def test_a_spread_is_the_median_with_both_ends():
    """The text has the median first, and groups thousands."""
    assert Spread.of([3000.0, 1000.0, 2000.0]).text(1) == "2,000.0 (1,000.0 to 3,000.0)"


def test_the_speed_ratio_is_above_one_for_the_faster():
    """Half the time is twice as fast, round by round."""
    ours, reference = [Cost(1.0, 1.0), Cost(1.0, 1.0)], [Cost(2.0, 8.0), Cost(4.0, 4.0)]

    assert speed_ratio(ours, reference) == Spread(3.0, 2.0, 4.0)
    assert cpu_ratio(ours, reference) == Spread(0.1875, 0.125, 0.25)


def test_a_rate_is_units_by_seconds():
    """Ten units in half a second are twenty a second."""
    assert rate([Cost(0.5, 0.1)], 10).median == 20


async def test_sides_take_turns_in_changing_order():
    """Every round runs every side once, in another order, and the warm-up is left out of the costs."""
    ran = []

    def side(name):
        async def work(number):
            ran.append((number, name))

        return all_of(work)

    costs = await in_turns({"ours": side("ours"), "reference": side("reference")}, 5)

    assert ran[:4] == [(0, "ours"), (0, "reference"), (1, "reference"), (1, "ours")]
    assert {name: len(rounds) for name, rounds in costs.items()} == {"ours": 5, "reference": 5}


async def test_fewer_than_five_rounds_are_refused():
    """A median of less says nothing."""
    with pytest.raises(ValueError, match="5 rounds"):
        await in_turns({}, 4)


async def test_waiting_costs_time_but_no_processor():
    """The wall clock runs on while a side waits; its processor time does not."""
    cost = await cost_of(asyncio.sleep(0.05))

    assert cost.seconds >= 0.05
    assert cost.cpu_seconds < cost.seconds
