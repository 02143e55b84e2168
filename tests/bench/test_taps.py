"""Taps against the two apps under their hosts, for a few calls: that what is measured is what is meant."""

from itertools import islice

import pytest

from bench.http_calls import Latencies, one_after_the_other
from bench.tap_hosts import Asked, asking, tap_hosts
from bench.tap_misses import ROW, ROW_BESIDE_WRITES
from bench.tap_misses import TAP as MISS
from bench.tap_misses import goals as miss_goals
from bench.tap_steps import tap_steps
from bench.tap_world import CHARGER_IDS, calls_of, nothing, one_row, tag_ids, tap
from bench.taps import goals, side_name
from shared.authorization.decisions import AUTH_DECISIONS
from shared.tables.client import AzureTables


def _asked(milliseconds, cpu_microseconds=100.0):
    return Asked(Latencies([milliseconds], 1.0), cpu_microseconds)


@pytest.mark.slow
async def test_both_apps_answer_the_same_taps_and_every_decision_is_written():
    """A turn ends when the decisions are in storage, so none is missing from its processor time."""
    id_tags = tag_ids(20)
    async with tap_hosts(id_tags) as hosts:
        turns = [
            asking(host, one_after_the_other, 2, lambda host=host, make=make: calls_of(make, host.address, id_tags))
            for host, make in ((hosts.ours, tap), (hosts.nothing, nothing), (hosts.nothing, one_row))
        ]
        asked = [await turn(1) for turn in turns]
        tables = AzureTables.from_connection_string(hosts.storage)
        names = [name for name in await tables.list_tables() if name.startswith(AUTH_DECISIONS)]
        rows = [stored.row for name in names async for stored in tables.query(name)]
        await tables.close()

    assert [len(each.latencies.milliseconds) for each in asked] == [20, 20, 20]
    assert {row["rule"] for row in rows} == {"allowed"}
    assert sorted(row["id_tag"] for row in rows) == sorted(id_tags)
    assert {row["charger_id"] for row in rows} == set(islice(CHARGER_IDS, 20))


async def test_the_steps_of_a_tap_are_all_timed():
    """From the door to the row in storage; each of them takes some time."""
    table = await tap_steps(rounds=1, times=10)

    assert [row[0] for row in table.rows][0::5] == ["let in: Authorization, size", "afterwards: write the decision"]
    assert all(float(row[1].split()[0]) >= 0 for row in table.rows)


def test_a_tap_may_take_a_quarter_more_than_nothing():
    """And two milliseconds; what is missed comes with its reason."""
    way = "1 in flight"
    turns = {side_name("tap", way): [_asked(5.0, 300.0)] * 5, side_name("nothing", way): [_asked(2.0)] * 5}

    ratio, more = goals(turns, way)

    assert (ratio.is_met, ratio.measured) == (False, "2.50 (2.50 to 2.50)")
    assert (more.is_met, more.measured) == (False, "3.00 (3.00 to 3.00)")
    assert "200 µs more" in ratio.reason
    assert [goal.is_met for goal in goals(dict.fromkeys(turns, [_asked(2.0)] * 5), way)] == [True, True]


def test_a_miss_is_measured_against_one_row_and_explained_by_the_writes():
    """The reading function beside as many writes shows how much of it is storage's."""
    turns = {MISS: [_asked(6.0)] * 5, ROW: [_asked(2.0)] * 5, ROW_BESIDE_WRITES: [_asked(4.0)] * 5}

    for goal in miss_goals(turns):
        assert (goal.is_met, goal.measured) == (False, "3.00 (3.00 to 3.00)")
        assert "2.00 (2.00 to 2.00) times as long as without" in goal.reason
        assert "1.50 (1.50 to 1.50) times" in goal.reason
