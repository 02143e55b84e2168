"""From the rows of eMabler's answers to our own: both API versions at once, because they differ in names only.

Of two names the first is v2's, the second v1's ("Getting started with the REST API" shows v1's charger; v1's sessions
are known from clients that read them). A reader gives None for a row without the id that makes it one.
"""

from collections.abc import Callable, Hashable
from typing import TypeVar

from shared.emabler.rest.answers import (
    ChargerEvent,
    ChargerSeen,
    OngoingSession,
    PolledSession,
    PushedMessageType,
    PushEndpoint,
    PushIntegration,
    SiteSeen,
    SocketOfCharger,
    SocketSeen,
)
from shared.emabler.rest.errors import ContractBroken
from shared.emabler.rest.fields import JsonFields
from shared.emabler.rest.requests import Answer
from shared.emabler.vocabulary import STATUSES

Row = TypeVar("Row")
Reader = Callable[[JsonFields], Row | None]

_WH_PER_KWH = 1000


def read_charger(fields: JsonFields) -> ChargerSeen | None:
    """v2's chargerDto, v1's charger."""
    charger_id = fields.text("chargerId")
    if charger_id is None:
        return None
    sockets = [_socket(socket, socket.text("id", "socketId")) for socket in fields.objects("sockets")]
    return ChargerSeen(
        charger_id=charger_id,
        name=fields.text("name", "chargerName"),
        status=_status(fields.text("state", "chargerStatus")),
        is_connected=fields.flag("activeConnection"),
        last_seen_at=fields.instant("lastSeen"),
        site_id=fields.text("siteId", "groupId"),
        site_name=fields.text("siteName", "groupName"),
        model=fields.text("model", "chargerModel"),
        manufacturer=fields.text("manufacturer"),
        firmware_version=fields.text("firmware", "firmwareVersion"),
        serial_number=fields.text("serial", "serialNumber"),
        ocpp_version=fields.text("ocppVersion"),
        is_push_enabled=fields.flag("pushIntegrationEnabled"),
        has_own_message_structure=fields.flag("chargerSpecificMessageStructure"),
        sockets=tuple(socket for socket in sockets if socket is not None),
    )


def read_single_charger(answer: Answer) -> ChargerSeen:
    """The charger that is the whole answer. Raises ContractBroken where the answer is none.

    An answer without a charger id is no charger: it may be an error that came as a success.
    """
    value = answer.json()
    charger = read_charger(JsonFields(value)) if isinstance(value, dict) else None
    if charger is None:
        raise ContractBroken(f"{answer.request_name}: the answer is no charger")
    return charger


def read_socket(fields: JsonFields) -> SocketOfCharger | None:
    """v2's socketWithChargerInfoDto."""
    charger_id = fields.text("chargerId")
    socket = _socket(fields, fields.text("socketId"))
    if charger_id is None or socket is None:
        return None
    return SocketOfCharger(
        charger_id=charger_id,
        socket=socket,
        charger_name=fields.text("chargerName"),
        site_id=fields.text("siteId"),
        site_name=fields.text("siteName"),
    )


def read_session(fields: JsonFields) -> PolledSession | None:
    """v2's chargingSessionsResponse, v1's row of statistics/transactions."""
    charger_id = fields.text("chargerId")
    if charger_id is None:
        return None
    return PolledSession(
        charger_id=charger_id,
        socket_id=fields.text("socketId"),
        socket_name=fields.text("socketName"),
        transaction_id=fields.text("id", "transactionId"),
        evse_transaction_id=fields.text("evseTransactionId"),
        id_tag=fields.text("authorizedTagId", "rfidTag", "authorizedIdTag"),
        started_at=fields.instant("timestampStart", "startTimeUTC"),
        ended_at=fields.instant("timestampEnd", "endTimeUTC"),
        energy_wh=_energy_wh(fields),
        length_minutes=fields.number("transactionLengthMinutes"),
        site_id=fields.text("siteId", "groupId"),
        site_name=fields.text("siteName", "groupName"),
        origin=fields.text("origin"),
        sanity_flags=fields.texts("sanityFlags"),
    )


def read_ongoing_session(fields: JsonFields) -> OngoingSession | None:
    """v2's getOngoingTransactionsResponse."""
    charger_id = fields.text("chargerId")
    if charger_id is None:
        return None
    return OngoingSession(
        charger_id=charger_id,
        socket_id=fields.text("socketId"),
        transaction_id=fields.text("transactionId", "evseTransactionId"),
        id_tag=fields.text("authorizedIdTag", "authorizedTagId"),
        started_at=fields.instant("startTime"),
        meter_start_wh=fields.whole("startMeterWh"),
        site_id=fields.text("siteId"),
    )


def read_charger_event(fields: JsonFields) -> ChargerEvent | None:
    """v2's chargerEventDto."""
    charger_id = fields.text("chargerId")
    if charger_id is None:
        return None
    return ChargerEvent(
        charger_id=charger_id,
        socket_id=fields.text("socketId"),
        occurred_at=fields.instant("timestamp"),
        kind=fields.text("type"),
        status=_status(fields.text("status")),
        message=fields.text("info"),
        error_code=fields.text("error"),
        transaction_id=fields.text("transactionId"),
    )


def read_site(fields: JsonFields) -> SiteSeen | None:
    """v2's groupDto."""
    site_id = fields.text("id")
    if site_id is None:
        return None
    return SiteSeen(
        site_id=site_id,
        name=fields.text("name"),
        external_site_id=fields.text("externalId"),
        parent_site_id=fields.text("parentSiteId"),
        city=fields.text("city"),
        country=fields.text("country"),
        time_zone=fields.text("timezone"),
        chargers=fields.whole("totalNumberOfChargers", "numberOfChargers"),
    )


def read_push_integration(fields: JsonFields) -> PushIntegration | None:
    """v2's pushIntegrationConfigurationDto, which holds its endpoints, which hold their messages."""
    integration_id = fields.text("id")
    if integration_id is None:
        return None
    endpoints = [_push_endpoint(endpoint) for endpoint in fields.objects("endpoints")]
    return PushIntegration(
        integration_id=integration_id,
        name=fields.text("name"),
        is_enabled=fields.flag("enabled"),
        endpoints=tuple(endpoint for endpoint in endpoints if endpoint is not None),
    )


def session_identity(session: PolledSession) -> Hashable:
    """What two rows about one session have in common: an id, or where, when and who (v1 has no id).

    Of ids eMabler's comes before the charger's own, which chargers use again.
    """
    if session.transaction_id is not None:
        return session.charger_id, "id", session.transaction_id
    if session.evse_transaction_id is not None:
        return session.charger_id, "evse", session.evse_transaction_id
    return session.charger_id, session.socket_id, session.started_at, session.id_tag


def _socket(fields: JsonFields, socket_id: str | None) -> SocketSeen | None:
    if socket_id is None:
        return None
    return SocketSeen(
        socket_id=socket_id,
        name=fields.text("name"),
        status=_status(fields.text("status")),
        charging_state=fields.text("chargingState"),
        plug_type=fields.text("type"),
        updated_at=fields.instant("lastUpdated"),
    )


def _status(word: str | None) -> str | None:
    """The push API's spelling of a state; a word we do not know stays as it came."""
    return None if word is None else STATUSES.get(word.lower(), word)


def _energy_wh(fields: JsonFields) -> int | None:
    energy_wh = fields.whole("fullConsumptionWh", "consumptionWH")
    if energy_wh is not None:
        return energy_wh
    energy_kwh = fields.number("fullConsumptionKWh", "consumptionKWH")
    return None if energy_kwh is None else round(energy_kwh * _WH_PER_KWH)


def _push_endpoint(fields: JsonFields) -> PushEndpoint | None:
    endpoint_id = fields.text("id")
    if endpoint_id is None:
        return None
    messages = [
        PushedMessageType(message_type, message.flag("enabled"))
        for message in fields.objects("messages")
        if (message_type := message.text("messageType")) is not None
    ]
    return PushEndpoint(endpoint_id, fields.text("endpointType"), tuple(messages))
