"""What `up` shows: where everything is, what to try, and the services' lines as they write them."""

from collections import defaultdict

from rich.console import Console
from rich.text import Text

from local.stack.ports import DEFAULTS, TABLE_PORT
from local.stack.process import RunningService
from local.stack.services import FUNCTIONS, KAFKA, SERVICE_BUS, SIMULATOR, STORAGE
from local.stack.stack import Stack

_COLOURS = {STORAGE: "blue", SERVICE_BUS: "magenta", KAFKA: "cyan", FUNCTIONS: "green", SIMULATOR: "yellow"}
_SET = "as set in the environment"


class LogTail:
    """Shows the lines of all services' logs that were not shown yet, each behind its service's name."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._shown_bytes: defaultdict[str, int] = defaultdict(int)

    def show(self, services: list[RunningService]) -> None:
        """Print every whole line that was written since the last call."""
        for service in services:
            name = service.service.name
            for line in self._new_lines(name, service):
                self._console.print(Text(f"{name:>10} ", style=_COLOURS[name]) + Text(line), soft_wrap=True)

    def _new_lines(self, name: str, service: RunningService) -> list[str]:
        with service.log.open("rb") as log:
            log.seek(self._shown_bytes[name])
            written = log.read()
        # What follows the last line end is a line that is still being written.
        whole_lines = written[: written.rfind(b"\n") + 1]
        self._shown_bytes[name] += len(whole_lines)
        return whole_lines.decode("utf-8", errors="replace").splitlines()


def welcome(stack: Stack, console: Console) -> None:
    """Say where everything is and what to try next. Connection strings from the environment are not shown."""
    surroundings = stack.surroundings
    host = "Core Tools" if surroundings.host_is_core_tools else "embedded host"
    own_broker = surroundings.service_bus_port is not None
    own_tables = surroundings.event_storage is not None and not surroundings.environment.get("EventStorage")
    places = [
        ("functions", f"{stack.functions_url}  ({host})"),
        ("queue", stack.queue),
        ("Service Bus", stack.service_bus_connection if own_broker else _SET),
        *_kafka_places(stack),
        *_fleet_place(stack),
        ("tables", stack.event_storage if own_tables else _SET),
        ("eMabler REST", _rest_address(stack)),
        ("logs", str(stack.run_folder / "logs")),
    ]
    console.print("\nEverything runs; Ctrl-C stops all of it.\n", style="bold")
    for name, place in places:
        console.print(Text(f"  {name:<12} ", style="cyan") + Text(place), soft_wrap=True)
    console.print("\nTry, in another terminal:\n", style="bold")
    for command in _suggestions(stack, own_tables=own_tables):
        console.print(Text(f"  {command}"), soft_wrap=True)
    console.print()


def _kafka_places(stack: Stack) -> list[tuple[str, str]]:
    """Where Kafka is, if it is used."""
    surroundings = stack.surroundings
    if surroundings.kafka_stand_in is None and not surroundings.reads_somebodys_kafka:
        return []
    return [("Kafka", surroundings.kafka_stand_in or _SET), ("topic", surroundings.topic)]


def _fleet_place(stack: Stack) -> list[tuple[str, str]]:
    """By which way the simulated fleet pushes, if there is one: the queue stays empty where that is Kafka."""
    if not stack.has_fleet:
        return []
    surroundings = stack.surroundings
    over_kafka = f"over Kafka, to the topic {surroundings.topic}; the queue is read, too"
    over_service_bus = f"over Service Bus, to the queue {surroundings.queue}"
    return [("fleet", f"pushes {over_service_bus if surroundings.kafka_stand_in is None else over_kafka}")]


def _shown_token(stack: Stack) -> str:
    """The local token; somebody's own is never shown."""
    return "..." if stack.surroundings.environment.get("REALTIME_AUTH_TOKENS") else stack.surroundings.token


def _rest_address(stack: Stack) -> str:
    """Where polling asks."""
    surroundings = stack.surroundings
    if surroundings.simulator_port is not None:
        return f"{surroundings.process_environment['EMABLER_BASE_URL']}  (simulator)"
    return _SET if surroundings.environment.get("EMABLER_API_KEY") else "none: EMABLER_API_KEY is not set"


def warnings(stack: Stack) -> list[str]:
    """What somebody should know before a stack of this mixture runs on."""
    surroundings = stack.surroundings
    found = []
    if not surroundings.service_bus_is_local:
        found.append("ServiceBusConnection is no emulator: the simulator does not push there.")
        if surroundings.storage_ports:
            found.append(_taken_from(f"that namespace's queue {stack.queue}"))
    if surroundings.reads_somebodys_kafka and surroundings.storage_ports:
        found.append(_taken_from(f"topic {surroundings.topic} of the brokers in KAFKA_BROKER_LIST"))
    return found


def _taken_from(place: str) -> str:
    return f"Messages of {place} are taken from it, into the tables of this machine."


def _suggestions(stack: Stack, *, own_tables: bool) -> list[str]:
    surroundings = stack.surroundings
    timer = f"{stack.functions_url}/admin/functions/poll_chargers"
    suggestions = [
        f"curl -i {stack.functions_url}/api/health -H 'Authorization: {_shown_token(stack)}'",
        f"curl -i {timer} -H 'Content-Type: application/json' -d '{{}}'",
    ]
    if not surroundings.environment.get("REALTIME_AUTH_TOKENS"):  # never shown where it is somebody's own
        suggestions.append(
            f"curl -i {stack.functions_url}/api/realtime-auth -H 'Authorization: {surroundings.token}' "
            """-d '{"charger_id": "SIM-00000", "rfid_tag_id": "TAG1234"}'"""
        )
    if own_tables:
        port = surroundings.storage_ports[TABLE_PORT]
        moved = "" if port == DEFAULTS[TABLE_PORT] else f"{TABLE_PORT}={port} "
        suggestions.append(f"{moved}.venv/bin/python -m local.stack tables")
    return suggestions
