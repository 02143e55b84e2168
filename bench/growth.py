"""What a message costs by the size of the fleet: ten chargers, or ten thousand."""

from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack

from bench.day import first_messages
from bench.recording import RecordingTables
from bench.results import Goal, Result, Table
from bench.rounds import Cost, all_of, cpu_microseconds, cpu_ratio, in_turns, rate
from bench.storing import BATCH_SIZE, SHARDS, batches_of, delivered, store_all
from shared.ingest.ingest import Ingest
from shared.ingest.rows import Delivery
from shared.tables.client import AzureTables
from tests.support.azurite import azurite_table

FLEETS = (10, 100, 1_000, 10_000)
ROUNDS = 9
BATCHES_A_ROUND = 20
MESSAGES_A_ROUND = BATCHES_A_ROUND * BATCH_SIZE
WANTED = 1.5


async def measure_growth() -> Result:
    """Store as many messages of fleets of several sizes in turns, each fleet into an Azurite of its own."""
    deliveries = {chargers: delivered(first_messages(chargers, (ROUNDS + 1) * MESSAGES_A_ROUND)) for chargers in FLEETS}
    async with AsyncExitStack() as stack:
        sides = {}
        for chargers in FLEETS:
            tables = AzureTables.from_connection_string(stack.enter_context(azurite_table()))
            stack.push_async_callback(tables.close)
            sides[str(chargers)] = all_of(_storing(Ingest(tables, SHARDS), deliveries[chargers]))
        costs = await in_turns(sides, ROUNDS)
    counted = {chargers: await rows_and_requests(messages) for chargers, messages in deliveries.items()}
    return _result(costs, counted)


async def rows_and_requests(messages: list[Delivery]) -> tuple[float, float]:
    """Rows written and requests made for a message."""
    tables = RecordingTables()
    await store_all(Ingest(tables, SHARDS), messages)
    rows = sum(len(written.operations) for written in tables.written)
    return rows / len(messages), tables.requests / len(messages)


def _storing(ingest: Ingest, deliveries: list[Delivery]) -> Callable[[int], Awaitable[None]]:
    rounds = list(batches_of(deliveries, MESSAGES_A_ROUND))

    async def store(number: int) -> None:
        await store_all(ingest, rounds[number])

    return store


def _result(costs: dict[str, list[Cost]], counted: dict[int, tuple[float, float]]) -> Result:
    smallest, largest = str(FLEETS[0]), str(FLEETS[-1])
    growth = cpu_ratio(costs[largest], costs[smallest])
    return Result(
        title="The size of the fleet",
        how=(
            f"{MESSAGES_A_ROUND:,} messages a round in batches of {BATCH_SIZE}, {ROUNDS} rounds, of fleets of several "
            "sizes in turns, each into an Azurite of its own. The messages are a fleet's first ones, so those of ten "
            "chargers are of weeks, and those of ten thousand of minutes, in which many chargers are met for the "
            "first time. Rows and requests are counted on tables in memory."
        ),
        tables=[
            Table(
                title="By the number of chargers",
                columns=["chargers", "messages/s", "CPU µs a message", "rows a message", "requests a message"],
                rows=[
                    [
                        f"{chargers:,}",
                        rate(costs[str(chargers)], MESSAGES_A_ROUND).text(0),
                        cpu_microseconds(costs[str(chargers)], MESSAGES_A_ROUND).text(0),
                        f"{rows:.2f}",
                        f"{requests:.2f}",
                    ]
                    for chargers, (rows, requests) in counted.items()
                ],
            )
        ],
        goals=[
            Goal(
                what=f"processor time for a message of {FLEETS[-1]:,} chargers against one of {FLEETS[0]}",
                wanted=f"at most {WANTED}",
                measured=growth.text(2),
                is_met=growth.median <= WANTED,
                reason="" if growth.median <= WANTED else _reason(counted),
            )
        ],
    )


def _reason(counted: dict[int, tuple[float, float]]) -> str:
    (_, few), (_, many) = counted[FLEETS[0]], counted[FLEETS[-1]]
    return (
        f"{many:.2f} requests for a message instead of {few:.2f}: among so many chargers nearly every state is the "
        "first of its row in this process, which reads the row before it merges. A process that has met a charger "
        "remembers its rows, the last ten thousand of them."
    )
