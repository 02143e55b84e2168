"""How a charger looks: as JSON, and for people."""

from typing import Any, Final

from rich.console import RenderableType

from ops.output import pairs_of, table_of
from ops.tag_times import exact, for_people
from shared.emabler.rest.answers import ChargerSeen, SocketSeen
from shared.instants import TICKS_PER_SECOND, Instant

CONTROLLER: Final = "0"
"""The socket that is the charger itself (eMabler's "Message types")."""

CLOCK_SKEW_SECONDS: Final = 120
"""How far apart this clock and eMabler's may be without a word about it."""

_UNITS: Final = ((86_400, "days"), (3600, "h"), (60, "min"), (1, "s"))
_CONNECTED: Final = {True: "yes", False: "no", None: "eMabler does not say"}


def ago(moment: Instant | None, now: Instant) -> str:
    """How long ago, in the largest unit that fits: `3 min ago`, `never`."""
    if moment is None:
        return "never"
    seconds = (now - moment) // TICKS_PER_SECOND
    if seconds < -CLOCK_SKEW_SECONDS:
        return "in the future: this clock or eMabler's is wrong"
    seconds = max(0, seconds)
    unit_seconds, unit = next((unit for unit in _UNITS if seconds >= unit[0]), _UNITS[-1])
    count = seconds // unit_seconds
    return f"{count:,} {'day' if (count, unit) == (1, 'days') else unit} ago"


def charger_data(charger: ChargerSeen, now: Instant) -> dict[str, Any]:
    """A charger as it is now."""
    return {
        "charger_id": charger.charger_id,
        "name": charger.name,
        "is_connected": charger.is_connected,
        "last_seen_at": _exact(charger.last_seen_at),
        "last_seen": ago(charger.last_seen_at, now),
        "status": charger.status,
        "site_id": charger.site_id,
        "site_name": charger.site_name,
        "manufacturer": charger.manufacturer,
        "model": charger.model,
        "firmware_version": charger.firmware_version,
        "ocpp_version": charger.ocpp_version,
        "is_push_enabled": charger.is_push_enabled,
        "sockets": [_socket_data(socket) for socket in charger.sockets],
        "asked_at": exact(now),
    }


def charger_parts(charger: ChargerSeen, now: Instant) -> list[RenderableType]:
    """The same for people."""
    pairs = {
        "charger": charger.charger_id,
        "name": charger.name,
        "connected": _CONNECTED[charger.is_connected],
        "last seen": last_seen_in_words(charger, now),
        "status": charger.status,
        "site": _with_id(charger.site_name, charger.site_id),
        "model": " ".join(filter(None, (charger.manufacturer, charger.model))),
        "firmware": charger.firmware_version,
        "OCPP": charger.ocpp_version,
        "push": "switched off for this charger" if charger.is_push_enabled is False else None,
    }
    if not charger.sockets:
        return [pairs_of(pairs), "No sockets yet: eMabler learns of them when the charger connects for the first time."]
    columns = ("socket", "name", "status", "charging state", "plug", "updated")
    return [pairs_of(pairs), table_of(columns, (_socket_line(socket, now) for socket in charger.sockets))]


def last_seen_in_words(charger: ChargerSeen, now: Instant) -> str:
    """When the charger last sent anything, and how long ago that is."""
    if charger.last_seen_at is None:
        return "never"
    return f"{for_people(charger.last_seen_at)} ({ago(charger.last_seen_at, now)})"


def connection_in_words(charger: ChargerSeen, now: Instant) -> str:
    """One line of somebody who waits."""
    if charger.is_connected:
        return f"Charger {charger.charger_id} is connected."
    return f"Charger {charger.charger_id} is not connected; last seen: {last_seen_in_words(charger, now)}."


def _socket_data(socket: SocketSeen) -> dict[str, Any]:
    return {
        "socket_id": socket.socket_id,
        "name": socket.name,
        "status": socket.status,
        "charging_state": socket.charging_state,
        "plug_type": socket.plug_type,
        "updated_at": _exact(socket.updated_at),
    }


def _socket_line(socket: SocketSeen, now: Instant) -> tuple[str | None, ...]:
    return (
        f"{socket.socket_id} (controller)" if socket.socket_id == CONTROLLER else socket.socket_id,
        socket.name,
        socket.status,
        socket.charging_state,
        socket.plug_type,
        None if socket.updated_at is None else ago(socket.updated_at, now),
    )


def _exact(moment: Instant | None) -> str | None:
    return None if moment is None else exact(moment)


def _with_id(name: str | None, identity: str | None) -> str | None:
    """`North (12)`, or what there is of it."""
    return f"{name} ({identity})" if name and identity else name or identity
