"""The app's own clients read back what the fleet lived: the one place where the two meet."""

from collections import Counter

import pytest
from pydantic import SecretStr

from shared.deadlines import Deadline
from shared.emabler.rest.errors import (
    ContractBroken,
    CredentialsRefused,
    EmablerUnavailable,
    NotFound,
    PermissionMissing,
    RateLimited,
    WrongAddress,
)
from shared.emabler.rest.limits import CallBudget, RunLimits
from shared.emabler.rest.listings import Ended
from shared.emabler.rest.opening import open_api
from shared.instants import Instant
from simulator.moments import TICKS_PER_DAY, iso
from simulator.rest.faults import Fault, FaultKind
from simulator.rest.routes_v1 import API_KEY, CLIENT_ID

VERSIONS = ["v1", "v2"]


def opened(server, version, key=API_KEY):
    """The app's client of the simulated platform."""
    return open_api(
        version=version,
        environment="test",
        api_key=SecretStr(key),
        client_id=CLIENT_ID,
        base_url=server.base_url(version),
    )


@pytest.fixture(params=VERSIONS)
async def api(request, server):
    """Each version's client."""
    api = opened(server, request.param)
    yield api
    await api.close()


@pytest.fixture
async def api_v2(server):
    """The client of v2."""
    api = opened(server, "v2")
    yield api
    await api.close()


def limits(seconds=20):
    """Of one run."""
    return RunLimits(Deadline.after(seconds), CallBudget(500))


def whole_day(day):
    """From long before its first session to its end."""
    return Instant.from_iso(iso(day.fleet.start_ticks - TICKS_PER_DAY)), Instant.from_iso(iso(day.end))


async def test_every_session_of_the_day_is_read_back(api, day, world):
    """With its place, times, energy and tag, and nothing that could not be read."""
    sessions = api.sessions(*whole_day(day), limits())

    found = [
        (row.charger_id, row.socket_id, row.started_at.iso, row.ended_at.iso, row.energy_wh, row.id_tag)
        async for row in sessions
    ]

    assert Counter(found) == Counter(
        (
            session.charger.charger_id,
            str(session.socket_id),
            iso(session.started_at),
            iso(session.ended_at),
            session.energy_wh,
            session.id_tag,
        )
        for session in world.finished()
        if session.ended_at <= day.end
    )
    assert sessions.tally.is_whole
    assert not sessions.tally.unreadable_fields


async def test_every_charger_is_read_back(api, day, world):
    """Connected or not, with its sockets' states in push's spelling."""
    chargers = api.chargers(sorted(world.chargers), limits())

    found = {charger.charger_id: charger async for charger in chargers}

    assert found.keys() == world.chargers.keys()
    assert chargers.tally.is_whole
    for charger_id, seen in found.items():
        charger = world.chargers[charger_id]
        states = [state for socket in charger.socket_ids if (state := world.newest_state(charger, socket)) is not None]
        last_seen_at = world.last_seen_at(charger)
        assert seen.is_connected == world.is_connected(charger)
        assert (seen.last_seen_at and seen.last_seen_at.iso) == (last_seen_at and iso(last_seen_at))
        assert [(socket.socket_id, socket.status) for socket in seen.sockets] == [
            (str(state.socket_id), state.status) for state in states
        ]


async def test_what_only_v2_has_is_read_back(api_v2, day, world):
    """Sockets, ongoing sessions, events, sites and the push integration."""
    charger = max(day.fleet.chargers, key=lambda charger: len(world.events(charger)))

    sockets = [row async for row in api_v2.sockets(limits())]
    ongoing = [row.transaction_id async for row in api_v2.ongoing_sessions(limits())]
    events = [event async for event in api_v2.charger_events(charger.charger_id, *whole_day(day), limits())]
    sites = {site.site_id async for site in api_v2.sites(limits())}
    [integration] = [row async for row in api_v2.push_integrations(limits())]

    assert len(sockets) == sum(
        world.newest_state(charger, socket_id) is not None
        for charger in day.fleet.chargers
        for socket_id in charger.socket_ids
    )
    assert sorted(ongoing) == sorted(str(start.transaction_id) for start in world.ongoing())
    assert [event.occurred_at.iso for event in events] == [iso(event.received_at) for event in world.events(charger)]
    assert sites == {str(site_id) for site_id in world.site_ids()}
    assert len(integration.endpoints[0].messages) == 5


async def test_a_site_and_a_charger_are_added_and_make_contact(server, world):
    """As an operator's commands do it, with v1."""
    api = opened(server, "v1")
    site_id = await api.add_site("New", limits())
    await api.add_charger("NEW-1", site_id, "The first", limits())
    silent = await api.charger("NEW-1", limits())
    world.connect("NEW-1")
    connected = await api.charger("NEW-1", limits())
    statistics = await api.statistics(limits())
    await api.close()

    assert (silent.is_connected, silent.last_seen_at) == (False, None)
    assert connected.is_connected
    assert connected.last_seen_at == Instant.from_iso(iso(world.now()))
    assert statistics.value["chargers"] == len(world.chargers)


@pytest.mark.parametrize("version", VERSIONS)
async def test_another_key_is_refused(server, version, day):
    """As credentials that have to be set again."""
    api = opened(server, version, key="ANOTHER")
    with pytest.raises(CredentialsRefused):
        await api.charger(day.fleet.chargers[0].charger_id, limits())
    await api.close()


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Fault(FaultKind.UNAUTHORIZED), CredentialsRefused),
        (Fault(FaultKind.FORBIDDEN), PermissionMissing),
        (Fault(FaultKind.NOT_FOUND), NotFound),
        (Fault(FaultKind.RATE_LIMITED, retry_after="3600"), RateLimited),
        (Fault(FaultKind.SERVER_ERROR), EmablerUnavailable),
        (Fault(FaultKind.REDIRECT), WrongAddress),
        (Fault(FaultKind.HTML), ContractBroken),
        (Fault(FaultKind.TRUNCATED), ContractBroken),
        (Fault(FaultKind.CUT_CONNECTION), EmablerUnavailable),
    ],
    ids=lambda value: str(value.kind) if isinstance(value, Fault) else "",
)
async def test_every_fault_is_the_error_that_says_what_to_do(api, server, day, fault, error):
    """Whichever version met it."""
    server.faults.order(fault)

    with pytest.raises(error):
        await api.charger(day.fleet.chargers[0].charger_id, limits())


async def test_a_hanging_platform_costs_no_more_than_the_run_has(api, server, day):
    """The run's own time ends the wait."""
    server.faults.order(Fault(FaultKind.HANG))

    with pytest.raises(EmablerUnavailable):
        await api.charger(day.fleet.chargers[0].charger_id, limits(seconds=0.3))


@pytest.mark.parametrize(
    ("kind", "ended"),
    [(FaultKind.ENDLESS_PAGES, Ended.REPEATED_PAGE), (FaultKind.SHIFTING_PAGES, Ended.LAST_PAGE)],
)
async def test_pages_that_repeat_rows_give_each_once(api_v2, server, world, monkeypatch, kind, ended):
    """Every charger, however the pages lie."""
    monkeypatch.setattr("shared.emabler.rest.v2.PAGE_SIZE", 15)
    server.faults.order(Fault(kind))
    chargers = api_v2.chargers([], limits())

    found = [charger.charger_id async for charger in chargers]

    assert found == sorted(world.chargers)
    assert chargers.tally.ended is ended
