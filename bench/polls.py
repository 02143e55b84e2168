"""A poll of 1,000 chargers, stored into Azurite, against the time that the answers alone would take.

The stub answers each call after 50 ms. v2 lists 100 chargers a page, one page after the other; v1 is asked for one
charger at a time, four on the way. The first poll makes the rows, those after it find them; all count.
"""

import time
from typing import Final

from pydantic import SecretStr

from bench.processes import running
from bench.results import Goal, Result, Table
from bench.rounds import Spread
from shared.emabler.rest.opening import open_api
from shared.emabler.rest.v1 import CONCURRENCY
from shared.instants import TICKS_PER_SECOND
from shared.polling.chargers import Looking
from shared.polling.poller import Poller, PollPlan
from shared.tables.client import AzureTables
from shared.tables.store import EdmValue, Tables
from simulator import Fleet
from tests.support.azurite import azurite_table

CHARGERS: Final = 1000
LATENCY_SECONDS: Final = 0.05
PAGE: Final = 100
ROUNDS: Final = 5
MOST_RATIO: Final = 1.3
MOST_CALLS: Final = 1.02

_CALLS: Final = {"v1": CHARGERS, "v2": CHARGERS // PAGE}
_AT_ONCE: Final = {"v1": CONCURRENCY, "v2": 1}


async def measure_polls() -> Result:
    """Poll with both versions, each into an Azurite of its own."""
    seconds: dict[str, list[float]] = {}
    calls: dict[str, list[int]] = {}
    with running("bench.polls_stub") as stub:
        for version, base in (("v2", "/api/v2/cpo"), ("v1", "/api")):
            with azurite_table() as storage:
                tables = AzureTables.from_connection_string(storage)
                seconds[version], calls[version] = await _polls(tables, version, stub.address + base)
                await tables.close()
    return Result(
        title="Polls of 1,000 chargers",
        how=(
            "The whole run, with its lease and every row: reading what is known of the fleet, asking, storing; "
            f"{ROUNDS} runs, the first into empty tables. Against calls x {LATENCY_SECONDS * 1000:.0f} ms / calls on "
            f"the way at once: v2 {_CALLS['v2']} pages, one at a time; v1 {_CALLS['v1']:,} chargers, {CONCURRENCY} at "
            "a time. The stub is a process of its own on the same cores."
        ),
        tables=[
            Table(
                title="Seconds of a run, calls",
                columns=["", "seconds, first run", "seconds, later runs", "answers alone", "calls"],
                rows=[_row(version, seconds[version], calls[version]) for version in seconds],
            )
        ],
        goals=[goal for version in seconds for goal in _goals(version, seconds[version], calls[version])],
    )


async def _polls(tables: Tables, version: str, base_url: str) -> tuple[list[float], list[int]]:
    key = SecretStr("any")
    api = open_api(version=version, environment="test", api_key=key, client_id="any", base_url=base_url)
    # v1 has to be told who there is.
    named_ids = tuple(charger.charger_id for charger in Fleet(chargers=CHARGERS).chargers) if version == "v1" else ()
    plan = PollPlan(Looking(4, 3600 * TICKS_PER_SECOND, named_ids), 10 * CHARGERS)
    seconds, calls = [], []
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        polled = await Poller(tables, api, plan).chargers()
        seconds.append(time.perf_counter() - begun)
        if polled.chargers != CHARGERS:
            raise RuntimeError(f"{polled.chargers} of {CHARGERS} chargers were polled")
        calls.append(await _calls_of_last_run(tables))
    await api.close()
    return seconds, calls


async def _calls_of_last_run(tables: Tables) -> int:
    async for stored in tables.query("PollState", "RowKey eq @kind", kind="chargers"):
        calls: EdmValue = stored.row.get("calls")
        if isinstance(calls, int):
            return calls
    raise RuntimeError("the run left no row")


def _alone(version: str) -> float:
    return _CALLS[version] * LATENCY_SECONDS / _AT_ONCE[version]


def _row(version: str, seconds: list[float], calls: list[int]) -> list[str]:
    later = Spread.of(seconds[1:]).text(2)
    return [version, f"{seconds[0]:.2f}", later, f"{_alone(version):.2f}", f"{max(calls):,}"]


def _goals(version: str, seconds: list[float], calls: list[int]) -> list[Goal]:
    ratio = Spread.of(one / _alone(version) for one in seconds)
    most = max(calls) / _CALLS[version]
    is_fast = ratio.median <= MOST_RATIO
    reason = "" if is_fast else "Reading and storing rows is done beside the calls, but not all of it: see the table."
    return [
        Goal(
            what=f"{version}: wall clock against the answers alone",
            wanted=f"at most {MOST_RATIO:.2f}",
            measured=ratio.text(2),
            is_met=is_fast,
            reason=reason,
        ),
        Goal(
            what=f"{version}: calls against the fewest possible",
            wanted=f"at most {MOST_CALLS:.2f}",
            measured=f"{most:.2f}",
            is_met=most <= MOST_CALLS,
        ),
    ]
