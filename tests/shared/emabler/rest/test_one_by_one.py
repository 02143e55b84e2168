"""Many asked for one by one: isolated, bounded, in order."""

import asyncio

import pytest

from shared.emabler.rest.errors import (
    CallBudgetSpent,
    ContractBroken,
    CredentialsRefused,
    EmablerUnavailable,
    NotFound,
    PermissionMissing,
    RateLimited,
)
from shared.emabler.rest.listings import Ended, Tally
from shared.emabler.rest.one_by_one import OUTAGE_AFTER, one_by_one

OUTAGES = [
    EmablerUnavailable("no connection"),
    EmablerUnavailable("gateway", status=502),
    PermissionMissing("may not", permission="ReadChargers"),
]
ITS_OWN_FAULTS = [NotFound("gone"), ContractBroken("odd"), EmablerUnavailable("broken", status=500)]


def asking(failures):
    """An `ask` that fails for these ids."""

    async def ask(charger_id):
        await asyncio.sleep(0)
        if charger_id in failures:
            raise failures[charger_id]
        return charger_id.lower()

    return ask


async def read(ids, failures, tally, concurrency=3):
    """All rows that come."""
    return [row async for row in one_by_one(ids, asking(failures), concurrency, tally)]


@pytest.mark.parametrize("fault", [*OUTAGES, *ITS_OWN_FAULTS])
async def test_one_bad_charger_costs_the_others_nothing(fault):
    """The others come in the order of the ids, and the tally says who failed and why."""
    tally = Tally()

    rows = await read("ABCDEFG", {"C": fault}, tally)

    assert rows == list("abdefg")
    assert tally.failures == {"C": fault}
    assert (tally.rows, tally.ended, tally.is_whole) == (6, Ended.LAST_PAGE, False)


@pytest.mark.parametrize("fault", OUTAGES)
async def test_failures_in_a_row_that_may_be_emablers_end_the_run(fault):
    """Asking a thousand chargers at a dead address helps nobody."""
    tally = Tally()

    with pytest.raises(type(fault)):
        await read([str(number) for number in range(1000)], {str(number): fault for number in range(1000)}, tally)

    assert len(tally.failures) == OUTAGE_AFTER
    assert tally.ended is None


@pytest.mark.parametrize("fault", OUTAGES)
async def test_failures_in_a_row_are_no_outage_while_another_charger_answers_still(fault):
    """Three neighbours at one site that may not be seen: the one that answered before is asked again, and decides."""
    tally = Tally()

    assert await read("ABCDEFG", dict.fromkeys("BCD", fault), tally) == list("aefg")
    assert set(tally.failures) == set("BCD")


@pytest.mark.parametrize("fault", OUTAGES)
async def test_an_outage_in_the_middle_ends_the_run(fault):
    """Then nobody answers, whoever did before."""
    failures = {}
    rows = one_by_one("ABCDEFG", asking(failures), 1, Tally())
    assert await anext(rows) == "a"
    failures |= dict.fromkeys("ABCDEFG", fault)

    with pytest.raises(type(fault)):
        await anext(rows)


@pytest.mark.parametrize("fault", OUTAGES)
async def test_failures_with_answers_between_them_end_nothing(fault):
    """Only an unbroken row of them is an outage."""
    tally = Tally()

    assert await read("ABCDEFGHI", dict.fromkeys("ABDEGH", fault), tally) == ["c", "f", "i"]


@pytest.mark.parametrize("fault", ITS_OWN_FAULTS)
async def test_any_number_of_wrong_ids_in_a_row_ends_nothing(fault):
    """A list of chargers that were taken down is no outage."""
    tally = Tally()

    assert await read("ABCDEFGHI", dict.fromkeys("ABCDEFGH", fault), tally) == ["i"]


@pytest.mark.parametrize("fault", [CredentialsRefused("401"), RateLimited("429"), CallBudgetSpent("spent")])
async def test_what_no_charger_can_be_blamed_for_ends_the_run(fault):
    """And what came before it has been handed out."""
    rows = one_by_one("ABCDEFG", asking({"D": fault}), 2, Tally())

    assert [await anext(rows) for _ in range(3)] == ["a", "b", "c"]
    with pytest.raises(type(fault)):
        await anext(rows)


@pytest.mark.parametrize("concurrency", [1, 2, 5])
async def test_no_more_are_asked_at_once_than_allowed(concurrency):
    """And as many as that are."""
    running, most = 0, 0

    async def ask(charger_id):
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.001)
        running -= 1
        return charger_id

    rows = [row async for row in one_by_one(map(str, range(20)), ask, concurrency, Tally())]

    assert rows == [str(number) for number in range(20)]
    assert most == concurrency


async def test_a_reader_that_stops_leaves_nothing_running():
    """What is under way is cancelled when the reading is closed."""
    before = asyncio.all_tasks()

    async def ask(charger_id):
        if charger_id != "A":
            await asyncio.Event().wait()
        return charger_id

    rows = one_by_one("ABCD", ask, 3, Tally())
    assert await anext(rows) == "A"
    await rows.aclose()

    assert asyncio.all_tasks() == before


async def test_an_id_that_is_given_twice_is_asked_for_once():
    """The ids come from two lists."""
    assert await read("ABAB", {}, Tally()) == ["a", "b"]
