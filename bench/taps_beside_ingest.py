"""Taps while the same worker works off a backlog, against the same taps while it is idle.

Taps come at even distances, whatever becomes of those before, as drivers come; so a loop that is held for a moment
makes all wait who come within it. Three batch sizes of our app, and the app that does nothing, whose taps wait for
the host and for Microsoft's worker library alone.
"""

import asyncio
import time
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Final

from azure.servicebus.aio import ServiceBusClient, ServiceBusReceiver, ServiceBusSender

from bench.apps import NOTHING, OURS, running_app
from bench.day import first_messages
from bench.holding import Holding, holding_table, what_holds_the_loop
from bench.http_calls import Call, Latencies, at_rate, connections_to
from bench.queues import emptied, is_empty, running_broker, send_backlog
from bench.results import Goal, Result, Table
from bench.rounds import Spread, in_turns, ratios
from bench.storing import batches_of
from bench.tap_world import TOKEN, calls_of, nothing, tag_ids, tap, write_tap_world
from tests.support.azurite import azurite_table

CHARGERS = 200
ROUNDS = 5
BATCH_SIZES = (64, 16, 8)
TAPS_A_SECOND = 250
TAPS = 250
MESSAGES = 1800
"""So many that the backlog outlasts the taps."""
MOST_RATIO = 2.0
NOTHING_AT_ALL = f"nothing at all, batches of {BATCH_SIZES[0]}"

_CONNECTIONS: Final = 16
_LEAD_SECONDS: Final = 1.6
_FACTOR_FOR_NOTHING: Final = 2
"""An app that does nothing needs more messages to be busy for as long."""
_SETTLE_SECONDS: Final = 0.1
"""After the moment at which the messages are enqueued: the host has its first batch then."""


@dataclass(frozen=True, slots=True)
class Turn:
    """The same taps twice: while the worker is idle, and while it has a backlog."""

    idle: Latencies
    busy: Latencies


@dataclass(frozen=True, slots=True)
class _Contender:
    """A worker with its queue, and the calls that are made to it."""

    url: str
    sender: ServiceBusSender
    receiver: ServiceBusReceiver
    calls: Sequence[Call]
    lead_seconds: float
    backlogs: Sequence[Sequence[bytes]]

    async def turn(self, number: int) -> Turn:
        """Take both; raises RuntimeError where the backlog did not last."""
        idle = await self._taps()
        begins_at_seconds = await send_backlog(self.sender, self.backlogs[number], self.lead_seconds)
        await asyncio.sleep(begins_at_seconds - time.perf_counter() + _SETTLE_SECONDS)
        busy = await self._taps()
        if await is_empty(self.receiver):
            raise RuntimeError(f"{len(self.backlogs[number])} messages were worked off before the last tap: send more")
        await emptied(self.receiver)
        return Turn(idle, busy)

    async def _taps(self) -> Latencies:
        async with connections_to(self.url, _CONNECTIONS) as connections:
            return await at_rate(connections, self.calls, TAPS_A_SECOND)


async def measure_taps_beside_ingest() -> Result:
    """Measure the contenders in turns, and then what holds a loop."""
    bodies = first_messages(CHARGERS, (ROUNDS + 1) * MESSAGES)
    names = [*(_name(size) for size in BATCH_SIZES), NOTHING_AT_ALL]
    async with AsyncExitStack() as stack:
        queues = stack.enter_context(running_broker(str(number) for number in range(len(names))))
        client = await stack.enter_async_context(ServiceBusClient.from_connection_string(queues))
        (id_tag,) = tag_ids(1)
        sides = {}
        for number, (name, batch_size) in enumerate(zip(names, (*BATCH_SIZES, BATCH_SIZES[0]), strict=True)):
            is_ours = name != NOTHING_AT_ALL
            storage = stack.enter_context(azurite_table())
            await write_tap_world(storage, [id_tag])
            environment = {
                "EventStorage": storage,
                "ServiceBusConnection": queues,
                "PUSH_EVENTS_QUEUE": str(number),
                "REALTIME_AUTH_TOKENS": TOKEN,
            }
            host = stack.enter_context(running_app(OURS if is_ours else NOTHING, environment, batch_size))
            factor = 1 if is_ours else _FACTOR_FOR_NOTHING
            sides[name] = _Contender(
                url=host.address,
                sender=await stack.enter_async_context(client.get_queue_sender(str(number))),
                receiver=await stack.enter_async_context(client.get_queue_receiver(str(number))),
                calls=calls_of(tap if is_ours else nothing, host.address, [id_tag] * TAPS),
                lead_seconds=factor * _LEAD_SECONDS,
                backlogs=[list(part) * factor for part in batches_of(bodies, MESSAGES)],
            ).turn
        turns = await in_turns(sides, ROUNDS)
    return _result(turns, {size: await what_holds_the_loop(bodies, size) for size in BATCH_SIZES})


def _name(batch_size: int) -> str:
    return f"taps, batches of {batch_size}"


def _result(turns: Mapping[str, Sequence[Turn]], held: dict[int, Holding]) -> Result:
    return Result(
        title="Taps beside ingest",
        how=(
            f"{TAPS} taps, answered from memory, at {TAPS_A_SECOND} a second; first at an idle worker, then while the "
            f"same worker has a backlog of {MESSAGES:,} messages of {CHARGERS} chargers from the stand-in broker; "
            f"{ROUNDS} rounds. A tap's time begins when it is due. Last, the same with the app that does nothing, "
            "neither for a tap nor for a batch. Client, broker, hosts and storage share two cores."
        ),
        tables=[
            Table(
                title="Milliseconds to an answer",
                columns=["", "idle p50", "idle p99", "backlog p50", "backlog p99", "p99 against idle"],
                rows=[[name, *_figures(side)] for name, side in turns.items()],
            ),
            holding_table(held),
        ],
        goals=[_goal(turns, held, batch_size) for batch_size in BATCH_SIZES],
    )


def _figures(side: Sequence[Turn]) -> list[str]:
    return [
        Spread.of(_idle(side, 50)).text(1),
        Spread.of(_idle(side, 99)).text(1),
        Spread.of(_busy(side, 50)).text(1),
        Spread.of(_busy(side, 99)).text(1),
        ratios(_busy(side, 99), _idle(side, 99)).text(2),
    ]


def _idle(side: Sequence[Turn], percent: float) -> list[float]:
    return [turn.idle.percentile(percent) for turn in side]


def _busy(side: Sequence[Turn], percent: float) -> list[float]:
    return [turn.busy.percentile(percent) for turn in side]


def _goal(turns: Mapping[str, Sequence[Turn]], held: dict[int, Holding], batch_size: int) -> Goal:
    ours, theirs = turns[_name(batch_size)], turns[NOTHING_AT_ALL]
    ratio = ratios(_busy(ours, 99), _idle(ours, 99))
    floor = ratios(_busy(theirs, 99), _idle(theirs, 99))
    pieces = held[batch_size]
    reason = (
        f"The app that does nothing has {floor.text(2)} in batches of {BATCH_SIZES[0]}. For a batch of {batch_size} "
        f"the embedded host holds the loop for {pieces.host:.1f} ms and Microsoft's worker library for "
        f"{pieces.worker_library:.1f} ms; ours for {pieces.ours:.1f} ms at a stretch."
    )
    return Goal(
        what=f"p99 with a backlog against idle, batches of {batch_size}",
        wanted=f"at most {MOST_RATIO:.0f}",
        measured=ratio.text(2),
        is_met=ratio.median <= MOST_RATIO,
        reason="" if ratio.median <= MOST_RATIO else reason,
    )
