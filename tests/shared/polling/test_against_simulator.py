"""Both clients against the simulated eMabler: whatever page boundaries, clocks, crashes and faults there are."""

import asyncio
import time
from collections import Counter
from contextlib import asynccontextmanager
from functools import cache

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from shared.emabler.rest import transport, v2
from shared.emabler.rest.errors import (
    ContractBroken,
    CredentialsRefused,
    EmablerUnavailable,
    PermissionMissing,
    RateLimited,
    WrongAddress,
)
from shared.emabler.rest.opening import open_api
from shared.errors import StorageUnavailable
from shared.polling.errors import ListNotWhole
from simulator import Fleet, Truth
from simulator.losing import lose
from simulator.rest.faults import Fault, FaultKind
from simulator.rest.routes_v1 import API_KEY, CLIENT_ID
from simulator.rest.server import serve_rest
from simulator.rest.world import World as Platform
from tests.day.operator_day import instant
from tests.shared.polling.support import World
from tests.support.memory_tables import MemoryTables

VERSIONS = ("v1", "v2")
SEEDS = (1, 4, 6)


@cache
def fleet_day(seed):
    """A small fleet whose clocks are right, its day, and what is true of it."""
    fleet = Fleet(seed=seed, chargers=12, measurement_interval_seconds=86_400)
    assert not any(charger.clock_error_ticks for charger in fleet.chargers)
    messages = fleet.day()
    return fleet, messages, Truth.of(messages)


@asynccontextmanager
async def polled_world(version, seed, *, skew_seconds=0.0, tables=None, network=None):
    """An operator whose account is the simulated fleet's, in the evening of the day."""
    fleet, messages, _ = fleet_day(seed)
    evening = fleet.start_ticks + 25 * 3600 * 10_000_000
    platform = Platform(fleet.chargers, lambda: evening, clock_skew_seconds=skew_seconds)
    for message in messages:
        platform.hear(message.meaning)
    async with serve_rest(platform) as server:
        api = open_api(
            version=version,
            environment="test",
            api_key=SecretStr(API_KEY),
            client_id=CLIENT_ID,
            base_url=server.base_url(version),
            network=network,
        )
        world = World(tables, api)
        world.now = instant(evening)
        try:
            yield world, server
        finally:
            await api.close()


def told(seed):
    """The sessions that have ended: charger, socket, energy, tag."""
    return Counter(
        (charger_id, session.socket_id, session.energy_wh, session.id_tag)
        for (charger_id, _), session in fleet_day(seed)[2].sessions.items()
        if session.has_full
    )


async def kept(world):
    """The same of the tables."""
    rows = await world.rows("Transactions", state="complete")
    return Counter((row["charger_id"], row["socket_id"], int(row["energy_wh"]), row["id_tag"]) for row in rows)


class CrashingNetwork(httpx.AsyncHTTPTransport):
    """Loses the connection at one call, and at those that try it again, until the run has failed."""

    def __init__(self, crash_at):
        super().__init__()
        self.calls_left = crash_at
        self.is_mended = False

    async def handle_async_request(self, request):
        """See httpx."""
        self.calls_left -= 1
        if self.calls_left < 0 and not self.is_mended:
            raise httpx.ConnectError("the test says so")
        return await super().handle_async_request(request)


@given(st.data())
@settings(max_examples=40, deadline=None)
def test_after_two_more_runs_our_sessions_are_the_simulators(data):
    """For any page boundaries, repeats and losses of pushes, clocks up to 120 s off, and a crash at any call."""
    version, seed = data.draw(st.sampled_from(VERSIONS)), data.draw(st.sampled_from(SEEDS))
    skew_seconds = data.draw(st.floats(-119, 119))
    page_size = data.draw(st.integers(1, 7))
    losses = lose(fleet_day(seed)[1], data.draw(st.integers(0, 1000)), share=0.3, repeats=0.3)
    crash, crash_at = data.draw(st.sampled_from(["before", "after", "network"])), data.draw(st.integers(0, 80))

    async def live():
        tables, network = MemoryTables(), CrashingNetwork(crash_at if crash == "network" else 10_000)
        async with polled_world(version, seed, skew_seconds=skew_seconds, tables=tables, network=network) as (world, _):
            await world.push(*(arrival.body for arrival in losses.arrivals))
            if crash != "network":
                setattr(tables, crash, fail_at(crash_at))
            runs_after_the_crash = 0
            for number in range(6):
                world.now = instant(world.now - instant(0) + number * 900 * 10_000_000)
                try:
                    await world.poller.sessions()
                    runs_after_the_crash += number > 0
                except (StorageUnavailable, EmablerUnavailable):
                    runs_after_the_crash = 0
                    network.is_mended = True
                if runs_after_the_crash == 2:
                    break
            tables.before = tables.after = None
            return await kept(world)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(v2, "SESSIONS_PAGE_SIZE", page_size)
        assert asyncio.run(live()) == told(seed)


def fail_at(number):
    """Fails one call, the one of that number."""
    calls = iter(range(100_000))

    def fail(*_):
        if next(calls) == number:
            raise StorageUnavailable("the test says so")

    return fail


FOR_ALL = {
    FaultKind.UNAUTHORIZED: CredentialsRefused,
    FaultKind.FORBIDDEN: PermissionMissing,
    FaultKind.NOT_FOUND: WrongAddress,
    FaultKind.RATE_LIMITED: RateLimited,
    FaultKind.SERVER_ERROR: EmablerUnavailable,
    FaultKind.REDIRECT: WrongAddress,
    FaultKind.HTML: ContractBroken,
    FaultKind.TRUNCATED: ContractBroken,
    FaultKind.CUT_CONNECTION: EmablerUnavailable,
    FaultKind.HANG: EmablerUnavailable,
}
"""What a poll of sessions ends with where every call meets the fault."""


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(("kind", "error"), FOR_ALL.items(), ids=[*FOR_ALL])
async def test_every_fault_ends_the_poll_of_sessions_soon_with_its_own_error(monkeypatch, version, kind, error):
    """Nothing is lost by it: the run after it finds everything."""
    monkeypatch.setattr(transport, "CALL_SECONDS", 0.2)
    async with polled_world(version, SEEDS[0]) as (world, server):
        server.faults.order(Fault(kind, path="transactions"))
        begun = time.monotonic()
        with pytest.raises(error):
            await world.poller.sessions()
        assert time.monotonic() - begun < 5
        server.faults.clear()
        await world.poller.sessions()

        assert await kept(world) == told(SEEDS[0])


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("kind", [kind for kind in FOR_ALL if kind is not FaultKind.NOT_FOUND])
async def test_every_fault_ends_the_poll_of_chargers_soon(monkeypatch, version, kind):
    """With its own error, but for what v1's chargers have each for itself; the run after it finds all states."""
    monkeypatch.setattr(transport, "CALL_SECONDS", 0.2)
    async with polled_world(version, SEEDS[0]) as (world, server):
        _, messages, _ = fleet_day(SEEDS[0])
        await world.push(*(message.body for message in messages))
        server.faults.order(Fault(kind, path="/charger"))
        begun = time.monotonic()
        if version == "v1" and FOR_ALL[kind] is ContractBroken:
            assert set((await world.poller.chargers()).failures) == {"ContractBroken"}
        else:
            with pytest.raises(FOR_ALL[kind]):
                await world.poller.chargers()
        assert time.monotonic() - begun < 10
        server.faults.clear()

        assert (await world.poller.chargers()).failures == {}


@pytest.mark.parametrize("kind", [FaultKind.SERVER_ERROR, FaultKind.RATE_LIMITED, FaultKind.CUT_CONNECTION])
@pytest.mark.parametrize("version", VERSIONS)
async def test_what_passes_by_itself_is_ridden_out(version, kind):
    """Asked again within the same run."""
    async with polled_world(version, SEEDS[0]) as (world, server):
        server.faults.order(Fault(kind, path="transactions", times=2, retry_after="0"))
        await world.poller.sessions()

        assert await kept(world) == told(SEEDS[0])


@pytest.mark.parametrize("kind", [FaultKind.HTML, FaultKind.TRUNCATED])
async def test_a_page_that_cannot_be_had_costs_only_its_own_rows(monkeypatch, kind):
    """The others are stored, the run says that it failed, and the watermark stays."""
    monkeypatch.setattr(v2, "SESSIONS_PAGE_SIZE", 3)
    async with polled_world("v2", SEEDS[0]) as (world, server):
        await world.poller.sessions()
        whole = await kept(world)
        calls = sum(call.path.endswith("/v3/transactions") for call in server.calls)
        assert calls > 4
        again = World(None, world.api)
        again.now = world.now
        server.faults.order(Fault(FaultKind.SERVER_ERROR, path="never"))
        monkeypatch.setattr(server.faults, "next_for", _one_bad_page(server.faults, calls - 1, kind))
        with pytest.raises(ListNotWhole):
            await again.poller.sessions()

        assert 0 < (whole - await kept(again)).total() <= 3
        (run,) = await again.rows("PollState", RowKey="sessions")
        assert run.get("watermark", 0) < again.now


def _one_bad_page(faults, number, kind):
    """In place of `Faults.next_for`: the fault at one call."""
    calls = iter(range(10_000))
    del faults
    return lambda _path: Fault(kind) if next(calls) == number - 2 else None


@pytest.mark.parametrize("kind", [FaultKind.ENDLESS_PAGES, FaultKind.SHIFTING_PAGES])
async def test_pages_that_do_not_end_or_do_not_stand_still_lose_nothing(monkeypatch, kind):
    """Rows that repeat are one row; a list without an end is left, and asked for again."""
    monkeypatch.setattr(v2, "SESSIONS_PAGE_SIZE", 3)
    async with polled_world("v2", SEEDS[0]) as (world, server):
        server.faults.order(Fault(kind, path="transactions"))
        try:
            await world.poller.sessions()
        except ListNotWhole:
            assert kind is FaultKind.ENDLESS_PAGES
            server.faults.clear()
            await world.poller.sessions()

        assert await kept(world) == told(SEEDS[0])


@pytest.mark.parametrize("kind", [kind for kind in FOR_ALL if kind is not FaultKind.UNAUTHORIZED])
async def test_one_bad_charger_of_v1_costs_the_others_nothing(monkeypatch, kind):
    """Whatever it is that its answer has."""
    monkeypatch.setattr(transport, "CALL_SECONDS", 0.2)
    async with polled_world("v1", SEEDS[0]) as (world, server):
        _, messages, _ = fleet_day(SEEDS[0])
        await world.push(*(message.body for message in messages))
        pushed = sorted({message.meaning.charger.charger_id for message in messages})
        bad = pushed[5]
        server.faults.order(Fault(kind, path=f"/charger/{bad}"))
        if kind in {FaultKind.RATE_LIMITED, FaultKind.REDIRECT}:  # not what one charger alone can have
            with pytest.raises(FOR_ALL[kind]):
                await world.poller.chargers()
            return
        polled = await world.poller.chargers()

        assert polled.chargers == len(pushed) - 1
        assert sum(polled.failures.values()) == 1


@pytest.mark.parametrize("version", VERSIONS)
async def test_the_chargers_states_are_the_simulators(version):
    """Also where push told nothing, and although raw OCPP with a tag is in every answer."""
    async with polled_world(version, SEEDS[0]) as (world, _):
        _, messages, truth = fleet_day(SEEDS[0])
        await world.push(*(message.body for message in messages[::3]))
        await world.poller.chargers()

        found = {
            (row["charger_id"], row.get("socket_id")): row["status"]
            for row in await world.rows("ChargerStatus")
            if "status" in row and row.get("socket_id") not in {None, "0"}
        }
        expected = {key: newest.status for key, newest in truth.statuses.items() if key[1] != "0"}
        asked = {row["charger_id"] for row in await world.rows("PollState") if "polled_at" in row}
        assert {key: found[key] for key in expected if key[0] in asked} == {
            key: status for key, status in expected.items() if key[0] in asked
        }
        everything = [row for table in await world.tables.list_tables() for row in world.tables.rows(table)]
        assert "04SIMTAG" not in repr(everything)
