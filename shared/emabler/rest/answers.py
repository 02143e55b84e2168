"""What eMabler's REST APIs tell, in our own words, whichever version told it.

Ids are text, times are `Instant`s or None (eMabler's year-1 "never" is None), units are in the names. Everything but
the id of a row is optional. Words of eMabler's (states, types, origins) stay text: there will be new ones.

Not kept, on purpose: `lastMessage` (raw OCPP, may hold a tag), SIM card numbers, drivers' names, contact persons, the
push endpoints' `connectionDetails` and messages' `additionalDetails` (secrets).
"""

from dataclasses import dataclass, field
from typing import Any

from shared.instants import Instant


@dataclass(frozen=True, slots=True)
class SocketSeen:
    """A socket as it is now. `status` is in the push API's spelling where the word is known; 0 is the controller."""

    socket_id: str
    name: str | None = None
    status: str | None = None
    charging_state: str | None = None
    plug_type: str | None = None
    updated_at: Instant | None = None


@dataclass(frozen=True, slots=True)
class ChargerSeen:
    """A charger as it is now; its sockets are empty until its first contact.

    `is_connected` is whether its connection to eMabler is open, `last_seen_at` when it last sent anything.
    `is_push_enabled` is the charger's own switch for push; `has_own_message_structure` is eMabler's
    `chargerSpecificMessageStructure`, whose effect on push is not documented.
    """

    charger_id: str
    name: str | None = None
    status: str | None = None
    is_connected: bool | None = None
    last_seen_at: Instant | None = None
    site_id: str | None = None
    site_name: str | None = None
    model: str | None = None
    manufacturer: str | None = None
    firmware_version: str | None = None
    serial_number: str | None = None
    ocpp_version: str | None = None
    is_push_enabled: bool | None = None
    has_own_message_structure: bool | None = None
    sockets: tuple[SocketSeen, ...] = ()


@dataclass(frozen=True, slots=True)
class SocketOfCharger:
    """A row of the fleet's list of sockets: a socket and where it is."""

    charger_id: str
    socket: SocketSeen
    charger_name: str | None = None
    site_id: str | None = None
    site_name: str | None = None


@dataclass(frozen=True, slots=True)
class PolledSession:
    """A charging session as REST has it. v1 has no ids; neither version has meter reads.

    `transaction_id` is v2's `id`; whether it equals the pushed transaction id is not documented, so
    `evse_transaction_id` is the safer join. `id_tag` is personal data and stays out of the repr.
    """

    charger_id: str
    socket_id: str | None = None
    socket_name: str | None = None
    transaction_id: str | None = None
    evse_transaction_id: str | None = None
    id_tag: str | None = field(default=None, repr=False)
    started_at: Instant | None = None
    ended_at: Instant | None = None
    energy_wh: int | None = None
    length_minutes: float | None = None
    site_id: str | None = None
    site_name: str | None = None
    origin: str | None = None
    sanity_flags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class OngoingSession:
    """A session that runs now. `id_tag` is personal data and stays out of the repr."""

    charger_id: str
    socket_id: str | None = None
    transaction_id: str | None = None
    id_tag: str | None = field(default=None, repr=False)
    started_at: Instant | None = None
    meter_start_wh: int | None = None
    site_id: str | None = None


@dataclass(frozen=True, slots=True)
class ChargerEvent:
    """An event of a charger or socket as REST keeps it: the twin of push's ChargerState."""

    charger_id: str
    socket_id: str | None = None
    occurred_at: Instant | None = None
    kind: str | None = None
    status: str | None = None
    message: str | None = field(default=None, repr=False)
    error_code: str | None = None
    transaction_id: str | None = None


@dataclass(frozen=True, slots=True)
class SiteSeen:
    """A site: what v1 calls a group."""

    site_id: str
    name: str | None = None
    external_site_id: str | None = None
    parent_site_id: str | None = None
    city: str | None = None
    country: str | None = None
    time_zone: str | None = None
    chargers: int | None = None


@dataclass(frozen=True, slots=True)
class PushedMessageType:
    """Whether one message type is sent to an endpoint."""

    message_type: str
    is_enabled: bool | None = None


@dataclass(frozen=True, slots=True)
class PushEndpoint:
    """Where messages are sent. `kind` is eMabler's `endpointType`, whose values are not documented."""

    endpoint_id: str
    kind: str | None = None
    messages: tuple[PushedMessageType, ...] = ()


@dataclass(frozen=True, slots=True)
class PushIntegration:
    """A push configuration of the account, with its endpoints and what they are sent."""

    integration_id: str
    name: str | None = None
    is_enabled: bool | None = None
    endpoints: tuple[PushEndpoint, ...] = ()


@dataclass(frozen=True, slots=True)
class Statistics:
    """v1's `GET statistics` as it came: its shape is not documented."""

    value: Any = field(repr=False)
    raw: bytes = field(repr=False)
