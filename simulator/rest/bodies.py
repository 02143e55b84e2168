"""What the platform knows, in the words of its REST APIs ("Getting started with the REST API", OpenAPI of v2)."""

from typing import Any
from zlib import crc32

from simulator.happenings import Charger, Generation, Happening
from simulator.moments import TICKS_PER_SECOND, write_time
from simulator.rest.world import OFFLINE, FinishedSession, World

NEVER = "0001-01-01T00:00:00Z"
"""What .NET writes for a time that never was."""

_SPELLED = {"SuspendedCHARGER": "SuspendedCharger"}
"""REST writes one state in another case than push does."""

_LAST_MESSAGE = '[2,"1","Authorize",{"idTag":"04SIMTAG"}]'
"""Raw OCPP, which can hold somebody's tag."""

_SURROGATES_FROM = 1_000_000_000


def status_word(status: str | None) -> str:
    """A state as REST spells it."""
    return "Unknown" if status is None else _SPELLED.get(status, status)


def v1_charger(world: World, charger: Charger) -> dict[str, Any]:
    """`GET charger/{chargerId}`."""
    sockets = [(socket_id, world.newest_state(charger, socket_id)) for socket_id in charger.socket_ids]
    return {
        "chargerId": charger.charger_id,
        "chargerName": f"Charger {charger.charger_id}",
        "firmwareVersion": charger.firmware_version,
        "manufacturer": "eMabler",
        "serialNumber": charger.serial_number,
        "chargerModel": charger.model,
        "amountOfSockets": len(charger.socket_ids),
        "lastSeen": _seen(world.last_seen_at(charger)),
        "lastMessage": _LAST_MESSAGE,
        "activeConnection": world.is_connected(charger),
        "locationInfo": {"latitude": 60.17, "longitude": 24.94, "city": "Helsinki", "country": "Finland"},
        "pushIntegrationEnabled": True,
        "chargerSpecificMessageStructure": charger.generation is not Generation.V1,
        "chargerConfigurations": [{"configName": "HeartbeatInterval", "configValue": "300", "canBeChanged": True}],
        "sockets": [
            {"type": "Type2", "maxPower": str(charger.power_w), "status": status_word(state.status), "id": socket_id}
            for socket_id, state in sockets
            if state is not None
        ],
    }


def v1_added_charger(world: World, charger_id: str) -> dict[str, Any]:
    """The same of a charger that was added: empty until its first contact."""
    connected_at = world.connected_at.get(charger_id)
    return {
        "chargerId": charger_id,
        "chargerName": world.added_chargers[charger_id].name,
        "amountOfSockets": 0,
        "lastSeen": _seen(connected_at),
        "activeConnection": connected_at is not None,
        "pushIntegrationEnabled": True,
        "sockets": [],
    }


def v1_session(session: FinishedSession) -> dict[str, Any]:
    """A row of `POST statistics/transactions`: no id, and times that do not say that they are UTC."""
    return {
        "startTimeUTC": write_time(session.started_at).removesuffix("Z"),
        "endTimeUTC": write_time(session.ended_at).removesuffix("Z"),
        "chargerId": session.charger.charger_id,
        "socketId": session.socket_id,
        "rfidTag": session.id_tag,
        "userId": 0,
        "userName": "Somebody Simulated",
        "groupId": int(session.charger.site_id),
        "groupName": f"Site {session.charger.site_id}",
        "consumptionWH": session.energy_wh,
        "consumptionKWH": session.energy_wh / 1000,
        "transactionLengthMinutes": _minutes(session),
    }


def v2_charger(world: World, charger: Charger) -> dict[str, Any]:
    """`chargerDto`."""
    states = [state for socket in charger.socket_ids if (state := world.newest_state(charger, socket)) is not None]
    return {
        "id": _surrogate(charger.charger_id),
        "chargerId": charger.charger_id,
        "ocppVersion": "Version16",
        "name": f"Charger {charger.charger_id}",
        "state": _charger_state(states[0].status if states else OFFLINE),
        "lastMessage": _LAST_MESSAGE,
        "lastSeen": _seen(world.last_seen_at(charger)),
        "siteId": int(charger.site_id),
        "siteName": f"Site {charger.site_id}",
        "model": charger.model,
        "manufacturer": "eMabler",
        "firmware": charger.firmware_version,
        "serial": charger.serial_number,
        "activeConnection": world.is_connected(charger),
        "pushIntegrationEnabled": True,
        "chargerSpecificMessageStructure": charger.generation is not Generation.V1,
        "sockets": [_v2_socket(state) for state in states],
        "ongoingTransactions": [
            {
                "socketId": start.socket_id,
                "transactionId": start.transaction_id,
                "evseTransactionId": str(start.transaction_id),
            }
            for start in world.ongoing_at(charger)
        ],
        "capabilities": [],
        "chargerType": "DC" if charger.current == "DC" else "AC",
    }


def v2_added_charger(world: World, charger_id: str) -> dict[str, Any]:
    """The same of a charger that was added: no sockets, and never seen until its first contact."""
    added = world.added_chargers[charger_id]
    connected_at = world.connected_at.get(charger_id)
    return {
        "id": _surrogate(charger_id),
        "chargerId": charger_id,
        "name": added.name,
        "state": _charger_state(OFFLINE if connected_at is None else None),
        "lastSeen": _seen(connected_at),
        "siteId": added.site_id,
        "siteName": site_name(world, added.site_id),
        "activeConnection": connected_at is not None,
        "pushIntegrationEnabled": True,
        "sockets": [],
        "ongoingTransactions": [],
    }


def v2_socket(state: Happening) -> dict[str, Any]:
    """`socketWithChargerInfoDto`, of a socket whose newest state this is."""
    charger, socket = state.charger, _v2_socket(state)
    return {
        "chargerId": charger.charger_id,
        "chargerName": f"Charger {charger.charger_id}",
        "siteId": int(charger.site_id),
        "siteName": f"Site {charger.site_id}",
        "socketId": state.socket_id,
        **{name: socket[name] for name in ("name", "status", "chargingState", "type", "lastUpdated")},
    }


def v2_event(state: Happening) -> dict[str, Any]:
    """`chargerEventDto`: the twin of a pushed state."""
    return {
        "timestamp": write_time(state.received_at),
        "chargerId": state.charger.charger_id,
        "chargerName": f"Charger {state.charger.charger_id}",
        "socketId": state.socket_id,
        "socketName": str(state.socket_id),
        "type": "StatusNotification",
        "status": status_word(state.status),
        "info": state.message,
        "error": state.error_code,
        "mappings": [],
        "errorCodeDetails": [],
    }


def v2_session(session: FinishedSession) -> dict[str, Any]:
    """`chargingSessionsResponse`.

    Whether REST's `id` is what push calls the transaction is not documented, so the fleet has both: chargers of V1 are
    known by it, those of the others by their own id alone.
    """
    is_v1 = session.charger.generation is Generation.V1
    name = f"{session.charger.charger_id} {session.transaction_id}"
    told = {
        "id": session.transaction_id if is_v1 else _surrogate(name),
        "evseTransactionId": None if is_v1 else str(session.transaction_id),
        "timestampStart": write_time(session.started_at),
        "timestampEnd": write_time(session.ended_at),
        "chargerId": session.charger.charger_id,
        "chargerName": f"Charger {session.charger.charger_id}",
        "socketId": session.socket_id,
        "socketName": str(session.socket_id),
        "authorizedTagId": session.id_tag,
        "authorizedUserId": 0,
        "userName": "Somebody Simulated",
        "siteId": int(session.charger.site_id),
        "siteName": f"Site {session.charger.site_id}",
        "fullConsumptionWh": session.energy_wh,
        "fullConsumptionKWh": session.energy_wh / 1000,
        "transactionLengthMinutes": _minutes(session),
        "currency": "EUR",
        "origin": "Charger",
        "sanityFlags": [],
    }
    return {field: value for field, value in told.items() if value is not None}


def v2_ongoing(world: World, start: Happening) -> dict[str, Any]:
    """`getOngoingTransactionsResponse`."""
    began_at = start.received_at if start.device_at is None else start.device_at
    received_at = write_time(world.told(start.received_at))
    return {
        "chargerId": start.charger.charger_id,
        "chargerName": f"Charger {start.charger.charger_id}",
        "socketId": start.socket_id,
        "socketName": str(start.socket_id),
        "transactionId": str(start.transaction_id),
        "startTime": write_time(world.told(began_at)),
        "startMeterWh": start.meter_start_wh,
        "authorizedIdTag": start.id_tag,
        "siteId": int(start.charger.site_id),
        "siteName": f"Site {start.charger.site_id}",
        "timezone": "Europe/Helsinki",
        "createdAt": received_at,
        "updatedAt": received_at,
    }


def site_name(world: World, site_id: int) -> str:
    """The name that a site was added with, or that of the fleet's."""
    return world.added_sites.get(site_id, f"Site {site_id}")


def v2_site(world: World, site_id: int) -> dict[str, Any]:
    """`groupDto`."""
    chargers = [charger for charger in world.chargers.values() if charger.site_id == str(site_id)]
    external = next((charger.external_site_id for charger in chargers if charger.external_site_id), "")
    total = len(chargers) + sum(added.site_id == site_id for added in world.added_chargers.values())
    return {
        "id": site_id,
        "name": site_name(world, site_id),
        "externalId": external,
        "city": "Helsinki",
        "country": "Finland",
        "timezone": "Europe/Helsinki",
        "numberOfChargers": total,
        "totalNumberOfChargers": total,
    }


def v2_push_configuration(now: int) -> dict[str, Any]:
    """`pushIntegrationConfigurationDto`, with the secret that an endpoint holds."""
    types = ("ChargerState", "ChargerBoot", "ChargingTransaction", "FullChargingTransaction", "Measurements")
    made = {"createdAt": write_time(now), "updatedAt": write_time(now)}
    messages = [
        {"id": number, "messageType": name, "pushIntegrationEndpointId": 1, "enabled": True, **made}
        for number, name in enumerate(types, 1)
    ]
    endpoint = {
        "id": 1,
        "pushIntegrationConfigurationId": 1,
        "endpointType": "ServiceBus",
        "connectionDetails": "Endpoint=sb://operator;SharedAccessKey=SECRET",
        "messages": messages,
        **made,
    }
    return {"id": 1, "name": "Operator", "enabled": True, "endpoints": [endpoint], **made}


def _v2_socket(state: Happening) -> dict[str, Any]:
    return {
        "id": state.socket_id,
        "name": f"Socket {state.socket_id}",
        "status": status_word(state.status),
        "chargingState": "Charging" if state.status == "Charging" else "Idle",
        "type": "Type2",
        "maxPower": str(state.charger.power_w),
        "lastUpdated": write_time(state.received_at),
    }


def _charger_state(status: str | None) -> str:
    """A charger's own state, which is Online where a socket's is Available; None is connected and has said nothing."""
    return "Online" if status in (None, "Available") else status_word(status)


def _seen(moment: int | None) -> str:
    return NEVER if moment is None else write_time(moment)


def _minutes(session: FinishedSession) -> float:
    return round((session.ended_at - session.started_at) / TICKS_PER_SECOND / 60, 2)


def _surrogate(name: str) -> int:
    return _SURROGATES_FROM + crc32(name.encode()) % 10**9
