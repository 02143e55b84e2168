"""The processes of `tests/crash`, with a Kafka broker among them, and the topic as a test fills it and looks at it."""

import dataclasses
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from confluent_kafka import Message, Producer

from local.stack import services
from local.stack.ports import LOOPBACK, free_port
from local.stack.process import RunningService, Service
from local.stack.services import REPOSITORY
from tests.crash.rig import READY_SECONDS, Rig, Worker
from tests.support.kafka import PARTITIONS, TOPIC, committed

GROUP = "emabler-azure"
"""The app's own consumer group where no other is set."""
SESSION_TIMEOUT_MS = 3500
"""What a test waits for after a kill; the client library takes no less than a little over its heartbeat's 3 s."""
_APP_PARTS = ("function_app.py", "handlers", "shared")
_STORED = re.compile(r"ingest deliveries=(\d+)")


@dataclass(frozen=True, slots=True)
class Sent:
    """A message for one partition; None is a message without a value."""

    body: bytes | None
    partition: int
    key: str | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """Where the broker has a message, in the words of `Quarantine`."""

    topic: str
    partition: int
    offset: int


class Topic:
    """The topic with its three partitions, and where in it the broker has put each message of this test."""

    def __init__(self, brokers: str) -> None:
        self.brokers = brokers
        self.bodies: dict[Place, bytes | None] = {}
        self._producer = Producer({"bootstrap.servers": brokers, "linger.ms": 5, "log_level": 0})

    def send(self, messages: Iterable[Sent]) -> None:
        """Put the messages into their partitions, in their order, and wait until the broker has all of them."""
        for message in messages:
            self._producer.produce(
                TOPIC, message.body, key=message.key, partition=message.partition, on_delivery=self._take_down
            )
            self._producer.poll(0)
        assert self._producer.flush(20) == 0

    @property
    def end_offsets(self) -> list[int]:
        """By partition, the offset after the last message."""
        return [sum(place.partition == number for place in self.bodies) for number in range(PARTITIONS)]

    def committed(self) -> list[int]:
        """By partition, where the group goes on."""
        return committed(self.brokers, GROUP)

    def is_worked_off(self) -> bool:
        """Whether the group has nothing to come."""
        return self.committed() == self.end_offsets

    def waiting(self, offsets: Sequence[int]) -> list[bytes]:
        """The bodies from these offsets on."""
        return [
            body for place, body in self.bodies.items() if body is not None and place.offset >= offsets[place.partition]
        ]

    def places_of(self, body: bytes) -> set[Place]:
        """All places that hold a body."""
        return {place for place, held in self.bodies.items() if held == body}

    def _take_down(self, error: object, message: Message) -> None:
        assert error is None
        self.bodies[Place(message.topic(), message.partition(), message.offset())] = message.value()


class KafkaRig(Rig):
    """Storage, queue and Kafka broker; workers read both, from the app as it is but for the group's session timeout."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._app = _app_with(folder / "app", {"sessionTimeoutMs": SESSION_TIMEOUT_MS})

    def __enter__(self) -> Self:
        super().__enter__()
        try:
            surroundings = dataclasses.replace(self._surroundings({}, free_port()), kafka_port=free_port())
            kafka = self._start(services.kafka(surroundings))
            kafka.wait_until_ready(READY_SECONDS)
        except BaseException:
            self.stop()
            raise
        self.topic = Topic(f"{LOOPBACK}:{surroundings.kafka_port}")
        return self

    def start_worker(self, **settings: str) -> Worker:
        """Start a functions host that reads queue and topic; it is not ready yet."""
        return super().start_worker(KAFKA_BROKER_LIST=self.topic.brokers, PUSH_EVENTS_TOPIC=TOPIC, **settings)

    def _start(self, service: Service) -> RunningService:
        if service.name == services.FUNCTIONS:
            command = [str(self._app) if part == "." else part for part in service.command]
            service = dataclasses.replace(service, command=command)
        return super()._start(service)


def deliveries_of(worker: Worker) -> int:
    """How many deliveries a worker has stored, by its log."""
    return sum(map(int, _STORED.findall(worker.output)))


def _app_with(folder: Path, kafka: Mapping[str, object]) -> Path:
    """The app as it is, with some of `extensions.kafka` in its host.json otherwise; returns its folder."""
    folder.mkdir()
    for part in _APP_PARTS:
        (folder / part).symlink_to(REPOSITORY / part)
    host = json.loads((REPOSITORY / "host.json").read_text(encoding="utf-8"))
    host["extensions"]["kafka"] |= kafka
    (folder / "host.json").write_text(json.dumps(host), encoding="utf-8")
    return folder
