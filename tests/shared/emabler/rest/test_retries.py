"""When a call is made again, after how long, and what a run may spend on it."""

import asyncio
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import httpx
import pytest

from shared.deadlines import Deadline
from shared.emabler.rest.errors import (
    CallBudgetSpent,
    ContractBroken,
    EmablerUnavailable,
    RateLimited,
    RunDeadlineReached,
)
from shared.emabler.rest.limits import CallBudget, RunLimits
from shared.emabler.rest.retries import MAX_ATTEMPTS, with_retries
from shared.errors import GiveBack
from tests.shared.emabler.rest.support import CHARGER, VERSIONS, ScriptedEmabler, limits, opened

UNSENT = EmablerUnavailable("refused", was_sent=False)


def failing(*errors):
    """An attempt that fails with these, one after the other, and then succeeds."""
    remaining = list(errors)

    async def attempt():
        if remaining:
            raise remaining.pop(0)
        return "done"

    return attempt


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    "fault", [httpx.Response(500), httpx.Response(408), httpx.Response(429), httpx.ReadTimeout("")]
)
async def test_what_passes_is_ridden_out(fault, version):
    """A charger is there at the second call."""
    emabler = ScriptedEmabler(fault, httpx.Response(200, json=CHARGER[version]))

    charger = await opened(version, emabler.network()).charger("C1", limits())

    assert charger.name == "North"
    assert len(emabler.requests) == 2


@pytest.mark.parametrize("as_a_date", [False, True])
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("status", [429, 503])
async def test_retry_after_is_waited_out_in_both_its_forms(status, version, as_a_date, monkeypatch):
    """A number of seconds, or a date, which has whole seconds."""
    waited = []
    sleep = asyncio.sleep

    async def no_sleep(seconds):
        waited.append(seconds)
        await sleep(0)

    monkeypatch.setattr(asyncio, "sleep", no_sleep)
    asked = format_datetime(datetime.now(UTC) + timedelta(seconds=8), usegmt=True) if as_a_date else "7"
    emabler = ScriptedEmabler(
        httpx.Response(status, headers={"Retry-After": asked}), httpx.Response(200, json=CHARGER[version])
    )

    await opened(version, emabler.network()).charger("C1", limits())

    (pause,) = [seconds for seconds in waited if seconds]
    assert 6 <= pause <= 8


async def test_a_pause_past_the_deadline_is_not_begun():
    """The run ends with the error now, instead of with the same error later."""
    started = time.monotonic()

    with pytest.raises(RateLimited) as caught:
        await with_retries(limits(seconds=5), failing(RateLimited("429", retry_after_seconds=60)), is_read=True)

    assert time.monotonic() - started < 1
    assert caught.value.retry_after_seconds == 60


async def test_a_question_is_asked_a_few_times_only():
    """What lasts longer is for the next run."""
    run = limits()

    with pytest.raises(EmablerUnavailable):
        await with_retries(run, failing(*[EmablerUnavailable("503")] * 50), is_read=True)

    assert run.budget.spent == MAX_ATTEMPTS


async def test_what_will_not_pass_is_not_asked_again():
    """A broken contract stays broken."""
    run = limits()

    with pytest.raises(ContractBroken):
        await with_retries(run, failing(ContractBroken("HTML")), is_read=True)

    assert run.budget.spent == 1


@pytest.mark.parametrize(("fault", "calls"), [(UNSENT, 2), (RateLimited("429"), 2), (EmablerUnavailable("cut"), 1)])
async def test_a_write_is_repeated_only_where_it_was_surely_not_done(fault, calls):
    """Two sites of one name would be the price of a guess."""
    run = limits()

    if calls == 1:
        with pytest.raises(EmablerUnavailable):
            await with_retries(run, failing(fault), is_read=False)
    else:
        assert await with_retries(run, failing(fault), is_read=False) == "done"

    assert run.budget.spent == calls


async def test_every_call_is_taken_from_the_budget_also_the_repeated_ones():
    """With two calls left, the third is not made, and the run is told to go on later."""
    emabler = ScriptedEmabler(httpx.Response(503))
    run = limits(calls=2)

    with pytest.raises(CallBudgetSpent) as caught:
        await opened("v2", emabler.network()).charger("C1", run)

    assert isinstance(caught.value, GiveBack)
    assert len(emabler.requests) == 2
    assert (run.budget.spent, run.budget.left) == (2, 0)


async def test_nothing_is_asked_after_the_deadline():
    """Not even once, and the budget keeps its call."""
    emabler = ScriptedEmabler(httpx.Response(200, json=CHARGER["v2"]))
    run = RunLimits(Deadline.after(0), CallBudget(5))

    with pytest.raises(RunDeadlineReached):
        await opened("v2", emabler.network()).charger("C1", run)

    assert (len(emabler.requests), run.budget.spent) == (0, 0)
