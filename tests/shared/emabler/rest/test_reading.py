"""eMabler's rows in both generations, and lenient where the wire differs from the schema."""

from dataclasses import asdict

import pytest

from shared.emabler.rest import reading
from shared.emabler.rest.answers import (
    ChargerSeen,
    PolledSession,
    PushedMessageType,
    PushEndpoint,
    PushIntegration,
    SocketSeen,
)
from shared.emabler.rest.fields import JsonFields
from shared.instants import Instant

V1_CHARGER = {
    "chargerId": "ID_OF_CHARGER",
    "chargerName": "North",
    "firmwareVersion": "1.12",
    "manufacturer": "eMabler",
    "serialNumber": "129019209",
    "chargerModel": "Model eMx",
    "amountOfSockets": 1,
    "lastSeen": "2021-07-01T11:53:42.429Z",
    "lastMessage": '[2,"1","Authorize",{"idTag":"TAG123"}]',
    "activeConnection": True,
    "chargerStatus": "SuspendedCharger",
    "locationInfo": {"latitude": 0, "city": "Espoo"},
    "pushIntegrationEnabled": True,
    "chargerSpecificMessageStructure": False,
    "chargerConfigurations": [{"configName": "a", "configValue": "b", "canBeChanged": True}],
    "sockets": [{"type": "Type2", "maxPower": "22", "status": "Available", "id": 1}],
}
V2_CHARGER = {
    "id": 77,
    "chargerId": "ID_OF_CHARGER",
    "ocppVersion": "Version16",
    "name": "North",
    "state": "SuspendedCharger",
    "lastMessage": '[2,"1","Authorize",{"idTag":"TAG123"}]',
    "lastSeen": "2021-07-01T11:53:42.4290000Z",
    "siteId": 123,
    "siteName": "Espoo",
    "model": "Model eMx",
    "manufacturer": "eMabler",
    "firmware": "1.12",
    "serial": "129019209",
    "activeConnection": True,
    "iccid": "ICCID123",
    "imsi": "IMSI123",
    "pushIntegrationEnabled": True,
    "chargerSpecificMessageStructure": False,
    "sockets": [
        {"id": 1, "name": "Left", "status": "Available", "type": "Type2", "lastUpdated": "0001-01-01T00:00:00"},
    ],
}


def read(reader, value):
    """What a reader makes of an object."""
    return reader(JsonFields(value))


def test_v2_and_v1_chargers_read_alike():
    """Under v2's names or v1's; v1 has no site."""
    common = {
        "charger_id": "ID_OF_CHARGER",
        "name": "North",
        "status": "SuspendedCHARGER",
        "is_connected": True,
        "last_seen_at": Instant.from_iso("2021-07-01T11:53:42.4290000Z"),
        "model": "Model eMx",
        "manufacturer": "eMabler",
        "firmware_version": "1.12",
        "serial_number": "129019209",
        "is_push_enabled": True,
        "has_own_message_structure": False,
    }

    assert read(reading.read_charger, V1_CHARGER) == ChargerSeen(
        **common, sockets=(SocketSeen("1", status="Available", plug_type="Type2"),)
    )
    assert read(reading.read_charger, V2_CHARGER) == ChargerSeen(
        **common,
        ocpp_version="Version16",
        site_id="123",
        site_name="Espoo",
        sockets=(SocketSeen("1", name="Left", status="Available", plug_type="Type2"),),
    )


@pytest.mark.parametrize("charger", [V1_CHARGER, V2_CHARGER])
def test_raw_ocpp_and_sim_cards_are_not_kept(charger):
    """`lastMessage` may hold a tag."""
    kept = str(asdict(read(reading.read_charger, charger)))

    for secret in ("TAG123", "Authorize", "ICCID123", "IMSI123"):
        assert secret not in kept


@pytest.mark.parametrize(
    ("state", "status"),
    [
        ("charging", "Charging"),
        ("SuspendedCar", "SuspendedCAR"),
        (4, "4"),
        ("Hibernating", "Hibernating"),
        (None, None),
    ],
)
def test_states_may_be_new_or_numbers(state, status):
    """A known word gets push's spelling; what a number means is not documented, so it stays one."""
    assert read(reading.read_charger, {"chargerId": "C", "state": state}).status == status


@pytest.mark.parametrize(("version", "text"), [(2, "2"), ("Version201", "Version201")])
def test_the_ocpp_version_may_be_a_number_or_a_name(version, text):
    """The schema says number, the wire says name."""
    assert read(reading.read_charger, {"chargerId": "C", "ocppVersion": version}).ocpp_version == text


def test_a_bad_socket_costs_the_charger_nothing():
    """It is left out, the others stay."""
    charger = read(
        reading.read_charger, {"chargerId": "C", "sockets": [{"name": "no id"}, None, {"id": 0}, {"id": "2"}]}
    )

    assert [socket.socket_id for socket in charger.sockets] == ["0", "2"]


V1_SESSION = {
    "startTimeUTC": "2022-01-12T10:00:00",
    "endTimeUTC": "2022-01-12T11:30:00",
    "chargerId": "ID_OF_CHARGER",
    "socketId": 1,
    "rfidTag": "TAG123",
    "userId": 5,
    "userName": "Ada Example",
    "groupId": 123,
    "groupName": "Espoo",
    "consumptionWH": 12300,
    "consumptionKWH": 12.3,
    "transactionLengthMinutes": 90,
}
V2_SESSION = {
    "id": 1032427936,
    "evseTransactionId": "1032427936",
    "timestampStart": "2022-01-12T10:00:00.0000000Z",
    "timestampEnd": "2022-01-12T11:30:00Z",
    "chargerId": "ID_OF_CHARGER",
    "socketId": 1,
    "socketName": "Left",
    "authorizedTagId": "TAG123",
    "userName": "Ada Example",
    "siteId": 123,
    "siteName": "Espoo",
    "fullConsumptionWh": 12300,
    "fullConsumptionKWh": 12.3,
    "transactionLengthMinutes": 90.0,
    "origin": "Rfid",
    "sanityFlags": ["TooLong"],
}


def test_v2_and_v1_sessions_read_alike():
    """v1's naive times are UTC, and it has no ids."""
    common = {
        "charger_id": "ID_OF_CHARGER",
        "socket_id": "1",
        "id_tag": "TAG123",
        "started_at": Instant.from_iso("2022-01-12T10:00:00.0000000Z"),
        "ended_at": Instant.from_iso("2022-01-12T11:30:00.0000000Z"),
        "energy_wh": 12300,
        "length_minutes": 90.0,
        "site_id": "123",
        "site_name": "Espoo",
    }

    assert read(reading.read_session, V1_SESSION) == PolledSession(**common)
    assert read(reading.read_session, V2_SESSION) == PolledSession(
        **common,
        socket_name="Left",
        transaction_id="1032427936",
        evse_transaction_id="1032427936",
        origin="Rfid",
        sanity_flags=("TooLong",),
    )


@pytest.mark.parametrize("session", [V1_SESSION, V2_SESSION])
def test_people_are_not_in_what_a_session_shows(session):
    """The tag is kept and not shown, the driver's name is not even kept."""
    seen = read(reading.read_session, session)

    assert "TAG123" not in repr(seen)
    assert "Ada" not in str(asdict(seen))


@pytest.mark.parametrize(
    ("energy", "energy_wh"),
    [
        ({"fullConsumptionWh": "12300"}, 12300),
        ({"fullConsumptionWh": None, "fullConsumptionKWh": 12.3004}, 12300),
        ({"consumptionKWH": "0,5"}, 500),
        ({"fullConsumptionWh": 0, "fullConsumptionKWh": 7}, 0),
        ({}, None),
        ({"fullConsumptionWh": "much"}, None),
    ],
)
def test_energy_is_whole_wh(energy, energy_wh):
    """From Wh, else from kWh."""
    assert read(reading.read_session, {"chargerId": "C", **energy}).energy_wh == energy_wh


def test_sessions_are_told_apart_by_id_or_else_by_where_when_and_who():
    """Ids count within a charger."""
    start = Instant.from_iso("2022-01-12T10:00:00.0000000Z")
    identity = reading.session_identity

    assert identity(PolledSession("C", transaction_id="1")) != identity(PolledSession("D", transaction_id="1"))
    assert identity(PolledSession("C", evse_transaction_id="1", energy_wh=1)) == identity(
        PolledSession("C", evse_transaction_id="1", energy_wh=2)
    )
    assert identity(PolledSession("C", "1", started_at=start)) != identity(PolledSession("C", "2", started_at=start))
    assert identity(PolledSession("C", "1", id_tag="A")) != identity(PolledSession("C", "1", id_tag="B"))


def test_a_push_integration_is_read_without_its_secrets():
    """Configurations hold endpoints, which hold messages; what they connect with is not kept."""
    value = {
        "id": 1,
        "name": "Azure",
        "enabled": True,
        "endpoints": [
            {
                "id": 2,
                "endpointType": "AzureServiceBus",
                "connectionDetails": "Endpoint=sb://x;SharedAccessKey=secret-word",
                "messages": [
                    {"messageType": "ChargerState", "enabled": True, "additionalDetails": "secret-word"},
                    {"enabled": True},
                ],
            },
            {"endpointType": "without an id"},
        ],
    }

    integration = read(reading.read_push_integration, value)

    assert integration == PushIntegration(
        "1", "Azure", True, (PushEndpoint("2", "AzureServiceBus", (PushedMessageType("ChargerState", True),)),)
    )
    assert "secret-word" not in str(asdict(integration))


READERS = [
    (reading.read_charger, "chargerId"),
    (reading.read_session, "chargerId"),
    (reading.read_ongoing_session, "chargerId"),
    (reading.read_charger_event, "chargerId"),
    (reading.read_site, "id"),
    (reading.read_push_integration, "id"),
]


@pytest.mark.parametrize(("reader", "id_name"), READERS)
@pytest.mark.parametrize("value", [None, "", "  ", {}, [], True])
def test_a_row_without_its_id_is_none(reader, id_name, value):
    """It cannot be stored under anything."""
    assert read(reader, {id_name: value}) is None


@pytest.mark.parametrize(("reader", "id_name"), READERS)
def test_a_row_with_nothing_but_its_id_is_read(reader, id_name):
    """Every other field may be missing; ids are text."""
    assert read(reader, {id_name: 7}) is not None
    assert "'7'" in repr(read(reader, {id_name: 7}))


@pytest.mark.parametrize("value", [{"chargerId": "C"}, {"socketId": 1}])
def test_a_socket_needs_both_its_ids(value):
    """A socket id counts within its charger."""
    assert read(reading.read_socket, value) is None
