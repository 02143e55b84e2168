"""A day's account of push and REST: what is in it, what is repaired, and what somebody has to look at."""

import pytest

from shared.emabler.rest.addresses import ApiVersion
from shared.emabler.rest.listings import Ended
from shared.errors import StorageUnavailable
from shared.instants import TICKS_PER_SECOND, Instant
from shared.polling.errors import ListNotWhole
from shared.polling.ledger import DAY_TICKS, Verdict
from tests.shared.polling.support import NOON, World, after, full, polled, started
from tests.support.fake_emabler import FakeEmabler
from tests.support.memory_tables import MemoryTables

DAY = Instant(NOON - 12 * 3600 * TICKS_PER_SECOND)
NIGHT = after(16 * 60)
"""04:00 of the next day."""


async def day_of(world):
    """A day with one session of every kind."""
    await world.push(
        full("EQUAL", 1, after(0), after(50)),
        full("DIFFERENT", 2, after(0), after(50), energy_wh=5002),
        started("COMPLETED", 3, after(0)),
        full("PUSHED", 4, after(0), after(50)),
    )
    world.api.sessions_now = [
        polled("EQUAL", after(0), after(50), evse="1", energy_wh=5001),
        polled("DIFFERENT", after(0), after(50), evse="2"),
        polled("COMPLETED", after(0), after(50), evse="3"),
        polled("POLLED", after(0), after(50), evse="5"),
    ]
    world.now = NIGHT


@pytest.fixture
async def world():
    """With such a day behind it."""
    world = World()
    await day_of(world)
    return world


async def test_every_session_of_the_day_has_its_verdict(world, caplog):
    """And what nobody can explain is an error in the log, with its number."""
    (reconciled,) = await world.poller.reconcile([DAY], repairs=True)

    assert {ledger.charger_id: ledger.entries[0].verdict for ledger in reconciled.ledgers} == {
        "EQUAL": Verdict.EQUAL,
        "DIFFERENT": Verdict.DIFFERENT,
        "COMPLETED": Verdict.COMPLETED,
        "POLLED": Verdict.POLLED_ONLY,
        "PUSHED": Verdict.PUSHED_ONLY,
    }
    assert reconciled.unexplained == 2
    assert "reconciliation drift day=20250402 unexplained=2" in caplog.text


async def test_the_ledger_is_kept_with_its_sums(world):
    """One row for each charger and day."""
    await world.poller.reconcile([DAY], repairs=True)

    (row,) = await world.rows("Reconciliation", charger_id="DIFFERENT")
    assert (row["day"], row["sessions"], row["different_sessions"], row["unexplained_sessions"]) == (
        "20250402",
        1,
        1,
        1,
    )
    assert (row["pushed_wh"], row["polled_wh"], row["kept_wh"]) == (5002, 5000, 5002)
    assert "energy" in row["details"]
    assert not any("TAG1" in repr(one) for one in await world.rows("Reconciliation"))
    assert len(await world.rows("Reconciliation")) == 5


async def test_what_may_be_is_repaired(world):
    """Sessions that push did not tell, or not to their end."""
    await world.poller.reconcile([DAY], repairs=True)

    assert await world.sessions() == [
        ("COMPLETED", after(50), 5000),
        ("DIFFERENT", after(50), 5002),
        ("EQUAL", after(50), 5000),
        ("POLLED", after(50), 5000),
        ("PUSHED", after(50), 5000),
    ]


async def test_a_second_account_of_the_same_day_is_the_same(world):
    """What was repaired was not told by push for that."""
    (first,) = await world.poller.reconcile([DAY], repairs=True)
    sessions = await world.rows("Transactions")
    (second,) = await world.poller.reconcile([DAY], repairs=True)

    assert second.counts == first.counts
    assert await world.rows("Transactions") == sessions
    assert len(await world.rows("Reconciliation")) == 5


async def test_a_look_writes_nothing(world):
    """Neither sessions nor ledger."""
    sessions = await world.rows("Transactions")
    (reconciled,) = await world.poller.reconcile([DAY], repairs=False)

    assert (reconciled.unexplained, reconciled.stored) == (2, None)
    assert await world.rows("Transactions") == sessions
    assert await world.rows("Reconciliation") == []


async def test_a_push_that_comes_days_late_is_accounted_for_on_its_day(world):
    """It is found in the archive of the day it came."""
    two_days_later = Instant(NIGHT + 2 * 86_400 * TICKS_PER_SECOND)
    world.now = two_days_later
    await world.push(full("POLLED", 5, after(0), after(50), received=two_days_later))
    (reconciled,) = await world.poller.reconcile([DAY], repairs=True)

    assert reconciled.counts[Verdict.EQUAL] == 2
    assert reconciled.counts[Verdict.POLLED_ONLY] == 0


async def test_a_session_that_turns_out_to_belong_to_the_next_day_is_counted_once():
    """REST says half a minute before midnight, and push, which comes late, half a minute after it."""
    world = World()
    midnight = Instant(DAY + DAY_TICKS)
    start, by_rest, by_push = (after(seconds=seconds, start=midnight) for seconds in (-3600, -30, 30))
    world.api.sessions_now = [polled("C1", start, by_rest, evse="1")]
    world.now = after(240, start=midnight)
    await world.poller.reconcile([DAY], repairs=True)
    await world.push(full("C1", 1, start, by_push))
    world.now = after(1440 + 240, start=midnight)
    await world.poller.reconcile([DAY, midnight], repairs=True)

    rows = await world.rows("Reconciliation")
    assert [(row["day"], row["sessions"], int(row["kept_wh"])) for row in rows] == [
        (DAY.day, 0, 0),
        (midnight.day, 1, 5000),
    ]


async def test_a_day_whose_list_is_not_whole_does_not_cost_the_others_their_account(world):
    """It is raised at the end, so that the invocation fails."""
    whole = world.api.sessions

    def sessions(start, end, limits):
        world.api.ended = Ended.PAGE_CAP if start < DAY else Ended.LAST_PAGE
        return whole(start, end, limits)

    world.api.sessions = sessions
    next_day = Instant(DAY + DAY_TICKS)
    world.api.sessions_now = [polled("C1", after(1, start=next_day), after(50, start=next_day))]
    world.now = after(240, start=Instant(next_day + DAY_TICKS))
    with pytest.raises(ListNotWhole):
        await world.poller.reconcile([DAY, next_day], repairs=True)

    assert [row["day"] for row in await world.rows("Reconciliation")] == [next_day.day]


async def test_half_a_list_makes_no_account(world):
    """It would call what is missing in it pushed-only."""
    world.api.ended = Ended.PAGE_CAP
    with pytest.raises(ListNotWhole):
        await world.poller.reconcile([DAY], repairs=True)

    assert await world.rows("Reconciliation") == []


@pytest.mark.parametrize("version", list(ApiVersion))
async def test_a_day_crashed_anywhere_is_whole_after_its_next_run(version):
    """Whatever call to storage the crash came with."""
    for number in range(0, 70, 3):
        tables = MemoryTables()
        world = World(tables, FakeEmabler(version))
        await day_of(world)
        calls = iter(range(10_000))

        def fail(*_, calls=calls, number=number):
            if next(calls) == number:
                raise StorageUnavailable("the test says so")

        tables.before = fail
        for _ in range(2):
            world.now = Instant(world.now + 3600 * TICKS_PER_SECOND)
            try:
                await world.poller.reconcile([DAY], repairs=True)
            except StorageUnavailable:
                continue
        tables.before = None

        assert len(await world.sessions()) == 5, number
        assert len(await world.rows("Reconciliation")) == 5, number
