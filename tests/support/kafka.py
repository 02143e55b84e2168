"""What the tests with a Kafka broker ask of it."""

import asyncio
from collections.abc import Callable, Iterable

from confluent_kafka import Consumer, Producer, TopicPartition

TOPIC, PARTITIONS = "push-events", 3


def send(bootstrap_servers: str, bodies: Iterable[bytes | None]) -> None:
    """Put the bodies into the topic, in turn into its partitions; None is a message without a value."""
    producer = Producer({"bootstrap.servers": bootstrap_servers, "linger.ms": 0})
    for number, body in enumerate(bodies):
        producer.produce(TOPIC, body, partition=number % PARTITIONS)
    assert producer.flush(10) == 0


def committed(bootstrap_servers: str, group: str) -> list[int]:
    """The offsets that the group has committed, by partition; 0 where it has none."""
    consumer = Consumer({"bootstrap.servers": bootstrap_servers, "group.id": group})
    try:
        partitions = [TopicPartition(TOPIC, number) for number in range(PARTITIONS)]
        return [max(0, partition.offset) for partition in consumer.committed(partitions, timeout=10)]
    finally:
        consumer.close()


async def eventually(holds: Callable[[], object]) -> None:
    """Wait until a condition holds that another thread or process brings about; fail after 30 s."""
    async with asyncio.timeout(30):
        while not holds():  # noqa: ASYNC110  # neither the client library nor a process has an event to wait for
            await asyncio.sleep(0.01)
