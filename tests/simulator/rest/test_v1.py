"""REST v1 over real HTTP."""

import pytest

from simulator.moments import TICKS_PER_DAY, write_time
from simulator.rest.asking import moment_of
from simulator.rest.server import serve_rest
from tests.simulator.rest.support import V1_KEY, v1

CHARGER_FIELDS = {
    *("chargerId", "chargerName", "firmwareVersion", "manufacturer", "serialNumber", "chargerModel"),
    *("amountOfSockets", "lastSeen", "lastMessage", "activeConnection", "locationInfo", "pushIntegrationEnabled"),
    *("chargerSpecificMessageStructure", "chargerConfigurations", "sockets"),
}
SESSION_FIELDS = {
    *("startTimeUTC", "endTimeUTC", "chargerId", "socketId", "rfidTag", "userId", "userName", "groupId", "groupName"),
    *("consumptionWH", "consumptionKWH", "transactionLengthMinutes"),
}


@pytest.fixture
async def client(server):
    """Somebody with the key."""
    async with v1(server) as client:
        yield client


async def sessions(client, first, last, **filters):
    """The rows of a window of time in ticks."""
    asked = {"startTime": write_time(first), "endTime": write_time(last), **filters}
    return (await client.post("/statistics/transactions", json=asked)).raise_for_status().json()["results"]


@pytest.mark.parametrize("key", [{}, {"code": V1_KEY["code"]}, {**V1_KEY, "code": "another"}])
async def test_without_the_key_nothing_is_told(server, key):
    """Both parts of it are asked for."""
    async with v1(server) as client:
        client.params = key
        response = await client.get("/statistics")

    assert (response.status_code, response.content) == (401, b"")


async def test_a_charger_has_the_documented_fields(client, day):
    """Just those, for a charger that has been heard."""
    charger = (await client.get(f"/charger/{day.fleet.chargers[0].charger_id}")).json()

    assert charger.keys() == CHARGER_FIELDS
    assert all(socket.keys() == {"type", "maxPower", "status", "id"} for socket in charger["sockets"])


async def test_every_charger_is_as_the_world_knows_it(client, world):
    """Its sockets' newest states, and when it was last seen."""
    for charger in world.chargers.values():
        told = (await client.get(f"/charger/{charger.charger_id}")).json()
        states = [world.newest_state(charger, socket_id) for socket_id in charger.socket_ids]
        last_seen_at = world.last_seen_at(charger)
        assert told["lastSeen"] == ("0001-01-01T00:00:00Z" if last_seen_at is None else write_time(last_seen_at))
        assert told["activeConnection"] == world.is_connected(charger)
        assert [(socket["id"], socket["status"].lower()) for socket in told["sockets"]] == [
            (state.socket_id, state.status.lower()) for state in states if state is not None
        ]


async def test_an_unknown_charger_is_not_found(client):
    """With 404."""
    assert (await client.get("/charger/NOBODY")).status_code == 404


async def test_sessions_have_the_documented_fields_and_naive_times(client, day):
    """No id of the transaction, and no Z."""
    rows = await sessions(client, day.fleet.start_ticks - TICKS_PER_DAY, day.end)

    assert rows
    assert all(row.keys() == SESSION_FIELDS for row in rows)
    assert not any(row[name].endswith("Z") for row in rows for name in ("startTimeUTC", "endTimeUTC"))
    assert all(row["consumptionKWH"] == row["consumptionWH"] / 1000 for row in rows)


@pytest.mark.parametrize(("about", "moment"), [("end", "ended_at"), ("start", "started_at")])
async def test_a_window_is_about_ends_or_starts_both_ends_included(world, about, moment):
    """What eMabler's is about is not documented, so it can be either."""
    moments = sorted(getattr(session, moment) for session in world.finished())
    first, last = moments[3], moments[-4]
    async with serve_rest(world, v1_window=about) as server, v1(server) as client:
        rows = await sessions(client, first, last)

    field = {"end": "endTimeUTC", "start": "startTimeUTC"}[about]
    assert sorted(moment_of(row[field]) for row in rows) == moments[3:-3]


async def test_sessions_of_some_chargers_only(client, world, day):
    """As `chargerIDs` names them."""
    wanted = {session.charger.charger_id for session in list(world.finished())[:3]}

    rows = await sessions(client, 0, day.end, chargerIDs=sorted(wanted))

    assert {row["chargerId"] for row in rows} == wanted


async def test_an_empty_end_is_now(client, world):
    """As a public client of eMabler sends it."""
    asked = {"startTime": "2020-01-01T00:00:00Z", "endTime": ""}
    rows = (await client.post("/statistics/transactions", json=asked)).json()["results"]

    assert len(rows) == sum(session.ended_at <= world.now() for session in world.finished())


async def test_statistics_are_an_object_of_counts(client):
    """Their real shape is not documented."""
    told = (await client.get("/statistics")).json()

    assert told["chargers"] == 40
    assert told["totalConsumptionWH"] > 0


async def test_a_site_and_a_charger_can_be_added(client, world):
    """The charger has never been seen until it makes contact."""
    site_id = (await client.post("/group/add", json={"name": "New"})).json()
    added = await client.post(f"/charger/add/NEW-1/{site_id}", json={"chargerName": "The first"})
    silent = (await client.get("/charger/NEW-1")).json()
    world.connect("NEW-1")
    connected = (await client.get("/charger/NEW-1")).json()

    assert isinstance(site_id, int)
    assert (added.status_code, added.json()) == (200, "NEW-1")
    assert silent["chargerName"] == "The first"
    assert (silent["activeConnection"], silent["lastSeen"]) == (False, "0001-01-01T00:00:00Z")
    assert silent["sockets"] == []
    assert (connected["activeConnection"], connected["lastSeen"]) == (True, write_time(world.now()))


@pytest.mark.parametrize("place", ["NEW-1/1", "NEW-1/nowhere", "{taken}/{site}"])
async def test_a_charger_is_not_added_to_an_unknown_site_or_twice(client, day, place):
    """With the words of the documentation."""
    charger = day.fleet.chargers[0]
    path = place.format(taken=charger.charger_id, site=charger.site_id)

    refused = await client.post(f"/charger/add/{path}", json={"chargerName": "New"})

    assert (refused.status_code, refused.text) == (400, "incorrect charger ID or groupId")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/statistics/transactions", b"{"),
        ("/statistics/transactions", b"[]"),
        ("/statistics/transactions", b"{}"),
        ("/statistics/transactions", b'{"startTime":"yesterday"}'),
        ("/statistics/transactions", b'{"startTime":"2025-04-02","endTime":7}'),
        ("/group/add", b"{}"),
        ("/charger/add/NEW-1/100", b'{"chargerName":7}'),
    ],
)
async def test_a_request_that_makes_no_sense_is_a_bad_request(client, path, body):
    """And no failure of the server's."""
    assert (await client.post(path, content=body)).status_code == 400
