"""A poll of the chargers: what it writes, whom it asks, and about whom push is silent."""

import pytest

from shared.emabler.rest.addresses import ApiVersion
from shared.emabler.rest.errors import CallBudgetSpent, ContractBroken, EmablerUnavailable
from shared.emabler.rest.listings import Ended
from tests.shared.polling.support import World, after, measured, seen, state
from tests.support.fake_emabler import FakeEmabler


@pytest.fixture
def world():
    """An operator with v2."""
    return World()


async def _status(world, charger_id):
    (row,) = [row for row in await world.rows("ChargerStatus", charger_id=charger_id) if "status" in row]
    return row["status"], row["source"]


async def test_a_state_that_push_lost_is_found(world):
    """Marked as told by a poll, until push tells something newer."""
    await world.push(state("C1", "Available", after(0)))
    world.api.chargers_now["C1"] = seen("C1", "Charging", after(3))
    world.now = after(5)
    polled = await world.poller.chargers()

    assert (polled.chargers, await _status(world, "C1")) == (1, ("Charging", "poll"))
    await world.push(state("C1", "Finishing", after(4)))
    assert await _status(world, "C1") == ("Finishing", "push")


async def test_a_second_poll_that_sees_the_same_writes_no_state(world):
    """Only what a poll leaves of itself is new."""
    await world.push(state("C1", "Available", after(0)))
    world.api.chargers_now |= {"C1": seen("C1", "Available", after(0)), "C2": seen("C2", "Charging", after(0))}
    await world.poller.chargers()
    before = await world.rows("ChargerStatus")
    world.now = after(5)

    assert (await world.poller.chargers()).changed_rows == 0
    assert await world.rows("ChargerStatus") == before


async def test_v1_is_asked_for_what_push_has_shown_and_the_operator_named_longest_ago_first():
    """A run that cannot ask for all leaves others out than the one before."""
    world = World(api=FakeEmabler(ApiVersion.V1), named_ids=["NEW"], calls_per_run=2)
    world.api.chargers_now = {name: seen(name, "Available", after(0)) for name in ("A", "B", "C", "NEW")}
    await world.push(*(state(name, "Available", after(0)) for name in ("A", "B", "C")))
    asked = []
    for minutes in (5, 10):
        world.now = after(minutes)
        with pytest.raises(CallBudgetSpent):
            await world.poller.chargers()
        asked += world.api.asked_ids[:2]

    assert sorted(asked) == ["A", "B", "C", "NEW"]
    assert len(await world.rows("PollState", polled_at=after(5))) == 2


async def test_one_bad_charger_costs_the_others_nothing():
    """Whatever is wrong with it."""
    world = World(api=FakeEmabler(ApiVersion.V1))
    await world.push(*(state(name, "Available", after(0)) for name in ("A", "B", "C", "D")))
    world.api.chargers_now = {name: seen(name, "Charging", after(1)) for name in ("A", "D")}
    world.api.failures = {"B": ContractBroken("nonsense")}
    world.now = after(5)
    polled = await world.poller.chargers()

    assert (polled.chargers, polled.failures) == (2, {"ContractBroken": 1, "NotFound": 1})
    assert [await _status(world, name) for name in ("A", "D")] == [("Charging", "poll")] * 2


async def test_chargers_without_an_answer_are_not_the_first_to_be_asked_again():
    """Three that eMabler refuses look like an outage; the others must not wait behind them for ever."""
    world = World(api=FakeEmabler(ApiVersion.V1))
    await world.push(*(state(name, "Available", after(0)) for name in ("A", "B")))
    world.api.failures = dict.fromkeys(("A", "B"), EmablerUnavailable("gone"))
    world.now = after(5)
    await world.poller.chargers()
    await world.push(state("Z", "Available", after(6)))
    world.now = after(10)
    await world.poller.chargers()

    assert world.api.asked_ids == ["Z", "A", "B"]


async def test_a_charger_with_two_spellings_of_its_id_is_stored_once(caplog):
    """v1 answers both with one charger: two rows with one key would be refused together."""
    world = World(api=FakeEmabler(ApiVersion.V1), named_ids=["abc", "ABC"])
    world.api.chargers_now = {name: seen("ABC", "Charging", after(1)) for name in ("abc", "ABC")}
    polled = await world.poller.chargers()

    assert polled.chargers == 1
    assert "charger_id='ABC' answered twice" in caplog.text


async def test_what_came_before_the_list_broke_is_stored_and_the_run_fails(world):
    """Its end is written down, for health and for the operator."""
    world.api.chargers_now = {f"C{number}": seen(f"C{number}", "Available", after(0)) for number in range(250)}
    calls = iter(range(1000))

    def fail(_):
        if next(calls) == 230:
            raise EmablerUnavailable("gone")

    world.api.before = fail
    with pytest.raises(EmablerUnavailable):
        await world.poller.chargers()

    assert len(await world.rows("PollState", first_polled_at=world.now)) == 230
    (run,) = await world.rows("PollState", RowKey="chargers")
    assert (run["error"], run["failures_in_a_row"], "leased_until" in run) == ("EmablerUnavailable: gone", 1, False)
    world.api.before = lambda _: None
    await world.poller.chargers()
    (run,) = await world.rows("PollState", RowKey="chargers")
    assert ("error" in run, run["failures_in_a_row"], run["succeeded_at"]) == (False, 0, world.now)


async def _polls(world, minutes, charger):
    """Poll at these minutes; returns how many gaps are open after the last."""
    for minute in minutes:
        world.now = after(minute)
        world.api.chargers_now[charger.charger_id] = charger
        polled = await world.poller.chargers()
    return polled.open_gaps


async def test_a_charger_nobody_uses_is_no_gap(world):
    """However long: it has nothing to tell."""
    await world.push(state("C1", "Available", after(0)))

    assert await _polls(world, (1, 500, 5000), seen("C1", "Available", after(0), last_seen=after(5000))) == 0


async def test_a_state_that_push_does_not_tell_is_a_gap_after_the_silence(world, caplog):
    """Told in the log with an error, for an alert; and closed when push tells something again."""
    await world.push(state("C1", "Available", after(0)))
    assert await _polls(world, (1, 5), seen("C1", "Available", after(0))) == 0
    assert await _polls(world, (10, 70), seen("C1", "Charging", after(9))) == 0
    assert await _polls(world, (71,), seen("C1", "Charging", after(9))) == 1
    assert await _polls(world, (80,), seen("C1", "Available", after(79))) == 1
    assert "push gap found charger_id='C1'" in caplog.text
    world.now = after(81)
    await world.push(state("C1", "Charging", after(81)))

    assert await _polls(world, (85,), seen("C1", "Charging", after(81))) == 0
    assert await world.rows("PollState", PartitionKey="gaps") == []


async def test_no_gap_is_found_while_push_is_catching_up(world):
    """After an outage of ours the queue is worked off: what it has not told yet may be in there."""
    await world.push(state("C1", "Available", after(0)), state("C2", "Available", after(0)))
    world.api.chargers_now = {"C2": seen("C2", "Available", after(0))}
    assert await _polls(world, (1,), seen("C1", "Available", after(0))) == 0
    assert await _polls(world, (121,), seen("C1", "Charging", after(120))) == 0
    world.now = after(299)
    await world.push(state("C2", "Charging", after(60)))
    assert await _polls(world, (300,), seen("C1", "Charging", after(120))) == 0
    world.now = after(304)
    await world.push(state("C2", "Available", after(302)))

    assert await _polls(world, (305,), seen("C1", "Charging", after(120))) == 1


async def test_what_was_before_anybody_listened_is_no_gap(world):
    """On the first day everything is known from REST alone."""
    assert await _polls(world, (1, 500), seen("C1", "Charging", after(-500))) == 0


async def test_a_charger_that_is_offline_for_rest_too_is_no_gap(world):
    """Silence has its reason."""
    await world.push(state("C1", "Available", after(0)))
    await _polls(world, (1,), seen("C1", "Available", after(0)))

    assert await _polls(world, (10, 200), seen("C1", "Charging", after(9), is_connected=False)) == 0
    (row,) = [row for row in await world.rows("ChargerStatus") if "status" in row]
    assert row["connection"] == "offline"


async def test_charging_without_measurements_is_a_gap_where_push_brings_them(world):
    """And none where the operator never got any."""
    for name in ("C1", "C2"):
        await world.push(state(name, "Charging", after(0)))
    await world.push(measured("C1", after(1)))
    world.api.chargers_now = {name: seen(name, "Charging", after(0)) for name in ("C1", "C2")}
    for minutes, gaps in ((2, []), (60, []), (62, ["C1"])):
        world.now = after(minutes)
        polled = await world.poller.chargers()
        assert [gap.charger_id for gap in polled.gaps_found] == gaps


async def test_what_push_told_within_the_last_minute_closes_a_gap_that_its_row_does_not_know_of(world):
    """The rows of when push told something are written once a minute; the archive decides."""
    await world.push(state("C1", "Charging", after(0)))
    await world.push(measured("C1", after(1)))
    await world.push(measured("C1", after(30)), measured("C1", after(62)))
    world.api.chargers_now = {"C1": seen("C1", "Charging", after(0))}
    world.now = after(63)

    assert (await world.poller.chargers()).open_gaps == 0


async def test_a_gap_of_a_charger_that_the_account_lost_is_closed(world):
    """But only where the list is whole."""
    await world.push(state("C1", "Available", after(0)))
    await _polls(world, (1,), seen("C1", "Available", after(0)))
    assert await _polls(world, (100, 200), seen("C1", "Charging", after(9))) == 1
    world.api.chargers_now = {}
    world.api.ended = Ended.PAGE_CAP
    assert (await world.poller.chargers()).open_gaps == 1
    world.api.ended = Ended.LAST_PAGE

    assert (await world.poller.chargers()).open_gaps == 0
