"""The same messages out of a Kafka topic and out of a Service Bus queue, through the same app into Azurite.

Each way has a host and an Azurite of its own, all of them processes of their own, and the two run in turns. A queue's
backlog is enqueued all at once, at a moment that was set; a topic has none such, so there the clock begins with the
first message that is sent. How far a host is, its own log tells, a line for each batch.
"""

import asyncio
import os
import re
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import BinaryIO

import orjson
from azure.servicebus.aio import ServiceBusClient
from confluent_kafka import Consumer, Producer, TopicPartition

from bench.apps import OURS, running_app
from bench.day import first_messages
from bench.processes import Server, running
from bench.queues import emptied, running_broker, send_backlog
from bench.results import Result, Table
from bench.rounds import Spread, in_turns, ratios
from bench.storing import BATCH_SIZE, batches_of
from shared.kafka import DEFAULT_CONSUMER_GROUP
from tests.support.azurite import azurite_table

CHARGERS = 200
ROUNDS = 6
MESSAGES_A_ROUND = 2000
TOPIC, PARTITIONS = "push-events", 3
QUEUE, IDLE_QUEUE = "push-events", "idle"
"""The host that reads the topic has a queue, too, in which nothing ever is."""

_LEAD_SECONDS = 2.0
"""Between the first message into the queue and the moment when all are enqueued: sending takes half of it."""
_LOOK_SECONDS = 0.005
_LIMIT_SECONDS = 120.0
_ANSWER_SECONDS = 10.0
_QUIET = {"log_level": 0}
"""A broker that is stopped at the end is nothing to be told of."""
_DELIVERIES = re.compile(rb"ingest deliveries=(\d+)")


@dataclass(frozen=True, slots=True)
class Figures:
    """One round of one way. All seconds are since its messages began to come."""

    full_batches_seconds: float
    """Until as many messages were stored as fill whole batches: over Kafka the rest waits a second for more."""
    stored_seconds: float
    settled_seconds: float
    """Until the queue was empty, or the offsets were committed."""
    cpu_microseconds: float
    """The host's processor time, for each message."""

    @property
    def messages_a_second(self) -> float:
        """In full batches."""
        return full_batches(MESSAGES_A_ROUND) / self.full_batches_seconds


class Progress:
    """How many messages a host has stored, by the lines of its log, of which each is read once."""

    def __init__(self, log: BinaryIO) -> None:
        self.stored = 0
        self._batches = 0
        self._log = log

    def look(self) -> int:
        """Read on; returns how many messages are stored."""
        written = self._log.read()
        half_written = len(written) - written.rfind(b"\n") - 1
        self._log.seek(-half_written, os.SEEK_CUR)
        sizes = [int(size) for size in _DELIVERIES.findall(written[: len(written) - half_written])]
        self.stored += sum(sizes)
        self._batches += len(sizes)
        return self.stored

    async def until(self, stored: int) -> float:
        """Return the moment of `perf_counter` at which so many messages are stored."""
        async with asyncio.timeout(_LIMIT_SECONDS):
            while self.look() < stored:  # noqa: ASYNC110  # not our process
                await asyncio.sleep(_LOOK_SECONDS)
        return time.perf_counter()

    @property
    def mean_batch(self) -> float:
        """Messages in a batch, on the average."""
        return self.stored / self._batches


@dataclass(frozen=True, slots=True)
class Way:
    """A host with its broker: how messages are sent, and how it is known that all are settled."""

    host: Server
    progress: Progress
    send: Callable[[Sequence[bytes]], Awaitable[float]]
    """Returns the moment of `perf_counter` at which they begin to come."""
    settled: Callable[[], Awaitable[None]]

    async def round(self, bodies: Sequence[bytes]) -> Figures:
        """Let the host work off the messages."""
        before, cpu_seconds = self.progress.look(), self.host.cpu_seconds
        begins_at = await self.send(bodies)
        full_at = await self.progress.until(before + full_batches(len(bodies)))
        stored_at = await self.progress.until(before + len(bodies))
        await self.settled()
        settled_at = time.perf_counter()
        return Figures(
            full_batches_seconds=full_at - begins_at,
            stored_seconds=stored_at - begins_at,
            settled_seconds=settled_at - begins_at,
            cpu_microseconds=(self.host.cpu_seconds - cpu_seconds) * 1e6 / len(bodies),
        )


def full_batches(messages: int) -> int:
    """So many of the messages as fill whole batches."""
    return messages // BATCH_SIZE * BATCH_SIZE


async def measure_kafka() -> Result:
    """Measure both ways, in turns."""
    bodies = first_messages(CHARGERS, (ROUNDS + 1) * MESSAGES_A_ROUND)
    rounds = list(batches_of(bodies, MESSAGES_A_ROUND))
    async with AsyncExitStack() as stack:
        connection_string = stack.enter_context(running_broker([QUEUE, IDLE_QUEUE]))
        ways = {
            "Kafka": _over_kafka(stack, connection_string),
            "Service Bus": await _over_service_bus(stack, connection_string),
        }
        figures = await in_turns({name: _rounds_of(way, rounds) for name, way in ways.items()}, ROUNDS)
        return result_of(figures, {name: way.progress.mean_batch for name, way in ways.items()})


def _rounds_of(way: Way, rounds: Sequence[Sequence[bytes]]) -> Callable[[int], Awaitable[Figures]]:
    return lambda number: way.round(rounds[number])


async def _over_service_bus(stack: AsyncExitStack, connection_string: str) -> Way:
    client = await stack.enter_async_context(ServiceBusClient.from_connection_string(connection_string))
    sender = await stack.enter_async_context(client.get_queue_sender(QUEUE))
    receiver = await stack.enter_async_context(client.get_queue_receiver(QUEUE))
    host, progress = _host(stack, connection_string, {"PUSH_EVENTS_QUEUE": QUEUE})
    return Way(host, progress, lambda bodies: send_backlog(sender, bodies, _LEAD_SECONDS), lambda: emptied(receiver))


def _over_kafka(stack: AsyncExitStack, connection_string: str) -> Way:
    broker = stack.enter_context(running("local.kafka", *("--port", "0"), *("--topic", TOPIC)))
    topic = Topic(broker.address)
    stack.callback(topic.close)
    settings = {"PUSH_EVENTS_QUEUE": IDLE_QUEUE, "KAFKA_BROKER_LIST": broker.address, "PUSH_EVENTS_TOPIC": TOPIC}
    host, progress = _host(stack, connection_string, settings)
    return Way(host, progress, topic.send, topic.is_committed)


def _host(stack: AsyncExitStack, connection_string: str, settings: Mapping[str, str]) -> tuple[Server, Progress]:
    storage = stack.enter_context(azurite_table())
    environment = {"ServiceBusConnection": connection_string, "EventStorage": storage, **settings}
    host = stack.enter_context(running_app(OURS, environment, BATCH_SIZE))
    return host, Progress(stack.enter_context(host.log.open("rb")))


class Topic:
    """The topic as its sender and an onlooker see it."""

    def __init__(self, brokers: str) -> None:
        self._producer = Producer({"bootstrap.servers": brokers, "linger.ms": 5, **_QUIET})
        # Asks what the group has committed, and is no member of it.
        self._onlooker = Consumer({"bootstrap.servers": brokers, "group.id": DEFAULT_CONSUMER_GROUP, **_QUIET})
        self._sent = 0

    async def send(self, bodies: Sequence[bytes]) -> float:
        """Send the messages as fast as the broker takes them, with the charger as the key."""
        begins_at = time.perf_counter()
        for body in bodies:
            self._producer.produce(TOPIC, body, key=orjson.loads(body)["chargerId"])
        if await asyncio.to_thread(self._producer.flush, _LIMIT_SECONDS):
            raise RuntimeError("the Kafka broker did not take all messages in time")
        self._sent += len(bodies)
        return begins_at

    async def is_committed(self) -> None:
        """Return when the group has committed all that was sent."""
        async with asyncio.timeout(_LIMIT_SECONDS):
            while await asyncio.to_thread(self._committed) < self._sent:  # noqa: ASYNC110  # not our process
                await asyncio.sleep(_LOOK_SECONDS)

    def close(self) -> None:
        """Leave the broker."""
        self._onlooker.close()

    def _committed(self) -> int:
        partitions = [TopicPartition(TOPIC, number) for number in range(PARTITIONS)]
        # Of a partition that has nothing committed the library says a number below zero.
        return sum(max(0, found.offset) for found in self._onlooker.committed(partitions, timeout=_ANSWER_SECONDS))


def result_of(figures: Mapping[str, Sequence[Figures]], mean_batches: Mapping[str, float]) -> Result:
    """Both ways in a table, and their ratio round by round."""
    kafka, service_bus = figures["Kafka"], figures["Service Bus"]
    speed = ratios([one.messages_a_second for one in kafka], [one.messages_a_second for one in service_bus])
    cpu = ratios([one.cpu_microseconds for one in kafka], [one.cpu_microseconds for one in service_bus])
    return Result(
        title="Kafka",
        how=(
            f"{MESSAGES_A_ROUND:,} messages of {CHARGERS} chargers a round, {ROUNDS} rounds in turns, from a topic "
            f"with {PARTITIONS} partitions and from a queue, each through a host of its own into its own Azurite; "
            "broker, hosts and storage are processes on the same cores. A queue's messages are enqueued all at once; a "
            "topic's come while the first are stored, and the clock begins with the first that is sent. "
            f"Messages a second are those of the {full_batches(MESSAGES_A_ROUND):,} that fill whole batches of "
            f"{BATCH_SIZE}: over Kafka the rest waits a second for more, which is in the columns after it. Settled is "
            "when the queue is empty, or the offsets are committed. The processor time is the "
            f"host's. Kafka's speed is {speed.text(2)} times that of Service Bus, at {cpu.text(2)} times the processor "
            "time."
        ),
        tables=[
            Table(
                title="By the way in",
                columns=["way", "mean batch", "messages/s", "s until stored", "s until settled", "CPU µs"],
                rows=[_row(name, taken, mean_batches[name]) for name, taken in figures.items()],
            )
        ],
        goals=[],
    )


def _row(name: str, taken: Sequence[Figures], mean_batch: float) -> list[str]:
    return [
        name,
        f"{mean_batch:.1f}",
        Spread.of(one.messages_a_second for one in taken).text(0),
        Spread.of(one.stored_seconds for one in taken).text(2),
        Spread.of(one.settled_seconds for one in taken).text(2),
        Spread.of(one.cpu_microseconds for one in taken).text(0),
    ]
