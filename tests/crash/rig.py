"""Storage, broker and workers, each a process of its own that a test may kill: a stack with parts in any number."""

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from local.stack import services
from local.stack.ports import LOOPBACK, TABLE_PORT, free_port
from local.stack.process import RunningService, Service
from local.stack.services import REPOSITORY
from local.stack.surroundings import DEFAULT_QUEUE, Surroundings, azurite_connection
from local.stack.topology import TOPOLOGY
from tests.support.leaks import leaking_lines
from tests.support.tapping import TOKEN

READY_SECONDS = 60.0
STOP_SECONDS = 10.0
_NOT_FROM_OUTSIDE = (
    *("EventStorage", "EVENT_", "INGEST_", "ServiceBusConnection", "Kafka", "KAFKA_"),
    *("REALTIME_AUTH", "PUSH_", "EMABLER_", "POLL_", "APPLICATIONINSIGHTS_", "OTEL_", "TELEMETRY_"),
)
"""Settings of the app: a developer's own must not decide what a proof proves."""


def broker_connection(port: int) -> str:
    """The connection string of a stand-in, or of a wiretap before it, on that port."""
    return (
        f"Endpoint=sb://{LOOPBACK}:{port};SharedAccessKeyName=RootManageSharedAccessKey;"
        "SharedAccessKey=SAS_KEY_VALUE;UseDevelopmentEmulator=true;"
    )


def storage_connection(port: int) -> str:
    """The connection string of an Azurite, or of a wiretap before it, on that port."""
    return azurite_connection({TABLE_PORT: port})


class Rig:
    """The processes of one test; leaving the block ends all of them, however the test ended.

    The queues are as deployed (lock of five minutes, ten deliveries), but for their names and, where it is given, the
    duration of their locks, which is what a test has to wait for after a kill.
    """

    def __init__(
        self, folder: Path, *, queues: tuple[str, ...] = (DEFAULT_QUEUE,), lock_seconds: int | None = None
    ) -> None:
        self.queues = queues
        self.storage_port, self.broker_port = free_port(), free_port()
        self._folder = folder
        self._tables_folder = folder / "azurite"
        self._tables_folder.mkdir()
        self._topology = _topology(folder, queues, lock_seconds)
        self._running: list[RunningService] = []
        self._logs: list[Path] = []

    def __enter__(self) -> Self:
        try:
            self.storage = self.start_storage()
            self.broker = self._start(self._broker_service())
            self.broker.wait_until_ready(READY_SECONDS)
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def tables(self) -> str:
        """The connection string of storage."""
        return storage_connection(self.storage_port)

    @property
    def broker_connection(self) -> str:
        """The connection string of the broker."""
        return broker_connection(self.broker_port)

    def start_storage(self) -> RunningService:
        """Start Azurite, on its folder and at its port, and wait until it serves."""
        surroundings = self._surroundings({}, functions_port=free_port())
        self.storage = self._start(services.storage(surroundings, self._tables_folder))
        self.storage.wait_until_ready(READY_SECONDS)
        return self.storage

    def stop_storage(self) -> None:
        """End Azurite in good order: what it has confirmed it then still has, which a kill would not promise."""
        self.storage.stop(STOP_SECONDS)
        self._running.remove(self.storage)

    def start_worker(self, **settings: str) -> "Worker":
        """Start a functions host with settings beside or instead of this rig's own; it is not ready yet."""
        port = free_port()
        environment = {
            "EventStorage": self.tables,
            "ServiceBusConnection": self.broker_connection,
            "PUSH_EVENTS_QUEUE": self.queues[0],
            "REALTIME_AUTH_TOKENS": TOKEN,
            "EVENT_RETENTION_MONTHS": "0",  # the simulated days are long ago
            **settings,
        }
        surroundings = self._surroundings(environment, functions_port=port)
        return Worker(self._start(services.functions(surroundings)), surroundings.functions_url)

    def leaks(self) -> list[str]:
        """The log lines of all workers that hold a secret."""
        return [line for log in self._logs for line in leaking_lines(log.read_text(errors="replace"))]

    def stop(self) -> None:
        """End every process that a test has not ended, the workers first."""
        for service in reversed(self._running):
            if service.exit_code is None:  # the process id of one that has ended can be somebody else's by now
                service.kill()
        self._running.clear()

    def _surroundings(self, environment: Mapping[str, str], functions_port: int) -> Surroundings:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(_NOT_FROM_OUTSIDE)}
        return Surroundings(
            environment=inherited | dict(environment),
            host_is_core_tools=False,
            functions_port=functions_port,
            service_bus_port=None,
            storage_ports={TABLE_PORT: self.storage_port},
        )

    def _broker_service(self) -> Service:
        return Service(
            name=services.SERVICE_BUS,
            command=[
                *(sys.executable, "-m", "local.servicebus", "--host", LOOPBACK),
                *("--port", str(self.broker_port), "--topology", str(self._topology)),
            ],
            environment=dict(os.environ),
            is_ready=lambda output: "servicebus: listening on" in output,
        )

    def _start(self, service: Service) -> RunningService:
        log = self._folder / f"{len(self._logs)}-{service.name}.log"
        running = RunningService(service, log, REPOSITORY)
        self._logs.append(log)
        self._running.append(running)
        return running


class Worker:
    """One functions host."""

    def __init__(self, service: RunningService, url: str) -> None:
        self.service = service
        self.url = url

    def wait_until_ready(self) -> None:
        """Return when its functions are served. Raises StackError where they never are."""
        self.service.wait_until_ready(READY_SECONDS)

    @property
    def output(self) -> str:
        """All that it has logged."""
        return self.service.output


def _topology(folder: Path, queues: tuple[str, ...], lock_seconds: int | None) -> Path:
    """The committed topology with these queues, each like the one that is deployed."""
    topology = json.loads(TOPOLOGY.read_text(encoding="utf-8"))
    (namespace,) = topology["UserConfig"]["Namespaces"]
    (deployed,) = namespace["Queues"]
    lock = {} if lock_seconds is None else {"LockDuration": f"PT{lock_seconds}S"}
    namespace["Queues"] = [{"Name": queue, "Properties": deployed["Properties"] | lock} for queue in queues]
    path = folder / "topology.json"
    path.write_text(json.dumps(topology), encoding="utf-8")
    return path
