"""`python -m local.servicebus`: the stand-in as a process, until it is interrupted or terminated."""

import argparse
import asyncio
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from local.servicebus.engine.settings import Topology
from local.servicebus.server import Server
from local.servicebus.topology import TopologyError, read_topology

_DEFAULT_TOPOLOGY = Path(__file__).parent.parent / "servicebus-topology.json"


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until SIGINT or SIGTERM; return 0, or 1 with one line on standard error where it cannot begin."""
    parser = argparse.ArgumentParser(prog="python -m local.servicebus", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="the address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=int, default=5672, help="0 takes any free port (default: %(default)s)")
    parser.add_argument("--topology", type=Path, default=_DEFAULT_TOPOLOGY, help="a file in the emulator's form")
    options = parser.parse_args(arguments)
    try:
        topology = read_topology(options.topology)
        asyncio.run(_serve(topology, options.host, options.port))
    except TopologyError as error:
        print(f"servicebus: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(
            f"servicebus: cannot listen on {options.host}:{options.port}: {error.strerror or error}. "
            "Choose another port with --port, or stop what uses this one.",
            file=sys.stderr,
        )
        return 1
    return 0


async def _serve(topology: Topology, host: str, port: int) -> None:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopping.set)
    server = Server(topology)
    listening_port = await server.start(host, port)
    print(f"servicebus: listening on {host}:{listening_port}", flush=True)
    await stopping.wait()
    await server.close()


if __name__ == "__main__":
    sys.exit(main())
