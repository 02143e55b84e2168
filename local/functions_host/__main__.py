"""`python -m local.functions_host`: run a function app on this machine until Ctrl-C."""

import argparse
import asyncio
import json
import logging
import os
import signal
import sys
from collections import Counter
from pathlib import Path

from local.functions_host.configuration import apply_local_settings
from local.functions_host.errors import HostError
from local.functions_host.host import running_host


def main() -> int:
    """Run the host; returns the exit code: 0 after a stop, 1 when the app or the port cannot be used."""
    arguments = _arguments()
    _log_to_stderr()
    app_folder: Path = arguments.app.resolve()
    try:
        _apply_settings(app_folder, arguments.settings)
        # As in Azure, where the app's folder is the worker's working directory.
        os.chdir(app_folder)
        asyncio.run(_serve(app_folder, arguments.host, arguments.port))
    except (HostError, OSError) as error:
        print(f"functions: {error}", file=sys.stderr)
        return 1
    return 0


async def _serve(app_folder: Path, address: str, port: int) -> None:
    stop_asked = asyncio.Event()
    for stop_signal in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(stop_signal, stop_asked.set)
    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, _tell_tasks)
    async with running_host(app_folder, address, port) as host:
        for trigger in host.triggers:
            print(f"functions: {trigger}")
        # Whoever started the host waits for exactly this line.
        print(f"functions: listening on {host.url}", flush=True)
        await stop_asked.wait()


def _tell_tasks() -> None:
    """Say which tasks run, by the names of their functions: for who looks for those that nobody ends."""
    running = Counter(str(getattr(task.get_coro(), "__qualname__", task)) for task in asyncio.all_tasks())
    print(f"functions: tasks {json.dumps(running, sort_keys=True)}", flush=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m local.functions_host", description="Run a function app locally.")
    parser.add_argument("--app", type=Path, default=Path(), help="folder with function_app.py and host.json")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, default=7071, help="port to listen on; 0 takes a free one")
    parser.add_argument("--settings", type=Path, help="default: local.settings.json of the app")
    return parser.parse_args()


def _apply_settings(app_folder: Path, given: Path | None) -> None:
    if given is not None:
        apply_local_settings(given, os.environ)
    elif (app_folder / "local.settings.json").is_file():
        apply_local_settings(app_folder / "local.settings.json", os.environ)


def _log_to_stderr() -> None:
    logging.basicConfig(
        stream=sys.stderr,
        level=logging.INFO,
        format="%(asctime)s %(levelname).1s %(name)s: %(message)s",
        datefmt="%H:%M:%S",
    )
    # The SDKs' and the runtime library's own lines at INFO would bury the app's.
    logging.getLogger("azure").setLevel(logging.WARNING)


if __name__ == "__main__":
    exit_code = main()
    sys.stdout.flush()
    sys.stderr.flush()
    # A function that never returns keeps its thread, and a thread would keep the process: the stop is bounded instead.
    os._exit(exit_code)
