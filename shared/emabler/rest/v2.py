"""eMabler's REST API v2 (OpenAPI document "Entity Management API", 2.0.1), as far as we read it.

Its paths carry versions of their own. Lists are sorted by a key that does not change under the reader, where the
document names one.
"""

from collections.abc import Iterable, Mapping
from typing import Final

from shared.emabler.rest.addresses import ApiVersion
from shared.emabler.rest.answers import (
    ChargerEvent,
    ChargerSeen,
    OngoingSession,
    PolledSession,
    PushIntegration,
    SiteSeen,
    SocketOfCharger,
    Statistics,
)
from shared.emabler.rest.errors import NotOffered
from shared.emabler.rest.limits import RunLimits
from shared.emabler.rest.listings import Listing, RowKind
from shared.emabler.rest.paging import Page, follow_pages, read_page, read_whole_list
from shared.emabler.rest.reading import (
    Row,
    read_charger,
    read_charger_event,
    read_ongoing_session,
    read_push_integration,
    read_session,
    read_single_charger,
    read_site,
    read_socket,
    session_identity,
)
from shared.emabler.rest.requests import Permission, Request, path_segment
from shared.emabler.rest.transport import Connection
from shared.instants import Instant

PAGE_SIZE: Final = 100
"""The documented maximum of `limit`."""

SESSIONS_PAGE_SIZE: Final = 200
"""The documented maximum of /v3/transactions, which has the higher rate limit of the two operations."""

_CHARGERS: Final = RowKind(read_charger, lambda charger: charger.charger_id)
_SOCKETS: Final = RowKind(read_socket, lambda row: (row.charger_id, row.socket.socket_id))
_SESSIONS: Final = RowKind(read_session, session_identity)
_ONGOING: Final = RowKind(read_ongoing_session, lambda row: (row.charger_id, row.socket_id, row.transaction_id))
_EVENTS: Final = RowKind(read_charger_event, lambda event: event)
_SITES: Final = RowKind(read_site, lambda site: site.site_id)
_PUSH_INTEGRATIONS: Final = RowKind(read_push_integration, lambda integration: integration.integration_id)


class EmablerV2:
    """Implements `EmablerApi` for v2, over a connection whose credentials are those of v2; and what only v2 has."""

    version = ApiVersion.V2

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def chargers(self, known_ids: Iterable[str], limits: RunLimits) -> Listing[ChargerSeen]:  # noqa: ARG002  # v1 needs them
        """See EmablerApi.chargers."""
        query = {"sortKey": "chargerId", "includeConfigs": "false"}
        return self._paged("/v2/chargers", Permission.READ_CHARGERS, query, _CHARGERS, limits)

    async def charger(self, charger_id: str, limits: RunLimits) -> ChargerSeen:
        """See EmablerApi.charger."""
        path = f"/v2/chargers/{path_segment(charger_id)}"
        request = Request("GET", path, Permission.READ_CHARGERS, subject=f"charger {charger_id}")
        return read_single_charger(await self._connection.ask(request, limits))

    def sockets(self, limits: RunLimits) -> Listing[SocketOfCharger]:
        """The sockets of all chargers, without the controllers (socket 0)."""
        return self._paged("/v2/sockets", Permission.READ_CHARGERS, {"sortKey": "chargerId"}, _SOCKETS, limits)

    def charger_events(self, charger_id: str, start: Instant, end: Instant, limits: RunLimits) -> Listing[ChargerEvent]:
        """The events of one charger and its sockets in a window of time."""
        query = {"chargerId": charger_id, "from": start.iso, "to": end.iso, "includeMappings": "false"}
        request = Request("GET", "/v2/charger-events", Permission.READ_CHARGERS, query)
        return self._in_one_piece(request, "items", _EVENTS, limits)

    def sessions(self, start: Instant, end: Instant, limits: RunLimits) -> Listing[PolledSession]:
        """See EmablerApi.sessions. Sorted as eMabler likes: no sort key of this operation is documented."""

        async def fetch(number: int) -> Page:
            body = {
                "page": number,
                "limit": SESSIONS_PAGE_SIZE,
                "stopTimeSearchBegin": start.iso,
                "stopTime": end.iso,
            }
            request = Request("POST", "/v3/transactions", Permission.READ_SESSIONS, body=body)
            return read_page(await self._connection.ask(request, limits), SESSIONS_PAGE_SIZE)

        return Listing(lambda tally: follow_pages(fetch, _SESSIONS, tally))

    def ongoing_sessions(self, limits: RunLimits) -> Listing[OngoingSession]:
        """The sessions that run now."""
        query = {"sortKey": "CreatedAt"}
        return self._paged("/v2/ongoing-transactions", Permission.READ_SESSIONS, query, _ONGOING, limits)

    def sites(self, limits: RunLimits) -> Listing[SiteSeen]:
        """See EmablerApi.sites."""
        return self._paged("/v2/sites", Permission.READ_SITES, {"sortKey": "GroupName"}, _SITES, limits)

    def push_integrations(self, limits: RunLimits) -> Listing[PushIntegration]:
        """See EmablerApi.push_integrations."""
        request = Request("GET", "/v2/push-integrations/configurations", Permission.READ_INTEGRATIONS)
        return self._in_one_piece(request, "configurations", _PUSH_INTEGRATIONS, limits)

    async def statistics(self, limits: RunLimits) -> Statistics:  # noqa: ARG002  # the interface has it
        """Raises NotOffered."""
        raise _not_offered("such statistics")

    async def add_site(self, name: str, limits: RunLimits) -> str:  # noqa: ARG002  # the interface has it
        """Raises NotOffered."""
        raise _not_offered("way of adding sites that we know")

    async def add_charger(
        self,
        charger_id: str,  # noqa: ARG002  # the interface has it
        site_id: str,  # noqa: ARG002  # the interface has it
        name: str,  # noqa: ARG002  # the interface has it
        limits: RunLimits,  # noqa: ARG002  # the interface has it
    ) -> None:
        """Raises NotOffered."""
        raise _not_offered("way of adding chargers that we know")

    async def close(self) -> None:
        """See EmablerApi.close."""
        await self._connection.close()

    def _paged(
        self, path: str, needs: Permission, query: Mapping[str, str], kind: RowKind[Row], limits: RunLimits
    ) -> Listing[Row]:
        async def fetch(number: int) -> Page:
            paging = {"page": str(number), "limit": str(PAGE_SIZE), "sortDescending": "false"}
            answer = await self._connection.ask(Request("GET", path, needs, {**query, **paging}), limits)
            return read_page(answer, PAGE_SIZE)

        return Listing(lambda tally: follow_pages(fetch, kind, tally))

    def _in_one_piece(self, request: Request, list_name: str, kind: RowKind[Row], limits: RunLimits) -> Listing[Row]:
        async def fetch(_: int) -> Page:
            return read_whole_list(await self._connection.ask(request, limits), list_name)

        return Listing(lambda tally: follow_pages(fetch, kind, tally))


def _not_offered(what: str) -> NotOffered:
    return NotOffered(f"eMabler's API v2 has no {what}: set EMABLER_API_VERSION to v1, or use eMabler Connect")
