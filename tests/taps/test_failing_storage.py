"""Taps through the running host while storage is slow, refuses, is gone, and comes back: always an answer in time."""

import asyncio
import math
import statistics
from contextlib import asynccontextmanager

import pytest

from local.stack.ports import free_port
from shared.authorization.tags import Tag
from tests.support.azurite import connection_string
from tests.support.scripted_tables import hang, refusal, scripted_tables
from tests.support.tapping import MARKER, Tapper, decisions, import_tags

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

GOOD, BAD, NEVER_SEEN = (f"{MARKER}{name}" for name in ("GOOD", "BAD", "NEVER-SEEN"))
DEADLINE_MS = 150
TAPS = 200
ENDING_SECONDS = 2.5
"""A host with nothing left to write has ended by then (1.3 s), one that writes its last decisions waits for 5 s."""
DENIED = {"charging_allowed": False, "reason": "UNAUTHORIZED_RFID_TAG_ID"}
ANSWERS = {"deny": (200, DENIED), "allow": (200, {"charging_allowed": True}), "error": (503, {})}


@asynccontextmanager
async def _slow():
    async with scripted_tables(hang()) as service:
        yield service.connection_string


@asynccontextmanager
async def _erroring():
    async with scripted_tables(refusal(500, "InternalError")) as service:
        yield service.connection_string


@asynccontextmanager
async def _gone():
    yield connection_string(free_port())


FAULTS = {"slow": _slow, "erroring": _erroring, "gone": _gone}


@asynccontextmanager
async def _running(stack):
    """The stack, started and stopped beside the loop that serves its storage."""
    await asyncio.to_thread(stack.__enter__)
    try:
        yield stack
    finally:
        await asyncio.to_thread(stack.stop)


@pytest.mark.parametrize("on_failure", ANSWERS)
@pytest.mark.parametrize("fault", FAULTS)
async def test_every_tap_has_the_chosen_answer_by_the_deadline(stack_of, fault, on_failure):
    """Rounds of 200 different tags, ten at once; p99 within 50 ms after the deadline, as the caller sees it.

    The best of up to three rounds counts, because a machine that is busy with others can only make it later.
    """
    async with FAULTS[fault]() as storage:
        settings = {"REALTIME_AUTH_DEADLINE_MS": str(DEADLINE_MS), "REALTIME_AUTH_ON_FAILURE": on_failure}
        stack = stack_of(EventStorage=storage, **settings)
        async with _running(stack), Tapper(stack.functions_url, at_once=10) as tapper:
            await asyncio.gather(*(tapper.tap(f"{MARKER}WARM-UP-{number}") for number in range(10)))
            best_p99_ms = math.inf
            for round_number in range(3):
                tags = [f"{MARKER}FAULTY-{round_number}-{number}" for number in range(TAPS)]
                answers = await asyncio.gather(*(tapper.tap(tag) for tag in tags))
                assert {answer.status for answer in answers} == {ANSWERS[on_failure][0]}
                assert [answer.body for answer in answers] == [ANSWERS[on_failure][1]] * TAPS
                best_p99_ms = min(best_p99_ms, _p99_ms([answer.seconds for answer in answers]))
                if best_p99_ms <= DEADLINE_MS + 50:
                    break

    assert best_p99_ms <= DEADLINE_MS + 50


def _p99_ms(seconds):
    return statistics.quantiles(seconds, n=100)[98] * 1000


async def test_who_is_remembered_is_answered_by_the_rules_and_every_answer_is_kept(stack_of):
    """Storage stands still for a while and goes on: stale answers meanwhile, live ones after, none unrecorded."""
    stack = stack_of(REALTIME_AUTH_CACHE_SECONDS="0", REALTIME_AUTH_DEADLINE_MS=str(DEADLINE_MS))
    async with _running(stack), Tapper(stack.functions_url) as tapper:
        await import_tags(stack.event_storage, [Tag(GOOD), Tag(BAD, is_blocked=True)])
        before = [await tapper.tap(GOOD), await tapper.tap(BAD)]
        stack.pause("storage")
        try:
            meanwhile = [await tapper.tap(tag) for tag in (GOOD, BAD) * 5]
            nobody = await tapper.tap(NEVER_SEEN)
        finally:
            stack.resume("storage")
        taps = len(before) + len(meanwhile) + 1
        kept = await _kept(stack, at_least=taps)
        after, sources = await _until_live(tapper, stack)

    allowed = {GOOD: True, BAD: False}
    assert [answer.body["charging_allowed"] for answer in before] == [True, False]
    assert [answer.body["charging_allowed"] for answer in meanwhile] == [allowed[tag] for tag in (GOOD, BAD) * 5]
    assert nobody.body == DENIED
    assert max(answer.seconds for answer in [*meanwhile, nobody]) < (DEADLINE_MS + 50) / 1000
    assert len(kept) == taps
    assert sorted(row["source"] for row in kept) == ["deadline"] + ["live"] * 2 + ["stale"] * len(meanwhile)
    assert after.body["charging_allowed"] is True
    assert "live" in sources


async def _kept(stack, at_least):
    """The decisions, when there are so many; storage may still be working off what waited."""
    async with asyncio.timeout(30):
        while len(rows := await decisions(stack.event_storage)) < at_least:  # noqa: ASYNC110  # not our process
            await asyncio.sleep(0.1)
    return rows


async def _until_live(tapper, stack):
    """Tap until the record says that storage was asked again."""
    taps = 0
    async with asyncio.timeout(20):
        while True:
            taps += 1
            answer = await tapper.tap(GOOD, f"AFTER-{taps}")
            rows = [row for row in await decisions(stack.event_storage) if row["charger_id"].startswith("AFTER")]
            if any(row["source"] == "live" for row in rows):
                return answer, [row["source"] for row in rows]


async def test_the_last_answers_are_kept_when_the_host_is_stopped(stack_of):
    """While storage answers: what waits is written while the host ends."""
    stack = stack_of()
    async with _running(stack), Tapper(stack.functions_url) as tapper:
        await import_tags(stack.event_storage, [Tag(GOOD)])
        await tapper.tap(GOOD)
        answers = await asyncio.gather(*(tapper.tap(GOOD, f"C{number}") for number in range(100)))
        functions = next(service for service in stack.running if service.service.name == "functions")
        await asyncio.to_thread(functions.stop, 10.0)
        kept = await decisions(stack.event_storage)

    assert [answer.status for answer in answers] == [200] * 100
    assert len(kept) == 101
    assert "Traceback" not in stack.output("functions")


async def test_the_last_answers_are_kept_when_storage_stands_still_while_the_host_ends(stack_of):
    """What storage takes only after the host has begun to end is kept, too, not just what it had taken before."""
    stack = stack_of()
    async with _running(stack):
        await import_tags(stack.event_storage, [Tag(GOOD)])
        async with Tapper(stack.functions_url) as tapper:
            await tapper.tap(GOOD)
            await _kept(stack, at_least=1)
            stack.pause("storage")
            answers = await asyncio.gather(*(tapper.tap(GOOD) for _ in range(100)))
        functions = next(service for service in stack.running if service.service.name == "functions")
        stopping = asyncio.create_task(asyncio.to_thread(functions.stop, 10.0))
        await asyncio.wait({stopping}, timeout=ENDING_SECONDS)
        stack.resume("storage")
        await stopping
        kept = await decisions(stack.event_storage)

    assert [answer.body for answer in answers] == [{"charging_allowed": True}] * 100
    assert len(kept) == 101
