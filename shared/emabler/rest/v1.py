"""eMabler's REST API v1: no list of chargers, no ids of sessions, no paging, and the key in the URL.

Sources: "Getting started with the REST API" (chargers, adding sites and chargers, the statistics' URL); the sessions'
request and rows as public clients use them, because no page describes them.
"""

from collections.abc import AsyncGenerator, Iterable
from typing import Final

from shared.emabler.rest.addresses import ApiVersion
from shared.emabler.rest.answers import ChargerSeen, PolledSession, PushIntegration, SiteSeen, Statistics
from shared.emabler.rest.errors import ContractBroken, NotOffered
from shared.emabler.rest.fields import JsonFields
from shared.emabler.rest.limits import RunLimits
from shared.emabler.rest.listings import Listing, RowKind, Tally
from shared.emabler.rest.one_by_one import one_by_one
from shared.emabler.rest.paging import Page, follow_pages, read_whole_list
from shared.emabler.rest.reading import read_session, read_single_charger, session_identity
from shared.emabler.rest.requests import Answer, Permission, Request, path_segment
from shared.emabler.rest.transport import Connection
from shared.instants import Instant

CONCURRENCY: Final = 4
"""Chargers asked for at once. v1's rate limit is not published."""

_SESSIONS: Final = RowKind(read_session, session_identity)


class EmablerV1:
    """Implements `EmablerApi` for v1, over a connection whose credentials are those of v1."""

    version = ApiVersion.V1

    def __init__(self, connection: Connection, concurrency: int = CONCURRENCY) -> None:
        self._connection = connection
        self._concurrency = concurrency

    def chargers(self, known_ids: Iterable[str], limits: RunLimits) -> Listing[ChargerSeen]:
        """See EmablerApi.chargers. The tally's failures say which ids got no answer, and why."""

        def rows(tally: Tally) -> AsyncGenerator[ChargerSeen, None]:
            return one_by_one(known_ids, lambda charger_id: self.charger(charger_id, limits), self._concurrency, tally)

        return Listing(rows)

    async def charger(self, charger_id: str, limits: RunLimits) -> ChargerSeen:
        """See EmablerApi.charger."""
        path = f"/charger/{path_segment(charger_id)}"
        request = Request("GET", path, Permission.READ_CHARGERS, subject=f"charger {charger_id}")
        return read_single_charger(await self._connection.ask(request, limits))

    def sessions(self, start: Instant, end: Instant, limits: RunLimits) -> Listing[PolledSession]:
        """See EmablerApi.sessions. In one piece: one too long for us is ContractBroken; shorten the window."""
        body = {"startTime": start.iso, "endTime": end.iso}
        request = Request("POST", "/statistics/transactions", Permission.READ_SESSIONS, body=body)

        async def fetch(_: int) -> Page:
            return read_whole_list(await self._connection.ask(request, limits), "results")

        return Listing(lambda tally: follow_pages(fetch, _SESSIONS, tally))

    def sites(self, limits: RunLimits) -> Listing[SiteSeen]:  # noqa: ARG002  # the interface has it
        """Raises NotOffered."""
        raise _not_offered("list of sites")

    def push_integrations(self, limits: RunLimits) -> Listing[PushIntegration]:  # noqa: ARG002  # the interface has it
        """Raises NotOffered."""
        raise _not_offered("view of the push integration")

    async def statistics(self, limits: RunLimits) -> Statistics:
        """See EmablerApi.statistics."""
        answer = await self._connection.ask(Request("GET", "/statistics", Permission.READ_SESSIONS), limits)
        return Statistics(answer.json(), answer.body)

    async def add_site(self, name: str, limits: RunLimits) -> str:
        """See EmablerApi.add_site. Raises ContractBroken where the site was added and the answer has no id."""
        request = Request("POST", "/group/add", Permission.WRITE_SITES, body={"name": name}, is_read=False)
        site_id = _new_id(await self._connection.ask(request, limits))
        if site_id is None:
            raise ContractBroken("eMabler took the new site and did not say its id: look for it in eMabler Connect")
        return site_id

    async def add_charger(self, charger_id: str, site_id: str, name: str, limits: RunLimits) -> None:
        """See EmablerApi.add_charger."""
        path = f"/charger/add/{path_segment(charger_id)}/{path_segment(site_id)}"
        subject = f"site {site_id}"
        body = {"chargerName": name}
        request = Request("POST", path, Permission.WRITE_CHARGERS, body=body, subject=subject, is_read=False)
        await self._connection.ask(request, limits)

    async def close(self) -> None:
        """See EmablerApi.close."""
        await self._connection.close()


def _new_id(answer: Answer) -> str | None:
    """The id of what was added: documented as a bare integer, but an object with an id in it would do."""
    try:
        value = answer.json()
    except ContractBroken:
        return None
    fields = JsonFields(value if isinstance(value, dict) else {"id": value})
    return fields.text("id", "groupId", "siteId")


def _not_offered(what: str) -> NotOffered:
    return NotOffered(f"eMabler's API v1 has no {what}: set EMABLER_API_VERSION to v2, with a key of v2")
