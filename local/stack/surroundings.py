"""Where everything of one stack is: addresses, connection strings, and the environment its processes get.

What is set in the environment wins: a real namespace instead of the stand-in, a storage account instead of Azurite,
and every setting of the app.
"""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field

from local.stack.errors import StackError
from local.stack.ports import (
    BLOB_PORT,
    FUNCTIONS_PORT,
    KAFKA_PORT,
    LOOPBACK,
    QUEUE_PORT,
    SERVICE_BUS_PORT,
    SIMULATOR_PORT,
    TABLE_PORT,
    choose_port,
)
from simulator.rest.routes_v1 import API_KEY
from simulator.rest.routes_v2 import BASE as V2_BASE

# Azurite's one account, public and the same everywhere:
# https://learn.microsoft.com/azure/storage/common/storage-use-azurite#well-known-storage-account-and-key
_ACCOUNT = "devstoreaccount1"
_ACCOUNT_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="

DEFAULT_QUEUE = "push-events"
DEFAULT_TOPIC = "push-events"
DEFAULT_TOKEN = "local"
"""The Authorization value of taps and webhook on a laptop, where nothing else is set."""
_HOST_SETTING = "FUNCTIONS_HOST"
_KAFKA_SETTING = "KAFKA"


def azurite_connection(ports: Mapping[str, int]) -> str:
    """The connection string of an Azurite, from its ports by the settings' names."""
    services = ((TABLE_PORT, "Table"), (BLOB_PORT, "Blob"), (QUEUE_PORT, "Queue"))
    endpoints = "".join(
        f"{service}Endpoint=http://{LOOPBACK}:{ports[setting]}/{_ACCOUNT};"
        for setting, service in services
        if setting in ports
    )
    return f"DefaultEndpointsProtocol=http;AccountName={_ACCOUNT};AccountKey={_ACCOUNT_KEY};{endpoints}"


@dataclass(frozen=True)
class Surroundings:
    """The addresses of a stack; a port is None where that service is not started."""

    environment: Mapping[str, str]
    host_is_core_tools: bool
    functions_port: int
    service_bus_port: int | None
    simulator_port: int | None = None
    """Where the simulator answers eMabler's REST API; None where there is no simulator, or another account is set."""
    has_kafka: bool = False
    """Whether events come over Kafka as well (KAFKA=1)."""
    kafka_port: int | None = None
    """Where the clients of the Kafka stand-in begin; None where Kafka is not used, or brokers are set."""
    storage_ports: Mapping[str, int] = field(default_factory=dict)
    """By setting name; blob and queue only where Core Tools ask for them."""

    @property
    def functions_url(self) -> str:
        """The functions host, without a slash at the end."""
        return f"http://{LOOPBACK}:{self.functions_port}"

    @property
    def service_bus_connection(self) -> str | None:
        """The queue's connection string; None where the namespace is reached with an identity."""
        if self.service_bus_port is None:
            return self.environment.get("ServiceBusConnection") or None
        return (
            f"Endpoint=sb://localhost:{self.service_bus_port};SharedAccessKeyName=RootManageSharedAccessKey;"
            "SharedAccessKey=SAS_KEY_VALUE;UseDevelopmentEmulator=true;"
        )

    @property
    def queue(self) -> str:
        """The queue eMabler pushes to."""
        return self.environment.get("PUSH_EVENTS_QUEUE") or DEFAULT_QUEUE

    @property
    def topic(self) -> str:
        """The topic eMabler pushes to, where that is over Kafka."""
        return self.environment.get("PUSH_EVENTS_TOPIC") or DEFAULT_TOPIC

    @property
    def kafka_stand_in(self) -> str | None:
        """The address of this stack's own Kafka broker; None where it has none."""
        return None if self.kafka_port is None else f"{LOOPBACK}:{self.kafka_port}"

    @property
    def reads_somebodys_kafka(self) -> bool:
        """Whether the app reads a topic of brokers that are set, with KAFKA=1 or without."""
        return has_brokers(self.environment) and bool(self.has_kafka or self.environment.get("PUSH_EVENTS_TOPIC"))

    @property
    def token(self) -> str:
        """An Authorization value that the HTTP functions take."""
        set_ones = self.environment.get("REALTIME_AUTH_TOKENS") or DEFAULT_TOKEN
        return set_ones.split(",")[0].strip()

    @property
    def event_storage(self) -> str | None:
        """The connection string of the tables; None where they are reached with an identity."""
        return self.environment.get("EventStorage") or (self.azurite_connection if self.storage_ports else None)

    @property
    def azurite_connection(self) -> str:
        """The connection string of this stack's Azurite."""
        return azurite_connection(self.storage_ports)

    @property
    def service_bus_is_local(self) -> bool:
        """The stand-in, or Microsoft's emulator: nothing that could be an operator's own queue."""
        return "usedevelopmentemulator=true" in (self.service_bus_connection or "").lower()

    @property
    def process_environment(self) -> dict[str, str]:
        """What the stack's processes get: local defaults under what is set."""
        defaults = {
            "PYTHONUNBUFFERED": "1",
            "FUNCTIONS_WORKER_RUNTIME": "python",
            "PUSH_EVENTS_QUEUE": self.queue,
            "REALTIME_AUTH_TOKENS": DEFAULT_TOKEN,
        }
        if self.service_bus_port is not None and self.service_bus_connection is not None:
            defaults["ServiceBusConnection"] = self.service_bus_connection
        if self.has_kafka:
            defaults["PUSH_EVENTS_TOPIC"] = self.topic
        if self.kafka_stand_in is not None:
            defaults["KAFKA_BROKER_LIST"] = self.kafka_stand_in
        if self.simulator_port is not None:
            defaults |= {
                "EMABLER_API_VERSION": "v2",
                "EMABLER_API_KEY": API_KEY,
                "EMABLER_BASE_URL": f"http://{LOOPBACK}:{self.simulator_port}{V2_BASE}",
            }
        if self.storage_ports:
            defaults["AzureWebJobsStorage"] = self.azurite_connection
            if not _has_storage(self.environment):
                defaults["EventStorage"] = self.azurite_connection
        # An empty variable counts as not set, as it does for the app.
        return defaults | {name: value for name, value in self.environment.items() if value or name not in defaults}


def look_around(environment: Mapping[str, str], *, ports_may_move: bool, has_simulator: bool = False) -> Surroundings:
    """Decide what this stack starts, and where it listens. Raises StackError, PortTaken among them.

    `has_simulator`: the fleet is asked over REST, too, unless the environment names an account at eMabler.
    """

    def port(setting: str) -> int:
        return choose_port(setting, environment, may_move=ports_may_move)

    host_is_core_tools = _uses_core_tools(environment)
    has_kafka = _wants_kafka(environment)
    core_tools_need_storage = host_is_core_tools and not environment.get("AzureWebJobsStorage")
    storage_settings = [] if _has_storage(environment) else [TABLE_PORT]
    if core_tools_need_storage:
        storage_settings = [TABLE_PORT, BLOB_PORT, QUEUE_PORT]
    return Surroundings(
        environment=environment,
        host_is_core_tools=host_is_core_tools,
        functions_port=port(FUNCTIONS_PORT),
        service_bus_port=None if _has_service_bus(environment) else port(SERVICE_BUS_PORT),
        simulator_port=port(SIMULATOR_PORT) if has_simulator and not environment.get("EMABLER_API_KEY") else None,
        has_kafka=has_kafka,
        kafka_port=port(KAFKA_PORT) if has_kafka and not has_brokers(environment) else None,
        storage_ports={setting: port(setting) for setting in storage_settings},
    )


def _has_service_bus(environment: Mapping[str, str]) -> bool:
    names = ("ServiceBusConnection", "ServiceBusConnection__fullyQualifiedNamespace")
    return any(environment.get(name) for name in names)


def _has_storage(environment: Mapping[str, str]) -> bool:
    return any(environment.get(name) for name in ("EventStorage", "EventStorage__tableServiceUri"))


def has_brokers(environment: Mapping[str, str]) -> bool:
    """Whether Kafka brokers are set that the stack does not start itself."""
    return bool(environment.get("KAFKA_BROKER_LIST"))


def _wants_kafka(environment: Mapping[str, str]) -> bool:
    wanted = environment.get(_KAFKA_SETTING, "")
    if wanted not in {"", "0", "1"}:
        raise StackError(f"{_KAFKA_SETTING} must be 1 or 0, and is {wanted!r}. Brokers are named by KAFKA_BROKER_LIST.")
    return wanted == "1"


def _uses_core_tools(environment: Mapping[str, str]) -> bool:
    """Core Tools where they are installed; FUNCTIONS_HOST=embedded or core-tools decides otherwise."""
    wanted = environment.get(_HOST_SETTING, "")
    if wanted not in {"", "embedded", "core-tools"}:
        raise StackError(f"{_HOST_SETTING} must be embedded or core-tools, and is {wanted!r}.")
    is_installed = shutil.which("func", path=environment.get("PATH")) is not None
    if wanted == "core-tools" and not is_installed:
        raise StackError(
            f"{_HOST_SETTING} is core-tools, but `func` is not on PATH: npm install -g azure-functions-core-tools@4"
        )
    return is_installed and wanted != "embedded"
