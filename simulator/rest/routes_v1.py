"""eMabler's REST API v1: key and client id in the query, no lists, no pages."""

from aiohttp import web

from simulator.rest.asking import BadRequest, body_of, moment_of, required_text
from simulator.rest.bodies import v1_added_charger, v1_charger, v1_session
from simulator.rest.world import AddedCharger, FinishedSession, World

API_KEY = "SIMULATOR-KEY"
CLIENT_ID = "simulator"
BASE = "/api"


def is_known(request: web.Request) -> bool:
    """Whether the caller shows the key."""
    return (request.query.get("code"), request.query.get("clientId")) == (API_KEY, CLIENT_ID)


class RoutesV1:
    """Answers v1. Whether its window of sessions is about starts or ends is not documented: `window_is_about` says."""

    def __init__(self, world: World, window_is_about: str) -> None:
        self._world = world
        self._about_ends = window_is_about == "end"

    def routes(self) -> list[web.RouteDef]:
        """All of them."""
        return [
            web.get(f"{BASE}/statistics", self.statistics),
            web.post(f"{BASE}/statistics/transactions", self.sessions),
            web.get(f"{BASE}/charger/{{charger_id}}", self.charger),
            web.post(f"{BASE}/group/add", self.add_site),
            web.post(f"{BASE}/charger/add/{{charger_id}}/{{site_id}}", self.add_charger),
        ]

    async def statistics(self, _: web.Request) -> web.Response:
        """Some counts: the real shape is not documented."""
        energy_wh = sum(session.energy_wh for session in self._world.finished())
        return web.json_response({"chargers": len(self._world.chargers), "totalConsumptionWH": energy_wh})

    async def sessions(self, request: web.Request) -> web.Response:
        """The finished sessions of a window of time."""
        asked = await body_of(request)
        first = moment_of(required_text(asked, "startTime"))
        last = moment_of(required_text(asked, "endTime")) if asked.get("endTime") else self._world.now()
        chargers = asked.get("chargerIDs")
        found = [
            v1_session(session)
            for session in self._world.finished()
            if first <= self._moment(session) <= last and (not chargers or session.charger.charger_id in chargers)
        ]
        return web.json_response({"results": found})

    async def charger(self, request: web.Request) -> web.Response:
        """One charger."""
        charger_id = request.match_info["charger_id"]
        if (charger := self._world.chargers.get(charger_id)) is not None:
            return web.json_response(v1_charger(self._world, charger))
        if charger_id in self._world.added_chargers:
            return web.json_response(v1_added_charger(self._world, charger_id))
        return web.Response(status=404, text="incorrect charger ID")

    async def add_site(self, request: web.Request) -> web.Response:
        """A new site; its id is the whole answer."""
        return web.json_response(self._world.add_site(required_text(await body_of(request), "name")))

    async def add_charger(self, request: web.Request) -> web.Response:
        """A new charger at a site."""
        charger_id, site_id = request.match_info["charger_id"], request.match_info["site_id"]
        name = required_text(await body_of(request), "chargerName")
        if not (site_id.isdecimal() and self._world.add_charger(charger_id, AddedCharger(name, int(site_id)))):
            raise BadRequest("incorrect charger ID or groupId")
        return web.json_response(charger_id)

    def _moment(self, session: FinishedSession) -> int:
        return session.ended_at if self._about_ends else session.started_at
