"""`python -m local.stack`: `up` runs everything until Ctrl-C, `tables` shows how many rows the tables have."""

import argparse
import os
import signal
import sys
import time
from collections.abc import Sequence

from rich.console import Console

from local.stack import console as view
from local.stack.errors import StackError
from local.stack.ports import TABLE_PORT, wanted_port
from local.stack.services import SimulatedFleet
from local.stack.stack import Stack
from local.stack.surroundings import azurite_connection
from local.stack.tables import count_rows

_LOOK_SECONDS = 0.2


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns the exit code: 0 after a stop that was asked for, 1 with the reason where something failed."""
    options = _parser().parse_args(arguments)
    console = Console(highlight=False)
    try:
        if options.command == "up":
            _up(console, options)
        else:
            _tables(console)
    except KeyboardInterrupt:
        console.print("\nStopped.", style="bold")
    except StackError as error:
        Console(stderr=True, highlight=False).print(str(error), style="red", markup=False, soft_wrap=True)
        return 1
    return 0


def _up(console: Console, options: argparse.Namespace) -> None:
    # A closed terminal and a polite kill stop the stack as Ctrl-C does; and Ctrl-C does so also where a shell has
    # started this in the background, with the signal switched off.
    for ending in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ending, signal.default_int_handler)
    parent = os.getppid()
    fleet = None if options.no_simulator else SimulatedFleet(options.chargers, options.rate, options.lose)
    console.print("Starting ...")
    with Stack(ports_may_move=False, keeps_tables=True, fleet=fleet) as stack:
        stack.check_health()
        view.welcome(stack, console)
        for warning in view.warnings(stack):
            console.print(f"Note: {warning}", style="yellow", soft_wrap=True)
        tail = view.LogTail(console)
        while not (options.stop_with_parent and os.getppid() != parent):
            tail.show(stack.running)
            stack.check()
            time.sleep(_LOOK_SECONDS)


def _tables(console: Console) -> None:
    azurite = azurite_connection({TABLE_PORT: wanted_port(TABLE_PORT, os.environ)})
    rows = count_rows(os.environ.get("EventStorage") or azurite)  # noqa: SIM112  # the app's name for it
    for table, count in rows.items():
        console.print(f"{count:>9,}  {table}")
    if not rows:
        console.print("There are no tables yet.")


def _parser() -> argparse.ArgumentParser:
    fleet = SimulatedFleet()
    parser = argparse.ArgumentParser(prog="python -m local.stack", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    up = commands.add_parser("up", help="run everything until Ctrl-C")
    up.add_argument("--chargers", type=int, default=fleet.chargers, help="simulated chargers (default: %(default)s)")
    up.add_argument(
        "--rate", type=float, default=fleet.messages_per_second, help="their messages a second (default: %(default)s)"
    )
    up.add_argument(
        "--lose",
        type=float,
        default=fleet.lost_share,
        help="share of them that is lost on the way (default: %(default)s)",
    )
    up.add_argument("--no-simulator", action="store_true", help="push nothing")
    up.add_argument("--stop-with-parent", action="store_true", help="stop when the process that started this one ends")
    commands.add_parser("tables", help="show how many rows each table has")
    return parser


if __name__ == "__main__":
    sys.exit(main())
