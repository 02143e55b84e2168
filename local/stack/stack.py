"""The stack as one object: started as a whole, stopped as a whole, and its services paused or killed by tests."""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.request import urlopen

from local.stack import services
from local.stack.errors import NotReady, StackError
from local.stack.process import RunningService, Service
from local.stack.services import REPOSITORY, SimulatedFleet
from local.stack.surroundings import Surroundings, look_around

_NEEDED_BY_THE_FUNCTIONS = {services.STORAGE, services.SERVICE_BUS, services.KAFKA}
_READY_PATIENCE_SECONDS = 60.0
_STOP_GRACE_SECONDS = 10.0
_HEALTH_PATIENCE_SECONDS = 20.0


class Stack:
    """Storage, broker and functions host while the `with` block lasts.

    By default as tests and the demo want it: on free ports where the usual ones are taken, with tables in memory, logs
    in the given folder and no simulator. A service's name is one of `storage`, `servicebus`, `kafka`, `functions`,
    `simulator`; there is a `kafka` where the environment has KAFKA=1 and no brokers.
    """

    def __init__(
        self,
        *,
        run_folder: Path = REPOSITORY / ".run",
        environment: Mapping[str, str] | None = None,
        ports_may_move: bool = True,
        keeps_tables: bool = False,
        fleet: SimulatedFleet | None = None,
    ) -> None:
        """Decide what is started and where. Raises StackError, for a port that is taken among others."""
        self.surroundings: Surroundings = look_around(
            os.environ if environment is None else environment,
            ports_may_move=ports_may_move,
            has_simulator=fleet is not None,
        )
        self.run_folder = run_folder
        self._tables_folder = run_folder / "azurite" if keeps_tables else None
        self._make_folders()
        self._planned = {service.name: service for service in self._plan(fleet)}
        self._running: dict[str, RunningService] = {}

    def _plan(self, fleet: SimulatedFleet | None) -> list[Service]:
        planned = []
        if self.surroundings.storage_ports:
            planned.append(services.storage(self.surroundings, self._tables_folder))
        if self.surroundings.service_bus_port is not None:
            planned.append(services.service_bus(self.surroundings, self.run_folder))
        if self.surroundings.kafka_port is not None:
            planned.append(services.kafka(self.surroundings))
        planned.append(services.functions(self.surroundings))
        # Never to what could be an operator's own.
        has_way = self.surroundings.kafka_port is not None or self.surroundings.service_bus_is_local
        if fleet is not None and has_way:
            planned.append(services.simulator(self.surroundings, fleet))
        return planned

    def __enter__(self) -> Self:
        try:
            # What the functions need starts side by side, and the functions when all of that is ready.
            needed = [name for name in self._planned if name in _NEEDED_BY_THE_FUNCTIONS]
            for name in needed:
                self._launch(name)
            for name in needed:
                self._running[name].wait_until_ready(_READY_PATIENCE_SECONDS)
            for name in self._planned:
                if name not in needed:
                    self.start(name)
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def has_fleet(self) -> bool:
        """Whether a simulated fleet pushes."""
        return services.SIMULATOR in self._planned

    @property
    def service_bus_connection(self) -> str:
        """The queue's connection string. Raises StackError where the namespace is reached with an identity."""
        if (connection := self.surroundings.service_bus_connection) is None:
            raise StackError(
                "The namespace is reached with an identity: set ServiceBusConnection to a connection string."
            )
        return connection

    @property
    def queue(self) -> str:
        """The queue that the app reads."""
        return self.surroundings.queue

    @property
    def kafka_brokers(self) -> str:
        """The address of the Kafka stand-in. Raises StackError where there is none."""
        if (brokers := self.surroundings.kafka_stand_in) is None:
            raise StackError("This stack has no Kafka broker: set KAFKA=1, and no KAFKA_BROKER_LIST.")
        return brokers

    @property
    def event_storage(self) -> str:
        """The connection string of the tables. Raises StackError where they are reached with an identity."""
        if (connection := self.surroundings.event_storage) is None:
            raise StackError("The tables are reached with an identity: set EventStorage to a connection string.")
        return connection

    @property
    def functions_url(self) -> str:
        """The functions host, for example `http://127.0.0.1:7071`."""
        return self.surroundings.functions_url

    @property
    def running(self) -> list[RunningService]:
        """The services that were started and not killed, in their order of start."""
        return list(self._running.values())

    def output(self, name: str) -> str:
        """All that a service has written since its last start."""
        return self._log(name).read_text(encoding="utf-8", errors="replace")

    def check(self) -> None:
        """Raises ServiceEnded when a service has ended by itself."""
        for service in self._running.values():
            service.check()

    def check_health(self) -> None:
        """Ask the app whether it can do its work. Raises NotReady with its last lines, which say why not."""
        try:
            with urlopen(f"{self.functions_url}/api/health", timeout=_HEALTH_PATIENCE_SECONDS):  # noqa: S310  # our own host, on loopback
                return
        except OSError:  # an HTTP error is one, too
            functions = self._running[services.FUNCTIONS]
            raise NotReady(f"The app cannot do its work. {functions.last_lines()}") from None

    def pause(self, name: str) -> None:
        """Freeze a service: its connections stay open, and nothing answers."""
        self._running[name].pause()

    def resume(self, name: str) -> None:
        """Let a paused service go on."""
        self._running[name].resume()

    def kill(self, name: str) -> None:
        """End a service as a crash would."""
        self._running.pop(name).kill()

    def start(self, name: str) -> None:
        """Start a service which does not run, at the address it had, and wait until it is ready."""
        self._launch(name)
        self._running[name].wait_until_ready(_READY_PATIENCE_SECONDS)

    def stop(self) -> None:
        """Stop everything, the senders before the receivers; what does not end in time is killed."""
        try:
            for service in reversed(self.running):
                service.stop(_STOP_GRACE_SECONDS)
        finally:
            # After an interruption, too: a second Ctrl-C means now.
            for service in self.running:
                service.kill()
            self._running.clear()

    def _launch(self, name: str) -> None:
        if name in self._running:
            raise StackError(f"{name} runs already.")
        self._running[name] = RunningService(self._planned[name], self._log(name), REPOSITORY)

    def _log(self, name: str) -> Path:
        return self.run_folder / "logs" / f"{name}.log"

    def _make_folders(self) -> None:
        (self.run_folder / "logs").mkdir(parents=True, exist_ok=True)
        if self._tables_folder is not None:
            self._tables_folder.mkdir(exist_ok=True)
        local_settings = REPOSITORY / "local.settings.json"
        if self.surroundings.host_is_core_tools and not local_settings.exists():
            # Core Tools do not start without one; what the stack sets in the environment wins over it.
            shutil.copy(REPOSITORY / "local.settings.sample.json", local_settings)
