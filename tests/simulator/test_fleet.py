"""The fleet: reproducible, in order, and consistent in itself."""

import json
from collections import Counter, defaultdict
from datetime import UTC, datetime

import pytest

from simulator import Fleet
from simulator.happenings import Generation, Kind
from simulator.moments import ticks_of

DAY_OF_1000 = {
    "Measurements": (15_000, 28_000),
    "ChargerState": (5_000, 8_000),
    "ChargingTransaction": (1_200, 2_300),
    "FullChargingTransaction": (900, 1_500),
    "ChargerBoot": (10, 60),
}
"""The least and the most messages of each type."""


def bodies(**arguments):
    """A day of a small fleet."""
    return [message.body for message in Fleet(chargers=10, **arguments).day()]


@pytest.fixture(scope="module")
def day():
    """What happens on one day with 200 chargers."""
    return [message.meaning for message in Fleet(seed=3, chargers=200).day()]


def test_one_seed_is_one_fleet():
    """The same arguments give the same bytes."""
    assert bodies(seed=5) == bodies(seed=5)


def test_another_seed_is_another_fleet():
    """Nothing but the seed has to change."""
    assert not set(bodies(seed=5)) & set(bodies(seed=6))


def test_two_readings_of_one_fleet_are_the_same():
    """A fleet keeps no state between calls."""
    fleet = Fleet(chargers=10)

    assert fleet.take(300) == fleet.take(300)


def test_a_small_fleet_is_part_of_a_large_one():
    """A charger's life does not depend on how many others there are."""
    large = {message.body for message in Fleet(chargers=20).day()}

    assert large.issuperset(message.body for message in Fleet(chargers=10).day())


def test_messages_come_in_the_order_of_their_receive_times(day):
    """The stream is what the platform sees."""
    times = [happening.received_at for happening in day]

    assert times == sorted(times)


def test_all_messages_differ():
    """What identifies a message is its content, so no two may have the same."""
    messages = Fleet(seed=3, chargers=200).day()

    assert len({message.body for message in messages}) == len(messages)


def test_states_of_one_socket_have_different_receive_times(day):
    """So which one is the newest is never a matter of taste."""
    seen = Counter(
        (happening.charger.charger_id, happening.socket_id, happening.received_at)
        for happening in day
        if happening.kind is Kind.STATE
    )

    assert set(seen.values()) == {1}


def test_a_start_within_a_day_leaves_out_what_was_before():
    """A fleet may begin at any time and is then in the middle of its lives."""
    start = datetime(2025, 4, 2, 13, 30, tzinfo=UTC)

    received = [happening.meaning.received_at for happening in Fleet(chargers=30, start=start).messages(hours=1)]

    assert received
    assert ticks_of(start) <= min(received)
    assert max(received) < ticks_of(datetime(2025, 4, 2, 14, 30, tzinfo=UTC))


@pytest.mark.parametrize("generation", Generation)
def test_one_generation_for_all(generation):
    """A fleet can be of one generation."""
    assert {charger.generation for charger in Fleet(chargers=20, generation=generation).chargers} == {generation}


def test_mixed_generations():
    """By default a fleet has all three."""
    assert {charger.generation for charger in Fleet(chargers=50).chargers} == set(Generation)


def test_the_energy_register_rises_and_ends_with_the_session(day):
    """Start, measurements in their order, end: no value is below the one before."""
    registers = defaultdict(list)
    for happening in day:
        key = (happening.charger.charger_id, happening.socket_id)
        if happening.kind is Kind.MEASUREMENTS:
            registers[key] += [
                reading.base_value for reading in happening.readings if reading.measurand.startswith("Energy")
            ]
        elif happening.kind is Kind.START:
            registers[key].append(happening.meter_start_wh)
        elif happening.kind is Kind.FULL:
            registers[key].append(happening.meter_end_wh)

    assert registers
    assert all(values == sorted(values) for values in registers.values())


def test_consumption_is_the_difference_of_the_meter_reads():
    """In every full transaction, in every generation."""
    fulls = [body for message in Fleet(chargers=100).day() if "consumptionWh" in (body := json.loads(message.body))]

    assert fulls
    assert all(full["consumptionWh"] == full["meterReadEnd"] - full["meterReadStart"] >= 0 for full in fulls)


def test_what_is_written_means_what_is_true(day):
    """A reading's text, in its unit, is its value in the base unit."""
    factors = {"kWh": 1000, "kW": 1000}
    readings = [reading for happening in day for reading in happening.readings]

    assert {reading.unit for reading in readings} == {"kWh", "Wh", None, "kW", "W", "A", "V", "Percent"}
    assert all(
        float(reading.text) * factors.get(reading.unit, 1) == pytest.approx(reading.base_value) for reading in readings
    )


def test_some_messages_are_hours_late(day):
    """A charger that was offline sends what it kept, with the device times of then."""
    delays = [
        (happening.received_at - happening.device_at) / 10**7
        for happening in day
        if happening.device_at is not None and not happening.charger.clock_error_ticks
    ]

    assert max(delays) > 1800
    assert sum(delay > 60 for delay in delays) < len(delays) / 20


def test_sockets_units_and_clocks_are_as_found_in_the_wild():
    """Ordinals, 101 and seven digits; one and three phases; clocks of one to seven fractional digits."""
    chargers = Fleet(chargers=300).chargers

    assert {len(str(charger.socket_ids[0])) for charger in chargers} == {1, 3, 7}
    assert {len(charger.socket_ids) for charger in chargers} == {1, 2, 4}
    assert {charger.time_digits for charger in chargers} == {1, 3, 5, 6, 7}
    assert len({charger.charger_id for charger in chargers}) == 300


def test_measurements_come_at_the_interval_asked_for():
    """A third of the interval is about three times the measurements."""
    counts = [
        sum(message.meaning.kind is Kind.MEASUREMENTS for message in fleet.day())
        for fleet in (Fleet(chargers=50), Fleet(chargers=50, measurement_interval_seconds=300))
    ]

    assert counts[1] / counts[0] == pytest.approx(3, rel=0.15)


def test_a_day_of_a_thousand_chargers_has_its_proportions():
    """Mostly measurements, some states for every session, few boots."""
    counts = Counter(message.meaning.kind.message_type for message in Fleet(chargers=1000).day())

    assert counts.keys() == DAY_OF_1000.keys()
    assert all(least <= counts[kind] <= most for kind, (least, most) in DAY_OF_1000.items()), counts
