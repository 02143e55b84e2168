"""Messages through broker and host into storage, against the same broker and host with a function that does nothing.

Broker, hosts and storage are processes of their own. Every host has a queue of its own, and of ours each an Azurite of
its own, so that all of them get the same messages, in turns. A round's messages are scheduled to be enqueued at once,
and the round ends when the queue is empty: peeking shows a message until it is completed.
"""

import asyncio
import json
import re
import time
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import uuid4

from azure.servicebus import ServiceBusMessage
from azure.servicebus.aio import ServiceBusClient, ServiceBusReceiver, ServiceBusSender

from bench.day import first_messages
from bench.processes import ROOT, Server, running
from bench.results import Result, Table
from bench.rounds import Spread, ratios
from bench.storing import batches_of
from tests.support.azurite import azurite_table

CHARGERS = 200
ROUNDS = 5
MESSAGES_A_ROUND = 2000
BATCH_SIZES = (16, 32, 64)

_QUEUE = {
    "LockDuration": "PT5M",
    "MaxDeliveryCount": 10,
    "RequiresDuplicateDetection": True,
    "DuplicateDetectionHistoryTimeWindow": "PT5M",
}
"""As the app's queue is in local/servicebus-topology.json."""

_LEAD_SECONDS = 2.0
"""Between the first message that is sent and the moment when all are enqueued: sending takes half of it."""
_SENT_AT_ONCE = 50
_LIMIT_SECONDS = 120.0
_PEEK_SECONDS = 0.02
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
        connection_string = _broker(stack)
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


def _broker(stack: AsyncExitStack) -> str:
    """Start the broker with a queue for each contender; returns its connection string."""
    queues = [
        {"Name": _queue_name(size, is_ours=is_ours), "Properties": _QUEUE}
        for size in BATCH_SIZES
        for is_ours in (True, False)
    ]
    folder = Path(stack.enter_context(TemporaryDirectory()))
    topology = folder / "topology.json"
    topology.write_text(
        json.dumps({"UserConfig": {"Namespaces": [{"Name": "sbemulatorns", "Queues": queues, "Topics": []}]}})
    )
    broker = stack.enter_context(running("local.servicebus", "--port", "0", "--topology", str(topology)))
    return (
        f"Endpoint=sb://{broker.address};SharedAccessKeyName=RootManageSharedAccessKey;"
        "SharedAccessKey=SAS_KEY_VALUE;UseDevelopmentEmulator=true;"
    )


def _queue_name(batch_size: int, *, is_ours: bool) -> str:
    return f"{'events' if is_ours else 'nothing'}-{batch_size}"


async def _contender(
    stack: AsyncExitStack, client: ServiceBusClient, connection_string: str, batch_size: int, *, is_ours: bool
) -> _Contender:
    queue = _queue_name(batch_size, is_ours=is_ours)
    environment = {"ServiceBusConnection": connection_string, "PUSH_EVENTS_QUEUE": queue}
    if is_ours:
        environment["EventStorage"] = stack.enter_context(azurite_table())
    folder = stack.enter_context(_app_folder(ROOT if is_ours else ROOT / "bench" / "nothing_app", batch_size))
    host = stack.enter_context(
        running("local.functions_host", "--app", str(folder), "--port", "0", environment=environment)
    )
    return _Contender(
        batch_size=batch_size,
        is_ours=is_ours,
        host=host,
        sender=await stack.enter_async_context(client.get_queue_sender(queue)),
        receiver=await stack.enter_async_context(client.get_queue_receiver(queue)),
    )


async def _round(contender: _Contender, bodies: Sequence[bytes], figures: _Figures | None) -> None:
    """Let a contender work off the messages; its figures are noted unless there is nowhere to."""
    enqueued_at = datetime.now(UTC) + timedelta(seconds=_LEAD_SECONDS)
    begins_at_seconds = time.perf_counter() + _LEAD_SECONDS
    await _send(contender.sender, bodies, enqueued_at)
    if time.perf_counter() > begins_at_seconds:
        raise RuntimeError(f"sending took longer than {_LEAD_SECONDS} s: the machine is too busy to measure")
    cpu_seconds = contender.host.cpu_seconds
    await _emptied(contender.receiver)
    seconds = time.perf_counter() - begins_at_seconds
    if figures is not None:
        taken = figures[contender.batch_size, contender.is_ours]
        taken.messages_a_second.append(len(bodies) / seconds)
        taken.cpu_microseconds.append((contender.host.cpu_seconds - cpu_seconds) * 1e6 / len(bodies))


async def _send(sender: ServiceBusSender, bodies: Sequence[bytes], enqueued_at: datetime) -> None:
    for part in batches_of(bodies, _SENT_AT_ONCE):
        await sender.send_messages(
            [ServiceBusMessage(body, message_id=uuid4().hex, scheduled_enqueue_time_utc=enqueued_at) for body in part]
        )


async def _emptied(receiver: ServiceBusReceiver) -> None:
    """Return when the queue holds nothing any more, neither scheduled nor locked."""
    async with asyncio.timeout(_LIMIT_SECONDS):
        # Without a number each call would begin where the one before ended.
        while await receiver.peek_messages(max_message_count=1, sequence_number=1):  # noqa: ASYNC110  # not our process
            await asyncio.sleep(_PEEK_SECONDS)


def _mean_batch(contender: _Contender) -> float:
    sizes = [int(found) for found in _DELIVERIES.findall(contender.host.log.read_text())]
    return sum(sizes) / len(sizes)


@contextmanager
def _app_folder(app: Path, batch_size: int) -> Iterator[Path]:
    """The app's folder once more, with another batch size in its host.json."""
    host_json = json.loads((app / "host.json").read_text())
    host_json["extensions"]["serviceBus"]["maxMessageBatchSize"] = batch_size
    with TemporaryDirectory() as name:
        folder = Path(name)
        for part in ("function_app.py", "handlers", "shared"):
            if (app / part).exists():
                (folder / part).symlink_to(app / part)
        (folder / "host.json").write_text(json.dumps(host_json))
        yield folder


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
