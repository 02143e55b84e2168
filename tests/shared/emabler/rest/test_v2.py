"""What v2 is asked, and what only v2 does."""

import httpx
import pytest

from shared.emabler.rest.errors import NotOffered
from shared.instants import Instant
from tests.shared.emabler.rest.support import ScriptedEmabler, limits, opened

START, END = Instant.from_iso("2025-04-02T00:00:00.0000000Z"), Instant.from_iso("2025-04-03T00:00:00.0000000Z")
NOON = "2025-04-02T12:00:00.0000000Z"


async def read(listing):
    """All rows of a listing, which has to be whole."""
    rows = [row async for row in listing]
    assert listing.tally.is_whole
    return rows


async def test_sessions_are_those_that_ended_in_the_window_page_by_page():
    """A long session that began before the window is found by its end; 200 is the documented most of a page."""
    emabler = ScriptedEmabler(
        httpx.Response(200, json={"items": [{"chargerId": "A", "id": 1}], "hasNextPage": True}),
        httpx.Response(200, json={"items": [{"chargerId": "A", "id": 2}], "hasNextPage": False}),
    )

    sessions = await read(opened("v2", emabler.network()).sessions(START, END, limits()))

    assert [session.transaction_id for session in sessions] == ["1", "2"]
    assert [(request.method, request.url.path) for request in emabler.requests] == [
        ("POST", "/base/v3/transactions")
    ] * 2
    assert emabler.bodies() == [
        {
            "page": number,
            "limit": 200,
            "stopTimeSearchBegin": "2025-04-02T00:00:00.0000000Z",
            "stopTime": "2025-04-03T00:00:00.0000000Z",
        }
        for number in (1, 2)
    ]


async def test_a_fleets_sockets_are_listed():
    """Told apart by charger and socket."""
    rows = [
        {"chargerId": "A", "socketId": 1, "status": "charging", "lastUpdated": NOON, "siteId": 5},
        {"chargerId": "B", "socketId": 1, "status": None},
    ]
    emabler = ScriptedEmabler(httpx.Response(200, json={"items": rows, "hasNextPage": False}))

    first, second = await read(opened("v2", emabler.network()).sockets(limits()))

    assert (first.charger_id, first.site_id, first.socket.socket_id) == ("A", "5", "1")
    assert (first.socket.status, first.socket.updated_at) == ("Charging", Instant.from_iso(NOON))
    assert (second.charger_id, second.socket.status) == ("B", None)
    assert emabler.requests[0].url.path == "/base/v2/sockets"


async def test_running_sessions_are_listed():
    """Without showing whose they are."""
    row = {"chargerId": "A", "socketId": 1, "transactionId": 7, "authorizedIdTag": "TAG123", "startTime": NOON}
    emabler = ScriptedEmabler(httpx.Response(200, json={"items": [{**row, "startMeterWh": 100}]}))

    (session,) = await read(opened("v2", emabler.network()).ongoing_sessions(limits()))

    assert (session.transaction_id, session.id_tag, session.meter_start_wh) == ("7", "TAG123", 100)
    assert session.started_at == Instant.from_iso(NOON)
    assert "TAG123" not in repr(session)
    assert emabler.requests[0].url.path == "/base/v2/ongoing-transactions"


async def test_a_chargers_events_come_in_one_piece():
    """For a window; a charger's id is a parameter here."""
    row = {"chargerId": "A/1", "socketId": 1, "timestamp": NOON, "status": "error", "error": "GroundFailure"}
    emabler = ScriptedEmabler(httpx.Response(200, json={"items": [row, row]}))

    (event,) = await read(opened("v2", emabler.network()).charger_events("A/1", START, END, limits()))

    assert (event.status, event.error_code, event.occurred_at) == ("Error", "GroundFailure", Instant.from_iso(NOON))
    (request,) = emabler.requests
    assert request.url.path == "/base/v2/charger-events"
    assert dict(request.url.params) == {
        "chargerId": "A/1",
        "from": START.iso,
        "to": END.iso,
        "includeMappings": "false",
    }


async def test_sites_are_listed():
    """Ids are text, counts are numbers."""
    row = {"id": 5, "name": "Espoo", "externalId": "EXT-1", "timezone": "Europe/Helsinki", "totalNumberOfChargers": "4"}
    emabler = ScriptedEmabler(httpx.Response(200, json={"items": [row]}))

    (site,) = await read(opened("v2", emabler.network()).sites(limits()))

    assert (site.site_id, site.external_site_id, site.time_zone, site.chargers) == ("5", "EXT-1", "Europe/Helsinki", 4)
    assert emabler.requests[0].url.path == "/base/v2/sites"


async def test_push_integrations_are_listed_in_one_piece():
    """The list has a name of its own."""
    emabler = ScriptedEmabler(httpx.Response(200, json={"configurations": [{"id": 1, "enabled": False}]}))

    (integration,) = await read(opened("v2", emabler.network()).push_integrations(limits()))

    assert (integration.integration_id, integration.is_enabled) == ("1", False)
    assert emabler.requests[0].url.path == "/base/v2/push-integrations/configurations"


@pytest.mark.parametrize(
    "ask",
    [
        lambda api: api.statistics(limits()),
        lambda api: api.add_site("North", limits()),
        lambda api: api.add_charger("A", "5", "North", limits()),
    ],
)
async def test_what_v2_does_not_have_is_said_without_asking(ask):
    """Functions and commands can tell it from a fault."""
    emabler = ScriptedEmabler(httpx.Response(200))

    with pytest.raises(NotOffered, match="v1"):
        await ask(opened("v2", emabler.network()))

    assert emabler.requests == []
