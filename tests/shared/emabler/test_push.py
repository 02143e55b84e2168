"""Every documented message becomes the event it tells; whatever else comes becomes one too, or is refused by name."""

import json
import random

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.emabler.bodies import Element, elements
from shared.emabler.push import _CONTENT, read_event
from shared.emabler.push_messages import MODELS, classify, respell
from shared.errors import Unacceptable
from shared.events import Clock, Event, EventType, FragmentKind, NoveltyKind
from tests.support.messages import DOCUMENTED, TYPES, body, documented, event_of

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda children: st.lists(children, max_size=4) | st.dictionaries(st.text(), children, max_size=6),
    max_leaves=20,
).map(lambda value: orjson.loads(json.dumps(value)))
MARKS = {
    "charger_state": ("status",),
    "charger_boot": ("chargerModel", "firmwareVersion", "serialNumber", "manufacturer"),
    "charging_transaction": ("action", "meterRead"),
    "full_charging_transaction": ("consumptionWh", "meterReadEnd", "deviceTimeStampEnd", "timeStampEnd"),
    "measurements": ("measurements",),
}
"""The fields a type is known by; at least one of them has to be there."""


@pytest.mark.parametrize(("generation", "name"), DOCUMENTED)
def test_every_documented_message_is_understood_whole(generation, name):
    """The right type, its charger, a time, and nothing in it is new to us."""
    event = event_of(documented(generation, name))

    assert (event.event_type, event.novelties) == (TYPES[name], ())
    assert event.charger_id
    assert event.occurred_at is not None
    assert event.content is not None


def test_every_type_has_a_model_a_reader_and_where_documented_an_example():
    """A type without one would end in quarantine."""
    assert set(_CONTENT) == set(MODELS) == set(EventType)
    assert {name for _, name in DOCUMENTED} == set(TYPES)


@settings(max_examples=200)
@given(st.sampled_from(DOCUMENTED), st.data())
def test_the_type_survives_any_optional_field_missing_any_order_and_any_case(documented_message, data):
    """What makes the type is its marks; order and case say nothing, and the vendor suppresses nulls."""
    generation, name = documented_message
    message = documented(generation, name)
    marks = [field for field in MARKS[name] if field in message]
    kept_mark = data.draw(st.sampled_from(marks))
    kept = {field for field in message if field == kept_mark or data.draw(st.booleans())}
    fields = [(data.draw(st.sampled_from([f, f.lower(), f.upper()])), message[f]) for f in sorted(kept)]
    random.Random(data.draw(st.integers())).shuffle(fields)

    assert classify(respell(dict(fields))) == TYPES[name]


@pytest.mark.parametrize(("generation", "name"), DOCUMENTED)
def test_case_of_field_names_changes_nothing_but_the_identity(generation, name):
    """The vendor's own casing differs between generations and between push and REST."""
    message = documented(generation, name)
    shouted = json.loads(json.dumps(message), object_hook=lambda part: {field.upper(): v for field, v in part.items()})

    heard, plain = event_of(shouted), event_of(message)

    assert (heard.event_type, heard.content, heard.occurred_at, heard.novelties) == (
        plain.event_type,
        plain.content,
        plain.occurred_at,
        (),
    )


@settings(max_examples=500)
@given(JSON)
def test_any_json_value_is_an_event_or_refused_as_no_object(value):
    """The reader is total: nothing else ever comes out of it."""
    element = Element(b"", value)

    if isinstance(value, dict):
        assert isinstance(read_event(element), Event)
    else:
        with pytest.raises(Unacceptable, match="not an object"):
            read_event(element)


@settings(max_examples=500)
@given(st.sampled_from(DOCUMENTED), st.data())
def test_any_value_in_any_known_field_is_survived(documented_message, data):
    """A field that cannot be read is noted and left out; the rest of the message counts."""
    message = documented(*documented_message)
    field = data.draw(st.sampled_from(sorted(message)))
    message[field] = data.draw(JSON)

    event = event_of(message)

    assert event.raw == body(message)


@settings(max_examples=300)
@given(st.binary(max_size=300))
def test_any_bytes_are_events_or_refused(content):
    """Nothing that arrives can raise anything else."""
    try:
        found = elements(content)
    except Unacceptable:
        return
    for element in found:
        assert isinstance(element.raw, bytes)


def test_a_full_transaction_is_told_from_a_stop_though_both_say_stop():
    """FullChargingTransaction carries `action: transaction_stop` too, so it is looked for first."""
    event = event_of(documented("mt", "full_charging_transaction"))

    assert event.event_type is EventType.FULL_CHARGING_TRANSACTION
    assert event.content.kind is FragmentKind.FULL


def test_a_start_without_transaction_id_goes_by_its_evse_transaction_id():
    """The 2025 examples have no `transactionId` in a start; the two ids are equal where both are there."""
    assert event_of(documented("ex", "charging_transaction")).content.transaction_id == "1032427936"


def test_ids_are_text_whatever_they_came_as():
    """A transaction id is an integer in two generations and a text in the third."""
    as_number = event_of(documented("v1", "full_charging_transaction", transactionId=7, socketId=1829181))
    as_text = event_of(documented("mt", "full_charging_transaction", transactionId="7", socketId="1829181"))

    assert as_number.content.transaction_id == as_text.content.transaction_id == "7"
    assert as_number.socket_id == as_text.socket_id == "1829181"


def test_numbers_come_as_text_too():
    """Meter reads are whole Wh; fractions are rounded, and the raw body keeps them."""
    event = event_of(documented("mt", "full_charging_transaction", meterReadEnd="12300.6", consumptionWh="3000000000"))

    assert (event.content.meter_stop_wh, event.content.energy_wh, event.novelties) == (12301, 3_000_000_000, ())


def test_the_platforms_clock_is_preferred_and_the_device_clock_said_so():
    """A charger's clock can be hours off; without the platform's time it is all there is."""
    by_platform = event_of(documented("mt", "charger_state"))
    by_device = event_of(documented("mt", "charger_state", receivedTimestamp=None))
    by_none = event_of(
        documented("mt", "charger_state", receivedTimestamp="0001-01-01T00:00:00Z", deviceTimeStamp=None)
    )

    assert [event.clock for event in (by_platform, by_device, by_none)] == [Clock.PLATFORM, Clock.DEVICE, Clock.NONE]
    assert by_platform.precedence > by_device.precedence > by_none.precedence


@pytest.mark.parametrize(
    ("written", "status"),
    [
        ("available", "Available"),
        ("SuspendedCharger", "SuspendedCHARGER"),
        ("Faulted", "Error"),
        ("Occupied", "Occupied"),
    ],
)
def test_states_are_known_in_any_case_and_by_their_ocpp_words(written, status):
    """Push, REST and OCPP spell the same states differently."""
    event = event_of(documented("mt", "charger_state", status=written))

    assert (event.content.status, event.novelties) == (status, ())


def test_the_error_code_of_2022_is_that_of_2025():
    """V1 writes `No Error`, the later generations `NoError`."""
    assert event_of(documented("v1", "charger_state")).content.error_code == "NoError"


@pytest.mark.parametrize(
    ("message", "kind", "name"),
    [
        (documented("mt", "charger_state", fanSpeed=3), NoveltyKind.FIELD, "ChargerState.fanSpeed"),
        (documented("mt", "charger_state", status="Melting"), NoveltyKind.STATUS, "Melting"),
        ({"chargerId": "C1", "tariff": 3, "currency": "EUR"}, NoveltyKind.TYPE, "{chargerId,currency,tariff}"),
        (documented("mt", "charger_state", socketId={}), NoveltyKind.UNREADABLE, "ChargerState.socketId"),
        (
            documented("mt", "charger_state", deviceTimeStamp="soon"),
            NoveltyKind.UNREADABLE,
            "ChargerState.deviceTimeStamp",
        ),
        (documented("mt", "charger_state", chargerId=""), NoveltyKind.MISSING, "ChargerState.chargerId"),
        (
            documented("mt", "charging_transaction", transactionId=None),
            NoveltyKind.MISSING,
            "ChargingTransaction.transactionId",
        ),
    ],
)
def test_what_is_new_is_noted(message, kind, name):
    """New fields, types and states, and what cannot be read, are what an operator has to see."""
    assert (kind, name) in [(novelty.kind, novelty.name) for novelty in event_of(message).novelties]


def test_a_message_without_a_charger_is_unknown_but_kept():
    """Nothing can be said of no charger; the body is kept all the same."""
    event = event_of(documented("mt", "charger_state", chargerId=None))

    assert (event.event_type, event.charger_id, event.content) == (EventType.UNKNOWN, "", None)
    assert orjson.loads(event.raw)["status"] == "Available"


def test_an_authorization_request_is_known_by_its_snake_case():
    """It belongs to HTTP; should it come by the queue it is kept as what it is."""
    event = event_of({"charger_id": "C1", "rfid_tag_id": "TAG1"})

    assert (event.event_type, event.charger_id, event.novelties) == (EventType.REAL_TIME_AUTH, "C1", ())


@pytest.mark.parametrize("name", ["charging_transaction", "charger_state", "charger_boot"])
def test_a_null_says_no_more_than_a_missing_field(name):
    """A serializer that starts to write nulls must not turn starts into full transactions."""
    nulls = dict.fromkeys(["consumptionWh", "meterReadEnd", "status", "meterRead", "chargerModel", "measurements"])

    assert event_of(nulls | documented("mt", name)).event_type == TYPES[name]


@pytest.mark.parametrize(
    ("name", "unreadable"),
    [
        ("charger_state", ("receivedTimestamp", "timeStamp", "eventReceivedTimestamp", "deviceTimeStamp")),
        ("full_charging_transaction", ("deviceTimeStampStart", "timeStampStart", "deviceTimeStampEnd", "timeStampEnd")),
    ],
)
def test_all_names_of_a_field_may_be_unreadable_at_once(name, unreadable):
    """Each is noted, none is used, and the rest of the message counts."""
    event = event_of(documented("mt", name, **dict.fromkeys(unreadable, "soon")))

    noted = {novelty.name.split(".")[1] for novelty in event.novelties}
    assert (event.event_type, noted) == (TYPES[name], set(unreadable))


def test_an_action_we_do_not_know_is_neither_start_nor_stop():
    """It is archived and counted; guessing would put it on somebody's bill."""
    event = event_of(documented("mt", "charging_transaction", action="transaction_update"))

    assert (event.event_type, event.content) == (EventType.CHARGING_TRANSACTION, None)
    assert [(novelty.kind, novelty.name) for novelty in event.novelties] == [(NoveltyKind.ACTION, "transaction_update")]


def test_where_both_ids_are_there_the_one_that_starts_have_too_joins():
    """A start of the 2025 examples has only `evseTransactionId`."""
    event = event_of(documented("ex", "full_charging_transaction", transactionId=77, evseTransactionId="uuid-1"))

    assert event.content.transaction_id == "uuid-1"


def test_a_meter_read_with_a_decimal_comma_is_read_and_a_boolean_is_not():
    """Numbers come as text in whatever way a charger writes them."""
    comma = event_of(documented("mt", "charging_transaction", meterRead="12,5"))
    boolean = event_of(documented("mt", "charging_transaction", meterRead=True))

    assert (comma.content.meter_start_wh, boolean.content.meter_start_wh) == (12, None)
