"""The simulated messages have the shapes of the documented ones."""

import json
import re
from pathlib import Path

import pytest

from simulator import Fleet
from simulator.happenings import Generation, Kind
from simulator.moments import write_time

FIXTURES = Path(__file__).parents[1] / "fixtures" / "messages"
FILES = {
    Kind.STATE: "charger_state",
    Kind.BOOT: "charger_boot",
    Kind.START: "charging_transaction",
    Kind.STOP: "charging_transaction",
    Kind.FULL: "full_charging_transaction",
    Kind.MEASUREMENTS: "measurements",
}
OPTIONAL = {
    "deviceTimeStamp",  # not in what the platform itself says: Offline
    "externalSiteId",
    "iccid",
    "imsi",
    "meterSerialNumber",
}
ADDED_BY_EX = {"iccid", "imsi", "meterSerialNumber"}
"""Fields that EX's example leaves out, and V1 and MT show."""


def shape(value):
    """A JSON value's type, or of an object those of its fields."""
    return {name: type(field).__name__ for name, field in value.items()}


@pytest.fixture(scope="module", params=list(Generation))
def fleet_messages(request):
    """A generation and enough of its messages to have all kinds."""
    return request.param, Fleet(seed=2, chargers=150, generation=request.param).day()


def test_every_message_has_the_documented_fields(fleet_messages):
    """The same names with the same JSON types; only fields known to be optional may be missing."""
    generation, messages = fleet_messages
    documented = {
        kind: shape(json.loads((FIXTURES / generation / f"{name}.json").read_text())) for kind, name in FILES.items()
    }

    seen = set()
    for message in messages:
        kind = message.meaning.kind
        seen.add(kind)
        fields = shape(json.loads(message.body))
        added = ADDED_BY_EX if kind is Kind.BOOT and generation is Generation.EX else set()
        missing = documented[kind].keys() - fields.keys()
        assert missing <= OPTIONAL
        assert {name: fields[name] for name in fields.keys() - added} == {
            name: documented[kind][name] for name in documented[kind].keys() - missing
        }

    assert seen == set(Kind) - (set() if generation is Generation.V1 else {Kind.STOP})


def test_every_measured_value_has_the_documented_fields(fleet_messages):
    """Values are texts; phase and unit may be missing, all else is there."""
    generation, messages = fleet_messages
    (documented, *_) = json.loads((FIXTURES / generation / "measurements.json").read_text())["measurements"]

    items = [
        item
        for message in messages
        if message.meaning.kind is Kind.MEASUREMENTS
        for item in json.loads(message.body)["measurements"]
    ]

    assert items
    for item in items:
        assert shape(documented).items() >= shape(item).items()
        assert shape(documented).keys() - shape(item).keys() <= {"phase", "unit"}


def test_times_have_up_to_seven_digits_and_sometimes_an_offset():
    """No zeros at the end, `Z`, and in V1 also `+02:00`."""
    texts = re.findall(r'"(20\d\d-[^"]*)"', b" ".join(message.body for message in Fleet(chargers=100).day()).decode())

    digits = {len(match[1]) for text in texts if (match := re.search(r"\.(\d+)", text))}
    assert digits == {1, 2, 3, 4, 5, 6, 7}
    assert {re.sub(r"^[^.+Z]*(\.\d*[1-9])?", "", text) for text in texts} == {"Z", "+02:00"}


@pytest.mark.parametrize(
    ("moment", "offset", "text"),
    [
        (17435850637849436, 0, "2025-04-02T09:11:03.7849436Z"),
        (17435850924000000, 0, "2025-04-02T09:11:32.4Z"),
        (17435850920000000, 0, "2025-04-02T09:11:32Z"),
        (16466385254755750, 2, "2022-03-07T09:35:25.475575+02:00"),
    ],
)
def test_times_are_written_as_in_the_documents(moment, offset, text):
    """To the tick, in the documents' own examples."""
    assert write_time(moment, offset) == text
