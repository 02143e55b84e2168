"""What repeats cost: batches of which half was stored before, against the same batches, all new."""

from collections.abc import Sequence
from contextlib import AsyncExitStack

from bench.day import first_messages
from bench.handler import CHARGERS
from bench.recording import RecordingTables
from bench.results import Goal, Result, Table
from bench.rounds import Cost, Side, cost_of, cpu_microseconds, in_turns, rate, speed_ratio
from bench.storing import BATCH_SIZE, SHARDS, batches_of, delivered, store_all
from shared.ingest.ingest import Ingest
from shared.ingest.rows import Delivery
from shared.tables.client import AzureTables
from shared.tables.store import Tables
from tests.support.azurite import azurite_table

ROUNDS = 12
BATCHES_A_ROUND = 15
MESSAGES_A_ROUND = BATCHES_A_ROUND * BATCH_SIZE
WANTED = 0.95

_SCENARIOS = _NEW, _OWN, _FOREIGN = "all new", "half stored by this process", "half stored by another process"


async def measure_repeats() -> Result:
    """Measure the same batches on three Azurites; on two of them half of each batch is stored just before it comes."""
    messages = (ROUNDS + 1) * MESSAGES_A_ROUND
    deliveries = delivered(first_messages(CHARGERS, messages))
    rounds = list(batches_of(deliveries, MESSAGES_A_ROUND))
    async with AsyncExitStack() as stack:
        sides = {scenario: _side(scenario, await _azurite(stack), rounds) for scenario in _SCENARIOS}
        costs = await in_turns(sides, ROUNDS)
    requests = {scenario: await _requests(scenario, deliveries) for scenario in _SCENARIOS}
    return _result(costs, requests)


async def _azurite(stack: AsyncExitStack) -> AzureTables:
    tables = AzureTables.from_connection_string(stack.enter_context(azurite_table()))
    stack.push_async_callback(tables.close)
    return tables


def _ingests(scenario: str, tables: Tables) -> tuple[Ingest, Ingest | None]:
    """The ingest that is measured, and the one that was earlier with half of each batch."""
    ingest = Ingest(tables, SHARDS)
    return ingest, {_NEW: None, _OWN: ingest, _FOREIGN: Ingest(tables, SHARDS)}[scenario]


def _side(scenario: str, tables: Tables, rounds: Sequence[Sequence[Delivery]]) -> Side:
    ingest, earlier = _ingests(scenario, tables)

    async def side(number: int) -> Cost:
        cost = Cost(0.0, 0.0)
        for batch in batches_of(rounds[number], BATCH_SIZE):
            if earlier is not None:
                await store_all(earlier, batch[::2])
            cost += await cost_of(store_all(ingest, batch))
        return cost

    return side


async def _requests(scenario: str, deliveries: Sequence[Delivery]) -> float:
    """Requests to storage for a delivery."""
    tables = RecordingTables()
    ingest, earlier = _ingests(scenario, tables)
    requests = 0
    for batch in batches_of(deliveries, BATCH_SIZE):
        if earlier is not None:
            await store_all(earlier, batch[::2])
        tables.clear()
        await store_all(ingest, batch)
        requests += tables.requests
    return requests / len(deliveries)


def _result(costs: dict[str, list[Cost]], requests: dict[str, float]) -> Result:
    return Result(
        title="Repeats",
        how=(
            f"Batches of {BATCH_SIZE} messages, {MESSAGES_A_ROUND:,} a round, {ROUNDS} rounds. Of each batch every "
            "second message was stored just before, untimed: by the same process, which remembers it, or by another "
            "one, so that this one finds out from the archive's conflict. Each side has an Azurite of its own."
        ),
        tables=[
            Table(
                title="Deliveries a second, processor time and requests for one",
                columns=["", "deliveries/s", "CPU µs a delivery", "requests a delivery"],
                rows=[
                    [
                        scenario,
                        rate(side, MESSAGES_A_ROUND).text(0),
                        cpu_microseconds(side, MESSAGES_A_ROUND).text(0),
                        f"{requests[scenario]:.2f}",
                    ]
                    for scenario, side in costs.items()
                ],
            )
        ],
        goals=[_goal(scenario, costs, requests) for scenario in (_OWN, _FOREIGN)],
    )


def _goal(scenario: str, costs: dict[str, list[Cost]], requests: dict[str, float]) -> Goal:
    ratio = speed_ratio(costs[scenario], costs[_NEW])
    return Goal(
        what=f"throughput with {scenario}, against the same batches all new",
        wanted=f"at least {WANTED}",
        measured=ratio.text(2),
        is_met=ratio.median >= WANTED,
        reason=""
        if ratio.median >= WANTED
        else f"{requests[scenario]:.2f} requests to storage for a delivery instead of {requests[_NEW]:.2f}: a "
        "transaction that meets a repeat is refused whole, and each of its rows is then looked up by a point read.",
    )
