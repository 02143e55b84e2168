"""Where the time of a tap goes in our own code: what the handler does, step by step, in this process.

The functions are those that the handler calls, each with what the one before gave it. Storage is a real Azurite, but
only the writing of the decisions asks it: the answers come from memory.
"""

import time
from collections.abc import Callable
from typing import Final
from unittest.mock import patch

import azure.functions as func

from bench.results import Table
from bench.rounds import Spread
from bench.storing import DEADLINE_SECONDS, SHARDS
from bench.tap_world import CHARGER_IDS, TOKEN, question, tag_ids, write_tap_world
from handlers.http import answer, refusal
from handlers.realtime_auth import MOST_BYTES
from shared.authorization.authorizer import Authorizer, Policy
from shared.authorization.decisions import Decided
from shared.authorization.recorder import Recorder
from shared.callers import TAPS
from shared.deadlines import Deadline
from shared.emabler.realtime_auth import AuthAnswer, AuthRequest, read_auth_request
from shared.tables.client import AzureTables
from tests.support.azurite import azurite_table

ROUNDS: Final = 7
TIMES: Final = 2000

_Microseconds = dict[str, float]


async def tap_steps(rounds: int = ROUNDS, times: int = TIMES) -> Table:
    """Each step of an answer from memory, and of the writing afterwards, in microseconds a tap.

    Every step is done so many times in each round; a first round is discarded.
    """
    (id_tag,) = tag_ids(1)
    with azurite_table() as storage, patch.dict("os.environ", {TAPS[0]: TOKEN}):
        await write_tap_world(storage, [id_tag])
        tables = AzureTables.from_connection_string(storage)
        authorizer = Authorizer(tables, SHARDS, Policy())
        try:
            body = question(CHARGER_IDS[0], id_tag)
            taken = [await _round(tables, authorizer, body, times) for _ in range(rounds + 1)]
        finally:
            await tables.close()
    rows = [[step, Spread.of(microseconds[step] for microseconds in taken[1:]).text(1)] for step in taken[0]]
    return Table(title="Our own part of it, in this process", columns=["", "µs a tap"], rows=rows)


async def _round(tables: AzureTables, authorizer: Authorizer, body: bytes, times: int) -> _Microseconds:
    request = func.HttpRequest("POST", "/api/realtime-auth", headers={"authorization": TOKEN}, body=body)
    asked = read_auth_request(body)
    deciding, decisions = await _decide(authorizer, asked, times)
    recorder, kept = Recorder(tables, SHARDS), iter(decisions)
    return {
        "let in: Authorization, size": _each(lambda: refusal(request, TAPS, MOST_BYTES), times),
        "read the question": _each(lambda: read_auth_request(body), times),
        "decide, from memory": deciding,
        "keep the decision": _each(lambda: recorder.keep(next(kept)), times),
        "answer": _each(lambda: answer(AuthAnswer(charging_allowed=True).to_json()), times),
        "afterwards: write the decision": await _write(recorder, times),
    }


def _each(work: Callable[[], object], times: int) -> float:
    begun_at_seconds = time.perf_counter()
    for _ in range(times):
        work()
    return (time.perf_counter() - begun_at_seconds) * 1e6 / times


async def _decide(authorizer: Authorizer, asked: AuthRequest, times: int) -> tuple[float, list[Decided]]:
    begun_at_seconds = time.perf_counter()
    decisions = [(await authorizer.decide(asked))[0] for _ in range(times)]
    return (time.perf_counter() - begun_at_seconds) * 1e6 / times, decisions


async def _write(recorder: Recorder, times: int) -> float:
    """Processor time alone: the answers are sent already while storage is waited for."""
    begun_at_seconds = time.process_time()
    await recorder.flush(Deadline.after(DEADLINE_SECONDS))
    return (time.process_time() - begun_at_seconds) * 1e6 / times
