"""The services of the stack: their command lines, and how each says that it is ready."""

import re
import signal
import sys
from dataclasses import dataclass
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

from local.stack.ports import BLOB_PORT, LOOPBACK, QUEUE_PORT, TABLE_PORT
from local.stack.process import Service
from local.stack.surroundings import Surroundings
from local.stack.topology import topology_with

STORAGE, SERVICE_BUS, FUNCTIONS, SIMULATOR = "storage", "servicebus", "functions", "simulator"
KAFKA = "kafka"

REPOSITORY = Path(__file__).resolve().parents[2]
_AZURITE_COMMANDS = REPOSITORY / "local" / "azurite" / "node_modules" / ".bin"

# `azurite-table` and `azurite` word it differently.
_AZURITE_READY = re.compile("Azurite Table service (successfully started|is successfully listening)")


@dataclass(frozen=True)
class SimulatedFleet:
    """What the simulator pushes: so many chargers, so many messages a second, a share of which is lost on the way."""

    chargers: int = 50
    messages_per_second: float = 5.0
    lost_share: float = 0.0


def storage(surroundings: Surroundings, folder: Path | None) -> Service:
    """Azurite; its tables are kept in the folder, or in memory where that is None."""
    ports = surroundings.storage_ports
    program = "azurite" if BLOB_PORT in ports else "azurite-table"
    command = [str(_AZURITE_COMMANDS / program), "--silent", "--skipApiVersionCheck", "--disableTelemetry"]
    for setting, option in ((TABLE_PORT, "table"), (BLOB_PORT, "blob"), (QUEUE_PORT, "queue")):
        if setting in ports:
            command += [f"--{option}Host", LOOPBACK, f"--{option}Port", str(ports[setting])]
    command += ["--inMemoryPersistence"] if folder is None else ["--location", str(folder)]
    return Service(
        name=STORAGE,
        command=command,
        environment=surroundings.process_environment,
        is_ready=lambda output: _AZURITE_READY.search(output) is not None,
        # Its way to write everything down before it ends.
        stop_signal=signal.SIGINT,
    )


def service_bus(surroundings: Surroundings, folder: Path) -> Service:
    """The Service Bus stand-in; the folder may get a topology of its own."""
    return Service(
        name=SERVICE_BUS,
        command=_python(
            "local.servicebus",
            *("--host", LOOPBACK, "--port", surroundings.service_bus_port),
            *("--topology", topology_with(surroundings.queue, folder)),
        ),
        environment=surroundings.process_environment,
        is_ready=lambda output: "servicebus: listening on" in output,
    )


def kafka(surroundings: Surroundings) -> Service:
    """The Kafka stand-in, with the topic."""
    return Service(
        name=KAFKA,
        command=_python("local.kafka", "--port", surroundings.kafka_port, "--topic", surroundings.topic),
        environment=surroundings.process_environment,
        is_ready=lambda output: "kafka: listening on" in output,
    )


def functions(surroundings: Surroundings) -> Service:
    """The functions host: Core Tools, or the embedded one."""
    if surroundings.host_is_core_tools:
        environment = surroundings.process_environment
        # Core Tools take the first `python` of PATH for the worker.
        environment["PATH"] = f"{Path(sys.executable).parent}:{environment.get('PATH', '')}"
        command = ["func", "start", "--port", str(surroundings.functions_port)]
        health = f"{surroundings.functions_url}/api/health"
        return Service(FUNCTIONS, command, environment, is_ready=lambda _output: _serves(health))
    return Service(
        name=FUNCTIONS,
        command=_python(
            "local.functions_host", "--app", ".", "--host", LOOPBACK, "--port", surroundings.functions_port
        ),
        environment=surroundings.process_environment,
        is_ready=lambda output: "functions: listening on" in output,
    )


def simulator(surroundings: Surroundings, fleet: SimulatedFleet) -> Service:
    """The simulated fleet, pushing until it is stopped, and answering eMabler's REST API meanwhile."""
    rest = [] if surroundings.simulator_port is None else ["--rest-port", surroundings.simulator_port]
    return Service(
        name=SIMULATOR,
        command=_python(
            "simulator",
            *("push", *_way_of_the_fleet(surroundings)),
            *("--chargers", fleet.chargers, "--rate", fleet.messages_per_second, "--lose", fleet.lost_share, *rest),
        ),
        environment=surroundings.process_environment,
        # Nothing waits for it.
        is_ready=lambda _output: True,
    )


def _way_of_the_fleet(surroundings: Surroundings) -> list[object]:
    """Over the stand-in for Kafka where there is one, so that one command shows it; else over the queue."""
    if surroundings.kafka_stand_in is not None:
        return ["--transport", "kafka", "--brokers", surroundings.kafka_stand_in, "--topic", surroundings.topic]
    return ["--connection-string", surroundings.service_bus_connection, "--queue", surroundings.queue]


def _python(module: str, *arguments: object) -> list[str]:
    return [sys.executable, "-m", module, *(str(argument) for argument in arguments)]


def _serves(url: str) -> bool:
    """Whether the route is there, whatever it answers; the host answers 404 until the functions are loaded."""
    try:
        with urlopen(url, timeout=1):  # noqa: S310  # an http address on loopback
            return True
    except HTTPError as answer:
        return answer.code != 404  # noqa: PLR2004  # HTTP's "not found"
    except (URLError, OSError):
        return False
