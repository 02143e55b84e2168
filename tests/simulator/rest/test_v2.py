"""REST v2 over real HTTP."""

import math
from dataclasses import replace

import pytest

from simulator.happenings import Generation, Kind
from simulator.moments import write_time
from simulator.rest.asking import moment_of
from simulator.rest.server import Call, serve_rest
from simulator.rest.world import AddedCharger, World
from tests.simulator.rest.support import read_all, read_pages, v2, window

PAGE_FIELDS = {"page", "limit", "totalRecords", "hasNextPage", "hasPreviousPage", "items"}
SOCKET_ROW_FIELDS = {
    *("chargerId", "chargerName", "siteId", "siteName", "socketId", "name", "status", "chargingState", "type"),
    "lastUpdated",
}
SESSION_FIELDS = {
    *("id", "timestampStart", "timestampEnd", "chargerId", "chargerName", "socketId", "socketName"),
    *("authorizedTagId", "authorizedUserId", "userName", "siteId", "siteName", "fullConsumptionWh"),
    *("fullConsumptionKWh", "transactionLengthMinutes", "currency", "origin", "sanityFlags"),
}
LISTS = ["/v2/chargers", "/v2/sockets", "/v3/transactions", "/v2/ongoing-transactions", "/v2/sites"]


@pytest.fixture
async def client(server):
    """Somebody with the key."""
    async with v2(server) as client:
        yield client


@pytest.mark.parametrize("key", [{}, {"x-api-key": "another"}])
@pytest.mark.parametrize("path", ["/v2/chargers", "/v2/push-integrations/configurations", "/v2/nowhere"])
async def test_without_the_key_nothing_is_told(server, key, path):
    """Not even whether there is such a path."""
    async with v2(server) as client:
        client.headers = key
        assert (await client.get(path)).status_code == 401


@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize("limit", [1, 7, 100])
async def test_pages_make_up_the_list(client, path, limit):
    """Each row on one page, and every page says where it is."""
    everything = (await read_pages(client, path, 100))[0]["items"]
    pages = await read_pages(client, path, limit)

    assert [item for page in pages for item in page["items"]] == everything
    assert len(pages) == math.ceil(len(everything) / limit) > 0
    for number, page in enumerate(pages, 1):
        assert page.keys() == PAGE_FIELDS
        assert (page["page"], page["limit"], page["totalRecords"]) == (number, limit, len(everything))
        assert (page["hasPreviousPage"], page["hasNextPage"]) == (number > 1, number < len(pages))


async def test_a_page_behind_the_last_is_empty(client):
    """And says that nothing follows."""
    page = (await client.get("/v2/chargers", params={"page": 9})).json()

    assert (page["items"], page["hasNextPage"]) == ([], False)


@pytest.mark.parametrize(
    ("path", "most", "query"),
    [("/v2/chargers", 100, {"limit": 101}), ("/v3/transactions", 200, {"limit": 201}), ("/v2/sites", 100, {"page": 0})],
)
async def test_pages_and_limits_out_of_range_are_bad_requests(client, path, most, query):
    """The most of a page is 100, of sessions 200."""
    allowed = await _ask(client, path, {"limit": most})
    refused = await _ask(client, path, query)

    assert allowed.status_code == 200
    assert refused.status_code == 400
    assert refused.json()["detail"] == f"page counts from 1, limit up to {most}"


async def _ask(client, path, asked):
    if path == "/v3/transactions":
        return await client.post(path, json=asked)
    return await client.get(path, params=asked)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v3/transactions", b"{"),
        ("/v3/transactions", b'"page"'),
        ("/v3/transactions", b'{"page":"first"}'),
        ("/v3/transactions", b'{"stopTime":"yesterday"}'),
        ("/v2/charger-events?from=yesterday", None),
        ("/v2/chargers?page=first", None),
    ],
)
async def test_a_request_that_makes_no_sense_is_a_bad_request(client, path, body):
    """And no failure of the server's."""
    response = await client.request("GET" if body is None else "POST", path, content=body)

    assert response.status_code == 400
    assert response.json()["detail"]


async def test_every_charger_is_as_the_world_knows_it(client, world):
    """Sorted by id, with its sockets' newest states, its connection and its sessions."""
    rows = await read_all(client, "/v2/chargers", limit=7)

    assert [row["chargerId"] for row in rows] == sorted(world.chargers)
    for row in rows:
        charger = world.chargers[row["chargerId"]]
        states = [state for socket in charger.socket_ids if (state := world.newest_state(charger, socket)) is not None]
        assert row["activeConnection"] == world.is_connected(charger)
        assert (row["model"], row["firmware"], row["serial"], row["siteId"]) == (
            charger.model,
            charger.firmware_version,
            charger.serial_number,
            int(charger.site_id),
        )
        assert [(socket["id"], socket["lastUpdated"]) for socket in row["sockets"]] == [
            (state.socket_id, write_time(state.received_at)) for state in states
        ]
        assert [running["transactionId"] for running in row["ongoingTransactions"]] == [
            start.transaction_id for start in world.ongoing_at(charger)
        ]


async def test_a_charger_alone_is_as_in_the_list(client):
    """Every one; and an unknown one is not found."""
    for row in await read_all(client, "/v2/chargers"):
        assert (await client.get(f"/v2/chargers/{row['chargerId']}")).json() == row
    missing = await client.get("/v2/chargers/NOBODY")
    assert (missing.status_code, missing.json()["errorCode"]) == (404, "NotFound")


async def test_a_last_message_holds_a_tag(client):
    """So that a leak of it would be found."""
    assert all('"idTag"' in row["lastMessage"] for row in await read_all(client, "/v2/chargers"))


async def test_sockets_are_those_of_the_chargers(client):
    """The same states once more, with where they are, under the documented names."""
    rows = await read_all(client, "/v2/sockets")
    chargers = await read_all(client, "/v2/chargers")

    assert all(row.keys() == SOCKET_ROW_FIELDS for row in rows)
    assert [(row["chargerId"], row["socketId"], row["status"], row["lastUpdated"]) for row in rows] == [
        (charger["chargerId"], socket["id"], socket["status"], socket["lastUpdated"])
        for charger in chargers
        for socket in charger["sockets"]
    ]


@pytest.mark.parametrize(
    ("pushed", "of_socket", "of_charger"),
    [
        ("SuspendedCHARGER", "SuspendedCharger", "SuspendedCharger"),
        ("SuspendedCAR", "SuspendedCAR", "SuspendedCAR"),
        ("Available", "Available", "Online"),
        ("Offline", "Offline", "Offline"),
    ],
)
async def test_states_are_spelled_as_rest_spells_them(day, pushed, of_socket, of_charger):
    """Where that is another word than push's."""
    state = next(state for state in day.of(Kind.STATE) if state.socket_id == state.charger.socket_ids[0])
    world = World([state.charger], lambda: day.end)
    world.hear(replace(state, status=pushed))
    async with serve_rest(world) as server, v2(server) as client:
        row = (await client.get(f"/v2/chargers/{state.charger.charger_id}")).json()

    assert (row["sockets"][0]["status"], row["state"]) == (of_socket, of_charger)


async def test_events_of_a_charger_in_a_window(client, world, day):
    """Both ends included; in a week without a window."""
    charger = max(day.fleet.chargers, key=lambda charger: len(world.events(charger)))
    events = world.events(charger)
    asked = {"chargerId": charger.charger_id}
    bounds = {"from": write_time(events[1].received_at), "to": write_time(events[-2].received_at)}

    everything = (await client.get("/v2/charger-events", params=asked)).json()["items"]
    inside = (await client.get("/v2/charger-events", params=asked | bounds)).json()["items"]

    assert [(event["timestamp"], event["socketId"]) for event in everything] == [
        (write_time(event.received_at), event.socket_id) for event in events
    ]
    assert inside == everything[1:-1]


async def test_sessions_have_the_documented_fields_and_come_by_end(client):
    """The charger's own id is left out where the generation has none."""
    rows = await read_all(client, "/v3/transactions", limit=200)

    assert all(row.keys() - {"evseTransactionId"} == SESSION_FIELDS for row in rows)
    ends = [moment_of(row["timestampEnd"]) for row in rows]
    assert ends == sorted(ends)
    assert all(row["fullConsumptionKWh"] == row["fullConsumptionWh"] / 1000 for row in rows)


async def test_ids_of_sessions_are_what_push_calls_them_in_one_generation_only(client, world):
    """V1 by `id`; the others by the charger's own id, beside a stable number that push does not know."""
    rows = await read_all(client, "/v3/transactions")
    again = await read_all(client, "/v3/transactions")
    pushed = {
        (session.charger.charger_id, write_time(session.ended_at)): session.transaction_id
        for session in world.finished()
    }

    assert [row["id"] for row in rows] == [row["id"] for row in again]
    assert len({row["id"] for row in rows}) == len(rows)
    for row in rows:
        transaction_id = pushed[row["chargerId"], row["timestampEnd"]]
        if world.chargers[row["chargerId"]].generation is Generation.V1:
            assert (row["id"], row.get("evseTransactionId")) == (transaction_id, None)
        else:
            assert row["evseTransactionId"] == str(transaction_id)
            assert row["id"] != transaction_id


@pytest.mark.parametrize(
    ("moment", "begin", "end"),
    [
        ("ended_at", "stopTimeSearchBegin", "stopTime"),
        ("started_at", "startTime", "startTimeSearchEnd"),
    ],
)
async def test_sessions_in_a_window_of_ends_or_starts(client, world, moment, begin, end):
    """Both ends of the window included, to the tick."""
    moments = sorted(getattr(session, moment) for session in world.finished())
    field = {"ended_at": "timestampEnd", "started_at": "timestampStart"}[moment]

    rows = await read_all(client, "/v3/transactions", limit=5, **window(moments[3], moments[-4], begin, end))

    assert sorted(moment_of(row[field]) for row in rows) == moments[3:-3]


async def test_sessions_of_some_chargers_or_sockets(client, world):
    """As `chargerIDs` names them: a charger, or a charger and a socket."""
    session = next(one for one in world.finished() if len(one.charger.socket_ids) > 1)
    charger_id, socket_id = session.charger.charger_id, session.socket_id

    of_charger = await read_all(client, "/v3/transactions", chargerIDs=[charger_id])
    of_socket = await read_all(client, "/v3/transactions", chargerIDs=[f"{charger_id}/{socket_id}"])

    assert {row["chargerId"] for row in of_charger} == {charger_id}
    assert of_socket == [row for row in of_charger if row["socketId"] == socket_id] != []


async def test_a_skewed_clock_shifts_ongoing_sessions_too(day, client):
    """All times that are told of them."""
    skewed = World(day.fleet.chargers, lambda: day.end, clock_skew_seconds=90)
    for happening in day.happenings:
        skewed.hear(happening)
    async with serve_rest(skewed) as other_server, v2(other_server) as other:
        shifted = await read_all(other, "/v2/ongoing-transactions")
    rows = await read_all(client, "/v2/ongoing-transactions")

    for name in ("startTime", "createdAt", "updatedAt"):
        assert [moment_of(row[name]) - 900_000_000 for row in shifted] == [moment_of(row[name]) for row in rows]


async def test_sites_are_sorted_by_name_and_count_their_chargers(client, world):
    """Those that were added over v1 included, with the chargers that were."""
    site_id = world.add_site("Another")
    world.add_charger("NEW-1", AddedCharger("The first", site_id))

    sites = await read_all(client, "/v2/sites", limit=4)

    assert [site["name"] for site in sites] == sorted(site["name"] for site in sites)
    assert sum(site["numberOfChargers"] for site in sites) == len(world.chargers) + 1
    assert [site["id"] for site in sites if site["name"] == "Another"] == [site_id]


async def test_an_added_charger_is_in_the_list_and_never_seen(client, world):
    """Until it makes contact."""
    world.add_charger("NEW-1", AddedCharger("The first", world.add_site("Another")))
    silent = (await client.get("/v2/chargers/NEW-1")).json()
    world.connect("NEW-1")
    rows = {row["chargerId"]: row for row in await read_all(client, "/v2/chargers")}

    assert (silent["activeConnection"], silent["lastSeen"], silent["state"]) == (
        False,
        "0001-01-01T00:00:00Z",
        "Offline",
    )
    assert (silent["siteName"], silent["sockets"]) == ("Another", [])
    assert (rows["NEW-1"]["activeConnection"], rows["NEW-1"]["state"]) == (True, "Online")


async def test_the_push_integration_sends_five_types_to_a_service_bus(client):
    """One integration with one endpoint, whose connection details hold a secret."""
    told = (await client.get("/v2/push-integrations/configurations")).json()

    [configuration] = told["configurations"]
    [endpoint] = configuration["endpoints"]
    assert (configuration["enabled"], endpoint["endpointType"]) == (True, "ServiceBus")
    assert "SECRET" in endpoint["connectionDetails"]
    assert {(message["messageType"], message["enabled"]) for message in endpoint["messages"]} == {
        ("ChargerState", True),
        ("ChargerBoot", True),
        ("ChargingTransaction", True),
        ("FullChargingTransaction", True),
        ("Measurements", True),
    }


async def test_calls_are_counted_without_their_queries(client, server):
    """With what they were answered, also where there is no such path."""
    await client.get("/v2/sites", params={"page": 1})
    await client.get("/v2/nowhere")

    assert server.calls == [Call("GET", "/api/v2/cpo/v2/sites", 200), Call("GET", "/api/v2/cpo/v2/nowhere", 404)]
