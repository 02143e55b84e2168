"""Messages through broker and host into storage, against the same broker and host with a function that does nothing.

Broker, hosts and storage are processes of their own. Every host has a queue of its own, and of ours each an Azurite of
its own, so that all of them get the same messages, in turns. A round begins when its messages are enqueued, all at
once, and ends when the queue is empty.
"""

import re
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

from azure.servicebus.aio import ServiceBusClient, ServiceBusReceiver, ServiceBusSender

from bench.apps import NOTHING, OURS, running_app
from bench.day import first_messages
from bench.processes import Server
from bench.queues import emptied, running_broker, send_backlog
from bench.results import Result, Table
from bench.rounds import Spread, ratios
from bench.storing import batches_of
from tests.support.azurite import azurite_table

CHARGERS = 200
ROUNDS = 5
MESSAGES_A_ROUND = 2000
BATCH_SIZES = (16, 32, 64)

_LEAD_SECONDS = 2.0
"""Between the first message that is sent and the moment when all are enqueued: sending takes half of it."""
_DELIVERIES = re.compile(r"ingest deliveries=(\d+)")


@dataclass(frozen=True, slots=True)
class _Contender:
    """A host with a queue of its own: ours, or the one whose function does nothing."""

    batch_size: int
    is_ours: bool
    host: Server
    sender: ServiceBusSender
    receiver: ServiceBusReceiver
    """Only looks; kept open, as the sender is, because closing one takes the SDK a second."""


@dataclass(slots=True)
class _Taken:
    """A contender's figures, round by round."""

    messages_a_second: list[float] = field(default_factory=list)
    cpu_microseconds: list[float] = field(default_factory=list)


_Figures = dict[tuple[int, bool], _Taken]


async def measure_end_to_end() -> Result:
    """Measure both functions with each batch size, in turns."""
    messages = (ROUNDS + 1) * MESSAGES_A_ROUND
    rounds = list(batches_of(first_messages(CHARGERS, messages), MESSAGES_A_ROUND))
    figures: _Figures = {(size, is_ours): _Taken() for size in BATCH_SIZES for is_ours in (True, False)}
    async with AsyncExitStack() as stack:
        queues = [_queue_name(size, is_ours=is_ours) for size in BATCH_SIZES for is_ours in (True, False)]
        connection_string = stack.enter_context(running_broker(queues))
        client = await stack.enter_async_context(ServiceBusClient.from_connection_string(connection_string))
        contenders = [
            await _contender(stack, client, connection_string, size, is_ours=is_ours)
            for size in BATCH_SIZES
            for is_ours in (True, False)
        ]
        for number, bodies in enumerate(rounds):
            first = number % len(contenders)
            for contender in contenders[first:] + contenders[:first]:
                await _round(contender, bodies, figures if number > 0 else None)
        batches = {contender.batch_size: _mean_batch(contender) for contender in contenders if contender.is_ours}
    return _result(figures, batches)


def _queue_name(batch_size: int, *, is_ours: bool) -> str:
    return f"{'events' if is_ours else 'nothing'}-{batch_size}"


async def _contender(
    stack: AsyncExitStack, client: ServiceBusClient, connection_string: str, batch_size: int, *, is_ours: bool
) -> _Contender:
    queue = _queue_name(batch_size, is_ours=is_ours)
    environment = {"ServiceBusConnection": connection_string, "PUSH_EVENTS_QUEUE": queue}
    if is_ours:
        environment["EventStorage"] = stack.enter_context(azurite_table())
    host = stack.enter_context(running_app(OURS if is_ours else NOTHING, environment, batch_size))
    return _Contender(
        batch_size=batch_size,
        is_ours=is_ours,
        host=host,
        sender=await stack.enter_async_context(client.get_queue_sender(queue)),
        receiver=await stack.enter_async_context(client.get_queue_receiver(queue)),
    )


async def _round(contender: _Contender, bodies: Sequence[bytes], figures: _Figures | None) -> None:
    """Let a contender work off the messages; its figures are noted unless there is nowhere to."""
    begins_at_seconds = await send_backlog(contender.sender, bodies, _LEAD_SECONDS)
    cpu_seconds = contender.host.cpu_seconds
    await emptied(contender.receiver)
    seconds = time.perf_counter() - begins_at_seconds
    if figures is not None:
        taken = figures[contender.batch_size, contender.is_ours]
        taken.messages_a_second.append(len(bodies) / seconds)
        taken.cpu_microseconds.append((contender.host.cpu_seconds - cpu_seconds) * 1e6 / len(bodies))


def _mean_batch(contender: _Contender) -> float:
    sizes = [int(found) for found in _DELIVERIES.findall(contender.host.log.read_text())]
    return sum(sizes) / len(sizes)


def _result(figures: _Figures, batches: dict[int, float]) -> Result:
    return Result(
        title="End to end",
        how=(
            f"{MESSAGES_A_ROUND:,} messages of {CHARGERS} chargers a round, {ROUNDS} rounds, from the stand-in broker "
            "through the embedded host into Azurite, each a process of its own on the same cores; against the same "
            "broker and host with a function that does nothing. From the moment when all messages are enqueued until "
            "the queue is empty. The processor time is the host's, with the function in it."
        ),
        tables=[
            Table(
                title="By host.json's maxMessageBatchSize",
                columns=["batch size", "mean batch", "messages/s", "doing nothing", "ratio", "CPU µs", "doing nothing"],
                rows=[_row(size, figures, batches[size]) for size in BATCH_SIZES],
            )
        ],
        goals=[],
    )


def _row(batch_size: int, figures: _Figures, mean_batch: float) -> list[str]:
    ours, nothing = figures[batch_size, True], figures[batch_size, False]
    return [
        str(batch_size),
        f"{mean_batch:.1f}",
        Spread.of(ours.messages_a_second).text(0),
        Spread.of(nothing.messages_a_second).text(0),
        ratios(ours.messages_a_second, nothing.messages_a_second).text(2),
        Spread.of(ours.cpu_microseconds).text(0),
        Spread.of(nothing.cpu_microseconds).text(0),
    ]
