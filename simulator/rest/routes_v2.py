"""eMabler's REST API v2: a key in a header, lists in pages, paths that carry their own version."""

from collections.abc import Iterable, Mapping
from typing import Any

from aiohttp import web

from simulator.rest.bodies import (
    ticks_of_text,
    v2_charger,
    v2_event,
    v2_ongoing,
    v2_push_configuration,
    v2_session,
    v2_site,
    v2_socket_rows,
)
from simulator.rest.faults import FaultKind
from simulator.rest.pages import page_of
from simulator.rest.routes_v1 import API_KEY
from simulator.rest.world import FinishedSession, World

BASE = "/api/v2/cpo"
PAGE_FAULT = web.RequestKey("page_fault", FaultKind)

MOST_ROWS = 100
MOST_SESSIONS = 200


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
        ordered = [self._world.chargers[charger_id] for charger_id in sorted(self._world.chargers)]
        return _page(request, [v2_charger(self._world, charger) for charger in ordered])

    async def charger(self, request: web.Request) -> web.Response:
        """One charger."""
        charger = self._world.chargers.get(request.match_info["charger_id"])
        if charger is None:
            return web.json_response({"errorCode": "NotFound", "message": "No such charger"}, status=404)
        return web.json_response(v2_charger(self._world, charger))

    async def sockets(self, request: web.Request) -> web.Response:
        """The sockets of all chargers."""
        ordered = [self._world.chargers[charger_id] for charger_id in sorted(self._world.chargers)]
        return _page(request, [row for charger in ordered for row in v2_socket_rows(self._world, charger)])

    async def events(self, request: web.Request) -> web.Response:
        """The states of one charger, or all, in a window of time; not in pages."""
        query = request.query
        first, last = ticks_of_text(query.get("from", "1970-01-01")), self._world.now()
        last = ticks_of_text(query["to"]) if "to" in query else last
        wanted = [query["chargerId"]] if "chargerId" in query else sorted(self._world.chargers)
        chargers = [self._world.chargers[charger_id] for charger_id in wanted if charger_id in self._world.chargers]
        states = [
            state
            for charger in chargers
            for socket_id in charger.socket_ids
            for state in self._world.states(charger, socket_id)
            if first <= state.received_at <= last
        ]
        return web.json_response({"items": [v2_event(state) for state in states]})

    async def sessions(self, request: web.Request) -> web.Response:
        """The finished sessions, by end; a read although it is a POST."""
        asked = await request.json()
        found = sorted(_fitting(self._world.finished(), asked), key=lambda one: (one.ended_at, one.charger.charger_id))
        return _page(request, [v2_session(session) for session in found], asked, MOST_SESSIONS)

    async def ongoing(self, request: web.Request) -> web.Response:
        """The sessions that run now."""
        starts = sorted(self._world.ongoing(), key=lambda start: start.received_at)
        return _page(request, [v2_ongoing(start) for start in starts])

    async def sites(self, request: web.Request) -> web.Response:
        """The sites, by name."""
        site_ids = {int(charger.site_id) for charger in self._world.chargers.values()} | self._world.added_sites.keys()
        return _page(request, [v2_site(self._world, site_id) for site_id in sorted(site_ids)])

    async def push_integrations(self, _: web.Request) -> web.Response:
        """The operator's push configuration."""
        return web.json_response({"configurations": [v2_push_configuration(self._world.now())]})


def _fitting(sessions: Iterable[FinishedSession], asked: Mapping[str, Any]) -> list[FinishedSession]:
    def limit(name: str, otherwise: int) -> int:
        return ticks_of_text(asked[name]) if asked.get(name) else otherwise

    first_start, last_start = limit("startTime", 0), limit("startTimeSearchEnd", 1 << 62)
    first_end, last_end = limit("stopTimeSearchBegin", 0), limit("stopTime", 1 << 62)
    chargers = asked.get("chargerIDs")
    return [
        session
        for session in sessions
        if first_start <= session.started_at <= last_start
        and first_end <= session.ended_at <= last_end
        and (not chargers or session.charger.charger_id in chargers)
    ]


def _page(
    request: web.Request, items: list[dict[str, Any]], asked: Mapping[str, Any] | None = None, most: int = MOST_ROWS
) -> web.Response:
    try:
        page = page_of(items, request.query if asked is None else asked, most, request.get(PAGE_FAULT))
    except ValueError as error:
        return web.json_response({"title": "Bad Request", "status": 400, "detail": str(error)}, status=400)
    return web.json_response(page)
