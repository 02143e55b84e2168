"""eMabler's REST API v2: a key in a header, lists in pages, paths that carry their own version."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from aiohttp import web

from simulator.moments import TICKS_PER_DAY
from simulator.rest.asking import body_of, moment_of, required_text
from simulator.rest.bodies import (
    site_name,
    v2_added_charger,
    v2_charger,
    v2_event,
    v2_ongoing,
    v2_push_configuration,
    v2_session,
    v2_site,
    v2_socket,
)
from simulator.rest.faults import FaultKind
from simulator.rest.pages import Item, page_of
from simulator.rest.routes_v1 import API_KEY
from simulator.rest.world import FinishedSession, World

BASE = "/api/v2/cpo"
PAGE_FAULT = web.RequestKey("page_fault", FaultKind)

MOST_ROWS = 100
MOST_SESSIONS = 200

_EVENTS_BY_DEFAULT = 7 * TICKS_PER_DAY
_FOREVER = 1 << 62


def is_known(request: web.Request) -> bool:
    """Whether the caller shows the key."""
    return request.headers.get("x-api-key") == API_KEY


class RoutesV2:
    """Answers v2."""

    def __init__(self, world: World) -> None:
        self._world = world

    def routes(self) -> list[web.RouteDef]:
        """All of them."""
        return [
            web.get(f"{BASE}/v2/chargers", self.chargers),
            web.get(f"{BASE}/v2/chargers/{{charger_id}}", self.charger),
            web.get(f"{BASE}/v2/sockets", self.sockets),
            web.get(f"{BASE}/v2/charger-events", self.events),
            web.post(f"{BASE}/v3/transactions", self.sessions),
            web.get(f"{BASE}/v2/ongoing-transactions", self.ongoing),
            web.get(f"{BASE}/v2/sites", self.sites),
            web.get(f"{BASE}/v2/push-integrations/configurations", self.push_integrations),
        ]

    async def chargers(self, request: web.Request) -> web.Response:
        """All chargers, by id."""
        return _page(request, sorted([*self._world.chargers, *self._world.added_chargers]), self._shown)

    async def charger(self, request: web.Request) -> web.Response:
        """One charger."""
        charger_id = request.match_info["charger_id"]
        if charger_id not in self._world.chargers and charger_id not in self._world.added_chargers:
            return web.json_response({"errorCode": "NotFound", "message": "No such charger"}, status=404)
        return web.json_response(self._shown(charger_id))

    async def sockets(self, request: web.Request) -> web.Response:
        """The sockets that have said something, by charger."""
        states = [
            state
            for _, charger in sorted(self._world.chargers.items())
            for socket_id in charger.socket_ids
            if (state := self._world.newest_state(charger, socket_id)) is not None
        ]
        return _page(request, states, v2_socket)

    async def events(self, request: web.Request) -> web.Response:
        """The states and reports of one charger, or all, in a window of time; not in pages."""
        query, now = request.query, self._world.now()
        first = moment_of(query["from"]) if "from" in query else now - _EVENTS_BY_DEFAULT
        last = moment_of(query["to"]) if "to" in query else now
        wanted = [query["chargerId"]] if "chargerId" in query else sorted(self._world.chargers)
        events = [
            v2_event(event)
            for charger_id in wanted
            if charger_id in self._world.chargers
            for event in self._world.events(self._world.chargers[charger_id])
            if first <= event.received_at <= last
        ]
        return web.json_response({"items": events})

    async def sessions(self, request: web.Request) -> web.Response:
        """The finished sessions, by end; a read although it is a POST."""
        asked = await body_of(request)
        found = sorted(_fitting(self._world.finished(), asked), key=lambda one: (one.ended_at, one.charger.charger_id))
        return _page(request, found, v2_session, asked, MOST_SESSIONS)

    async def ongoing(self, request: web.Request) -> web.Response:
        """The sessions that run now, as they began."""
        starts = sorted(self._world.ongoing(), key=lambda start: start.received_at)
        return _page(request, starts, partial(v2_ongoing, self._world))

    async def sites(self, request: web.Request) -> web.Response:
        """The sites, by name."""
        ordered = sorted(self._world.site_ids(), key=lambda site_id: (site_name(self._world, site_id), site_id))
        return _page(request, ordered, partial(v2_site, self._world))

    async def push_integrations(self, _: web.Request) -> web.Response:
        """The operator's push configuration."""
        return web.json_response({"configurations": [v2_push_configuration(self._world.now())]})

    def _shown(self, charger_id: str) -> dict[str, Any]:
        charger = self._world.chargers.get(charger_id)
        return v2_added_charger(self._world, charger_id) if charger is None else v2_charger(self._world, charger)


def _fitting(sessions: Iterable[FinishedSession], asked: Mapping[str, Any]) -> list[FinishedSession]:
    def limit(name: str, otherwise: int) -> int:
        return moment_of(required_text(asked, name)) if asked.get(name) else otherwise

    first_start, last_start = limit("startTime", 0), limit("startTimeSearchEnd", _FOREVER)
    first_end, last_end = limit("stopTimeSearchBegin", 0), limit("stopTime", _FOREVER)
    places = asked.get("chargerIDs")
    return [
        session
        for session in sessions
        if first_start <= session.started_at <= last_start
        and first_end <= session.ended_at <= last_end
        and (not places or _is_among(session, places))
    ]


def _is_among(session: FinishedSession, places: Iterable[str]) -> bool:
    """Whether it was at one of the places, each a charger or `charger/socket`."""
    charger_id = session.charger.charger_id
    return any(place in (charger_id, f"{charger_id}/{session.socket_id}") for place in places)


def _page(
    request: web.Request,
    items: Sequence[Item],
    show: Callable[[Item], dict[str, Any]],
    asked: Mapping[str, Any] | None = None,
    most: int = MOST_ROWS,
) -> web.Response:
    query = request.query if asked is None else asked
    return web.json_response(page_of(items, show, query, most, request.get(PAGE_FAULT)))
