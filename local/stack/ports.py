"""Which ports the stack listens on, and who is there already."""

import socket
from collections.abc import Mapping
from contextlib import suppress

import psutil  # type: ignore[import-untyped]

from local.stack.errors import PortTaken, StackError

LOOPBACK = "127.0.0.1"
TABLE_PORT, BLOB_PORT, QUEUE_PORT = "AZURITE_TABLE_PORT", "AZURITE_BLOB_PORT", "AZURITE_QUEUE_PORT"
SERVICE_BUS_PORT, FUNCTIONS_PORT, SIMULATOR_PORT = "SERVICEBUS_PORT", "FUNCTIONS_PORT", "SIMULATOR_PORT"
KAFKA_PORT = "KAFKA_PORT"

DEFAULTS = {
    TABLE_PORT: 10002,
    BLOB_PORT: 10000,
    QUEUE_PORT: 10001,
    SERVICE_BUS_PORT: 5672,
    FUNCTIONS_PORT: 7071,
    SIMULATOR_PORT: 7072,
    KAFKA_PORT: 9092,
}
"""The ports of Azurite, AMQP, Core Tools, the simulator's REST and Kafka; the keys are the settings to change them."""


def choose_port(setting: str, environment: Mapping[str, str], *, may_move: bool) -> int:
    """The port of a setting: the one that is set, else the default, else (`may_move`) a free one.

    Raises PortTaken, and StackError for a setting that is no port number.
    """
    port = wanted_port(setting, environment)
    if not is_taken(port):
        return port
    if may_move and not environment.get(setting):
        return free_port()
    raise PortTaken(
        f"Port {port} is taken{_by_whom(port)}. Stop what uses it, or choose another one: {setting}={free_port()}"
    )


def wanted_port(setting: str, environment: Mapping[str, str]) -> int:
    """The port that is set, or the default. Raises StackError for a setting that is no port number."""
    text = environment.get(setting) or str(DEFAULTS[setting])
    if not text.isdecimal() or not 0 < int(text) < 2**16:
        raise StackError(f"{setting} must be a port number from 1 to 65535, and is {text!r}.")
    return int(text)


def is_taken(port: int) -> bool:
    """Whether a server could not listen there."""
    with socket.socket() as probe:
        # As servers do: connections of a server that has ended are no obstacle.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return True
    # macOS lets two sockets share a port where one listens on all addresses: ask whether somebody answers, too.
    with socket.socket() as caller:
        return caller.connect_ex((LOOPBACK, port)) == 0


def free_port() -> int:
    """A port nobody listens on at the moment."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


def _by_whom(port: int) -> str:
    """` by process N (COMMAND)`, or nothing where the system does not tell (macOS tells the superuser only)."""
    with suppress(psutil.Error, OSError):
        for connection in psutil.net_connections("tcp"):
            is_listener = connection.status == psutil.CONN_LISTEN
            if is_listener and connection.laddr.port == port and connection.pid:
                command = " ".join(psutil.Process(connection.pid).cmdline())
                return f" by process {connection.pid} ({command[:80]})"
    return ""
