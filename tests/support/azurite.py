"""Azurite's table service as a child process, for as long as a `with` block lasts."""

import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from local.stack.ports import free_port

AZURITE_TABLE = Path(__file__).parents[2] / "local" / "azurite" / "node_modules" / ".bin" / "azurite-table"
ACCOUNT = "devstoreaccount1"
# The key of every Azurite: learn.microsoft.com, "Use the Azurite emulator".
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
START_SECONDS = 30


def connection_string(port: int) -> str:
    """For the well-known account on that port of the loopback address."""
    endpoint = f"http://127.0.0.1:{port}/{ACCOUNT}"
    return f"DefaultEndpointsProtocol=http;AccountName={ACCOUNT};AccountKey={KEY};TableEndpoint={endpoint};"


@contextmanager
def azurite_table() -> Iterator[str]:
    """Start an empty table service on a free port and yield its connection string."""
    port = free_port()
    process = subprocess.Popen(
        [
            AZURITE_TABLE,
            *("--inMemoryPersistence", "--silent", "--skipApiVersionCheck", "--disableTelemetry"),
            *("--tableHost", "127.0.0.1", "--tablePort", str(port)),
        ],
        stdout=subprocess.DEVNULL,
    )
    try:
        _wait_until_it_listens(process, port)
        yield connection_string(port)
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(timeout=START_SECONDS)


def _wait_until_it_listens(process: subprocess.Popen[bytes], port: int) -> None:
    give_up_at = time.monotonic() + START_SECONDS
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            if process.poll() is not None or time.monotonic() > give_up_at:
                raise RuntimeError(f"Azurite did not start; is {AZURITE_TABLE} installed (npm ci)?") from None
            time.sleep(0.05)
        else:
            return
