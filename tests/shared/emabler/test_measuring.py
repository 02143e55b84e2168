"""Measured values become columns in base units; nothing is assumed about the unit a charger uses."""

import pytest

from shared.events import NoveltyKind
from tests.support.messages import documented, event_of


def _measured(*items):
    return event_of(documented("mt", "measurements", measurements=list(items)))


def _item(value, measurand=None, phase=None, unit=None, at=None):
    item = {"value": value, "typeOfMeasurement": measurand, "phase": phase, "unit": unit, "deviceTimeStamp": at}
    return {field: content for field, content in item.items() if content is not None}


@pytest.mark.parametrize(
    ("item", "column", "value"),
    [
        (_item("5", "Current.Import", "L1", "A"), "current_import_l1_a", 5.0),
        (_item("236", "Voltage", "L1-N", "V"), "voltage_l1_n_v", 236.0),
        (_item("1.5", "Energy.Active.Import.Register", None, "kWh"), "energy_active_import_register_wh", 1500.0),
        (_item("1500", "Energy.Active.Import.Register", None, "Wh"), "energy_active_import_register_wh", 1500.0),
        (_item("1500"), "energy_active_import_register_wh", 1500.0),
        (_item("7,4", "Power.Active.Import", None, "kW"), "power_active_import_w", 7400.0),
        (_item(11, "Power.Offered"), "power_offered_w", 11.0),
        (_item("80", "SoC", None, "Percent"), "soc_percent", 80.0),
        (_item("25", "Temperature", None, "Celcius"), "temperature_celsius", 25.0),
        (_item("298.15", "Temperature", None, "K"), "temperature_celsius", 25.0),
        (_item("77", "Temperature", None, "Fahrenheit"), "temperature_celsius", 25.0),
        (_item("0.98", "Power.Factor"), "power_factor", 0.98),
        (_item("50.01", "Frequency"), "frequency_hz", 50.01),
        (_item("3", "3PhaseThing", None, "W"), "m_3phasething_w", 3.0),
        (_item("3", "温度", None, ""), "m_wh", 3.0),
        (_item("3", "Event.Id", None, "Wh"), "m_event_id_wh", 3.0),
        (_item("230", "voltage", "L1"), "voltage_l1_v", 230.0),
        (_item("5", "Energy.Active.Import.Register", None, ""), "energy_active_import_register_wh", 5.0),
    ],
)
def test_a_value_gets_its_column_and_its_base_unit(item, column, value):
    """Column names carry measurand, phase and unit; OCPP's defaults fill what is not said."""
    (sample,) = _measured(item).content.samples

    assert (sample.column, pytest.approx(sample.value)) == (column, value)


@pytest.mark.parametrize("value", ["", "OVERFLOW", "inf", "nan", "1.2.3", "signed:abcdef"])
def test_what_is_no_number_is_counted_and_noted(value):
    """Signed data and broken values stay in the raw body."""
    event = _measured(_item(value, "Voltage", "L1", "V"), _item("230", "Voltage", "L2", "V"))

    assert ([sample.column for sample in event.content.samples], event.content.left_out) == (["voltage_l2_v"], 1)
    assert NoveltyKind.UNREADABLE in [novelty.kind for novelty in event.novelties]


def test_of_two_values_for_one_column_the_newer_counts():
    """By the device's time, in whatever order they stand."""
    older = _item("1", "Voltage", "L1", "V", "2025-04-02T07:50:00Z")
    newer = _item("2", "Voltage", "L1", "V", "2025-04-02T07:51:00Z")

    for items in ((older, newer), (newer, older)):
        content = _measured(*items).content
        assert ([sample.value for sample in content.samples], content.left_out) == ([2.0], 1)


def test_an_item_that_is_none_costs_the_others_nothing():
    """One broken element in the list is left out, the rest is read; eleven, so that indexes sort as numbers."""
    items = [_item(str(number), f"Voltage{number}", None, "V") for number in range(11)]
    items[2], items[10] = 17, "broken"

    event = _measured(*items)

    assert len(event.content.samples) == 9
    assert "Measurements.measurements" in [novelty.name for novelty in event.novelties]


def test_new_measurands_and_units_are_noted():
    """They get a column all the same."""
    event = _measured(_item("3", "Wind.Speed", None, "knots"))

    assert event.content.samples[0].column == "m_wind_speed_knots"
    assert {(novelty.kind, novelty.name) for novelty in event.novelties} == {
        (NoveltyKind.MEASURAND, "Wind.Speed"),
        (NoveltyKind.UNIT, "knots"),
    }


def test_more_columns_than_a_row_has_are_left_out():
    """A table row ends at 252 columns; the raw body has all of it."""
    event = _measured(*(_item("1", f"Sensor{number}", None, "V") for number in range(300)))

    assert (len(event.content.samples), event.content.left_out) == (200, 100)


def test_conversion_does_not_show_binary_fractions():
    """1.001 kWh are 1001 Wh, and what overflows in the base unit is no number."""
    exact, too_large = _item("1.001", unit="kWh"), _item("1e308", "Voltage", None, "kWh")

    assert [sample.value for sample in _measured(exact).content.samples] == [1001.0]
    assert _measured(too_large).content.samples == ()
