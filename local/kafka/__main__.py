"""`python -m local.kafka`: the broker as a process, until it is interrupted or terminated."""

import argparse
import asyncio
import signal
import sys
from collections.abc import Sequence

from local.kafka.cluster import MockCluster
from local.kafka.front import Door

_ADDRESS = "127.0.0.1"


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until SIGINT or SIGTERM; return 0, or 1 with one line on standard error where it cannot begin."""
    parser = argparse.ArgumentParser(prog="python -m local.kafka", description=__doc__)
    parser.add_argument("--port", type=int, default=9092, help="0 takes any free port (default: %(default)s)")
    parser.add_argument("--topic", default="push-events", help="the topic that is there (default: %(default)s)")
    parser.add_argument("--partitions", type=int, default=3, help="of that topic (default: %(default)s)")
    options = parser.parse_args(arguments)
    try:
        with MockCluster({options.topic: options.partitions}) as cluster:
            asyncio.run(_serve(cluster, options.port))
    except OSError as error:
        print(
            f"kafka: cannot listen on {_ADDRESS}:{options.port}: {error.strerror or error}. "
            "Choose another port with --port, or stop what uses this one.",
            file=sys.stderr,
        )
        return 1
    return 0


async def _serve(cluster: MockCluster, port: int) -> None:
    stopping = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    door = Door(cluster.bootstrap_servers)
    bound_port = await door.open(_ADDRESS, port)
    # Whoever started the broker waits for exactly this line.
    print(f"kafka: listening on {_ADDRESS}:{bound_port}", flush=True)
    await stopping.wait()
    await door.close()


if __name__ == "__main__":
    sys.exit(main())
