"""A poll of the sessions: what REST tells is joined to what push told, and nothing is asked for too late."""

import pytest

from shared.emabler.rest.addresses import ApiVersion
from shared.emabler.rest.errors import EmablerUnavailable
from shared.emabler.rest.listings import Ended
from shared.errors import RowRefused, StorageUnavailable
from shared.instants import Instant
from shared.polling.errors import AnotherRun, ListNotWhole
from shared.polling.gaps import Evidence, Gap
from shared.polling.runs import PollKind
from shared.polling.windows import OVERLAP_TICKS, WIDEST_TICKS, Window
from shared.tables.store import Kind, Operation
from tests.shared.polling.support import NOON, World, after, full, polled, started
from tests.support.fake_emabler import FakeEmabler
from tests.support.memory_tables import MemoryTables
from tests.support.messages import within


@pytest.fixture
def world():
    """An operator with v2, an hour after noon."""
    world = World()
    world.now = after(60)
    return world


async def test_a_session_that_push_lost_is_there_after_a_poll(world):
    """Marked as told by REST alone, with its end and its energy."""
    world.api.sessions_now = [polled("C1", after(0), after(50), evse="77", energy_wh=7000)]
    stored = await world.poller.sessions()

    assert (stored.sessions, stored.polled_only, stored.changed) == (1, 1, 1)
    (row,) = await world.rows("Transactions")
    assert (row["transaction_id"], row["state"], row["source"]) == ("77", "complete", "poll")
    assert (row["ended_at"], row["energy_wh"], row["has_poll"], row["has_full"]) == (after(50), 7000, True, False)


async def test_a_session_whose_end_was_lost_is_completed(world):
    """What push told stays; what it did not comes from REST."""
    await world.push(started("C1", 77, after(0)))
    world.api.sessions_now = [polled("C1", after(0, seconds=0.4), after(50), evse="77", energy_wh=7000)]
    await world.poller.sessions()

    (row,) = await world.rows("Transactions")
    assert (row["started_at"], row["ended_at"], row["energy_wh"]) == (after(0), after(50), 7000)
    assert (row["state"], row["source"], row["meter_start_wh"]) == ("complete", "both", 1000)


async def test_the_late_push_of_a_polled_session_wins_and_there_is_one_session(world):
    """By the charger's own id it meets the row that the poll made."""
    world.api.sessions_now = [polled("C1", after(0), after(50), evse="77", energy_wh=7000)]
    await world.poller.sessions()
    await world.push(full("C1", 77, after(0), after(50), energy_wh=7001))

    assert await world.sessions() == [("C1", after(50), 7001)]


@pytest.mark.parametrize("version", list(ApiVersion))
async def test_a_session_without_an_id_is_joined_when_its_push_comes_late(version):
    """By charger, socket, tag and start; its own row is given up."""
    world = World(api=FakeEmabler(version))
    world.now = after(60)
    world.api.sessions_now = [polled("C1", after(0), after(50), number="900" if version is ApiVersion.V2 else None)]
    await world.poller.sessions()
    (alone,) = await world.rows("Transactions")
    assert alone["source"] == "poll"
    await world.push(full("C1", 77, after(0, seconds=100), after(50, seconds=100)))
    assert len(await world.sessions()) == 2
    world.now = after(75)
    await world.poller.sessions()

    (row,) = await world.rows("Transactions")
    assert (row["transaction_id"], row["source"]) == ("77", "both")


async def test_a_second_poll_changes_nothing(world):
    """Nothing is written twice."""
    await world.push(full("C1", 77, after(0), after(50)))
    world.api.sessions_now = [
        polled("C1", after(0), after(50), evse="77"),
        polled("C2", after(5), after(40)),
        polled("C2", after(41), after(45)),
    ]
    await world.poller.sessions()
    before = await world.rows("Transactions")
    world.now = after(75)

    assert (await world.poller.sessions()).changed == 0
    assert await world.rows("Transactions") == before


async def test_what_rest_corrects_is_corrected(world):
    """A session that only REST knows is as REST tells it now."""
    for energy_wh in (7000, 7500):
        world.api.sessions_now = [polled("C1", after(0), after(50), evse="77", energy_wh=energy_wh)]
        await world.poller.sessions()

    assert await world.sessions() == [("C1", after(50), 7500)]


async def test_windows_overlap_and_go_back_as_far_as_possible_at_first(world):
    """The watermark is the end of what is stored."""
    await world.poller.sessions()
    world.now = after(75)
    await world.poller.sessions()

    assert world.api.asked_sessions[0][0] == after(60) - WIDEST_TICKS
    assert world.api.asked_sessions[-1] == (after(60) - OVERLAP_TICKS[ApiVersion.V2], after(75))


async def test_a_gap_widens_the_window(world):
    """While push is silent, what it does not tell may be days old."""
    await world.poller.sessions()
    row = Gap("C1", Evidence.STATE, NOON, NOON).row
    await world.tables.execute("PollState", [Operation(Kind.INSERT, row.row)], within(1))
    asked = len(world.api.asked_sessions)
    world.now = after(75)
    await world.poller.sessions()

    assert world.api.asked_sessions[asked][0] == after(75) - WIDEST_TICKS


@pytest.mark.parametrize("ended", [Ended.PAGE_CAP, Ended.REPEATED_PAGE])
async def test_the_watermark_does_not_move_past_a_list_that_was_not_whole(world, ended):
    """What came is stored, and all of it is asked for again."""
    world.api.sessions_now = [polled("C1", after(0), after(50), evse="77")]
    world.api.ended = ended
    with pytest.raises(ListNotWhole):
        await world.poller.sessions()
    assert len(await world.sessions()) in {0, 1}
    asked = len(world.api.asked_sessions)
    world.api.ended = Ended.LAST_PAGE
    world.now = after(75)
    await world.poller.sessions()

    assert world.api.asked_sessions[asked][0] <= after(60) - WIDEST_TICKS + 15 * 60 * 10_000_000
    assert await world.sessions() == [("C1", after(50), 5000)]


async def test_an_id_that_was_used_again_loses_no_session(world):
    """Days apart, when the row of the first is older than all that a poll looks at, and REST alone tells of both."""
    world.api.sessions_now = [polled("C1", after(0), after(50), evse="1", number="900", energy_wh=1000)]
    world.now = after(60)
    await world.poller.sessions()
    later = 5 * 1440
    world.api.sessions_now.append(polled("C1", after(later), after(later + 50), evse="1", number="901", energy_wh=7))
    for minutes in (60, 75):
        world.now = after(later + minutes)
        await world.poller.sessions()

    assert await world.sessions() == [("C1", after(50), 1000), ("C1", after(later + 50), 7)]


@pytest.mark.parametrize("hours_ahead", [-60, 26, 60])
@pytest.mark.parametrize("version", list(ApiVersion))
async def test_a_charger_whose_clock_is_days_off_has_its_session_once(version, hours_ahead):
    """REST tells it by that clock, and the row's newest event is dated by eMabler's."""
    world = World(api=FakeEmabler(version))
    begin, end = after(hours_ahead * 60), after(hours_ahead * 60 + 60)
    world.now = after(0)
    await world.poller.sessions()
    await world.push(full("C1", 1, begin, end, received=after(60)))
    world.api.sessions_now = [polled("C1", begin, end)]
    for minutes in range(75, 4 * 1440, 360):
        world.now = after(minutes)
        await world.poller.sessions()

    assert await world.sessions() == [("C1", end, 5000)]


async def test_a_list_that_is_never_whole_keeps_no_other_from_being_stored(world):
    """The watermark waits for it, the sessions after it do not; and every run says so."""
    await world.poller.sessions()
    watermark = world.now
    whole = world.api.sessions

    def sessions(start, end, limits):
        world.api.ended = Ended.PAGE_CAP if start <= after(600) <= end else Ended.LAST_PAGE
        return whole(start, end, limits)

    world.api.sessions = sessions
    world.api.sessions_now = [polled("C1", after(5000), after(5050))]
    world.now = after(6000)
    with pytest.raises(ListNotWhole):
        await world.poller.sessions()

    assert await world.sessions() == [("C1", after(5050), 5000)]
    (run,) = await world.rows("PollState", RowKey="sessions")
    assert watermark <= run["watermark"] < after(600)
    world.api.sessions = whole
    world.api.ended = Ended.LAST_PAGE
    await world.poller.sessions()
    (run,) = await world.rows("PollState", RowKey="sessions")
    assert run["watermark"] == world.now


async def test_a_second_poll_of_the_same_reads_each_charger_once(world):
    """What was read to be joined is not read again to be written."""
    world.api.sessions_now = [polled(name, after(0), after(50), number=name) for name in ("A", "B", "C")]
    world.now = after(60)
    await world.poller.sessions()
    asked = []
    world.tables.before = lambda method, table: asked.append((method, table))
    world.now = after(75)
    await world.poller.sessions()

    assert [call for call in asked if call[1] == "Transactions"] == [("find", "Transactions")] * 3


async def test_a_window_of_ones_own_moves_no_watermark(world):
    """A command that looks at January must not make the timer forget December."""
    await world.poller.sessions()
    world.now = after(70)
    await world.poller.sessions(Window(after(-6000), after(-5000)))
    (run,) = await world.rows("PollState", RowKey="sessions")
    assert run["succeeded_at"] == after(60), "it says nothing of how the timer's runs are doing"
    world.now = after(75)
    await world.poller.sessions()

    assert world.api.asked_sessions[-1] == (after(60) - OVERLAP_TICKS[ApiVersion.V2], after(75))


async def test_two_runs_at_once_do_the_work_once(world):
    """The second is turned away before it asks for anything, and the lease of one that died ends by itself."""
    await world.poller._runs.begin(PollKind.SESSIONS, world.now, within(420))  # a run that dies
    with pytest.raises(AnotherRun):
        await world.poller.sessions()
    assert world.api.asked_sessions == []
    world.now = after(75)
    await world.poller.sessions()

    assert world.api.asked_sessions


async def test_a_row_that_storage_refuses_is_kept_in_quarantine_and_does_not_stop_the_run(world, monkeypatch):
    """It counts as stored, or the watermark would stand still for ever."""
    execute = world.tables.execute

    async def refuse(table, operations, deadline):
        for index, operation in enumerate(operations):
            if table == "Transactions" and operation.row["charger_id"] == "BAD":
                raise RowRefused("the test says so", index=index)
        return await execute(table, operations, deadline)

    monkeypatch.setattr(world.tables, "execute", refuse)
    world.api.sessions_now = [polled(name, after(0), after(50), evse="77") for name in ("A", "BAD", "C")]
    stored = await world.poller.sessions()

    assert (stored.changed, stored.quarantined) == (2, 1)
    (kept,) = await world.rows("Quarantine")
    assert (kept["transport"], "BAD" in kept["raw"]) == ("poll", True)
    (run,) = await world.rows("PollState", RowKey="sessions")
    assert run["watermark"] == after(60)


def _fault_at(number, error):
    calls = iter(range(100_000))

    def fail(*_):
        if next(calls) == number:
            raise error

    return fail


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("number", range(0, 38, 2))
@pytest.mark.parametrize("version", list(ApiVersion))
async def test_two_more_runs_after_a_crash_at_any_call_to_storage_all_is_as_it_should_be(version, number, moment):
    """Whether the call had its effect or not."""
    tables = MemoryTables()
    world = World(tables, FakeEmabler(version))
    ids = {ApiVersion.V1: {}, ApiVersion.V2: {"evse": "78"}}[version]
    world.api.sessions_now = [
        polled("C1", after(1), after(50)),
        polled("C2", after(1), after(50), energy_wh=1, **ids),
        polled("C3", after(1), after(50), energy_wh=2),
    ]
    world.now = after(60)
    await world.poller.sessions()
    await world.push(full("C1", 77, after(0), after(50)), started("C2", 78, after(1)))
    setattr(tables, moment, _fault_at(number, StorageUnavailable("the test says so")))
    faults = 0
    for minutes in range(75, 200, 15):  # those before the fault do no harm; after it there are at least two
        world.now = after(minutes)
        try:
            await world.poller.sessions()
        except StorageUnavailable:
            faults += 1
            last = minutes + 30
        if faults and minutes == last:
            break
    assert faults == 1

    assert await world.sessions() == [("C1", after(50), 5000), ("C2", after(50), 1), ("C3", after(50), 2)]


async def test_a_fault_of_the_api_at_any_row_loses_nothing(world):
    """The next run asks again from where all was stored."""
    world.api.sessions_now = [polled(f"C{number}", after(0), after(50), evse="1") for number in range(6)]
    for number in range(6):
        world.api.before = _fault_at(number, EmablerUnavailable("the test says so"))
        world.now = Instant(world.now + 60 * 10_000_000)
        with pytest.raises(EmablerUnavailable):
            await world.poller.sessions()
    world.api.before = lambda _: None
    await world.poller.sessions()

    assert len(await world.sessions()) == 6


@pytest.mark.parametrize(("version", "bodies"), [(ApiVersion.V1, ["{}", '{"a":1}']), (ApiVersion.V2, [])])
async def test_statistics_are_kept_as_they_come_where_the_version_has_them(version, bodies):
    """The same answer again is the same row."""
    world = World(api=FakeEmabler(version))
    world.now = after(60)
    for answer in (b"{}", b"{}", b'{"a":1}'):
        world.api.statistics_now = answer
        await world.poller.statistics_and_sessions()

    assert sorted(row["raw"] for row in await world.rows("Statistics")) == sorted(bodies)


async def test_statistics_that_fail_do_not_keep_sessions_from_being_polled():
    """And the run is a failed one all the same."""
    world = World(api=FakeEmabler(ApiVersion.V1))
    world.now = after(60)
    world.api.sessions_now = [polled("C1", after(0), after(50))]
    world.api.before = _fault_at(0, EmablerUnavailable("the test says so"))
    with pytest.raises(EmablerUnavailable):
        await world.poller.statistics_and_sessions()

    assert len(await world.sessions()) == 1
