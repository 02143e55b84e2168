"""`python -m local.demo`: everything once, on this machine; 0 when every promise held, else 1 with what was found."""

import os
import sys
import time
from collections.abc import Mapping

from rich.console import Console

from local.demo import expectations, view
from local.demo.deliveries import CHARGERS, Plan, make_plan
from local.demo.errors import DemoFailed
from local.demo.expectations import Expectation, check_polling
from local.demo.http import OverHttp, import_tags, tap_and_deliver
from local.demo.polling import Polled, SimulatedRest, lost_session, poll_everything
from local.demo.queue import send_until_stored
from local.demo.stored import Stored
from local.stack import Stack, StackError
from local.stack.services import REPOSITORY

_RUN_FOLDER = REPOSITORY / ".run" / "demo"
_PATIENCE_SECONDS = 90.0
_INTERRUPTED = 130


def main() -> int:
    """Show everything; returns the exit code."""
    console = view.make_console()
    try:
        broken = run(console)
    except (StackError, DemoFailed) as error:
        console.print(str(error), style="red", markup=False)
        console.print(f"The services' logs are in {_RUN_FOLDER / 'logs'}.")
        return 1
    except KeyboardInterrupt:
        console.print("Stopped.")
        return _INTERRUPTED
    if broken:
        console.print(f"{len(broken)} of the promises did not hold.", style="bold red")
        console.print(view.failures(broken))
        console.print(f"The services' logs are in {_RUN_FOLDER / 'logs'}.")
        return 1
    return 0


def demo_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment without somebody's own storage account, namespace or Kafka.

    The demo's tables are gone when it ends, so it must never take messages that somebody needs. Microsoft's emulator
    is used where it is set.
    """
    somebodys = ("EventStorage", "EMABLER_", "KAFKA", "PUSH_EVENTS_TOPIC")
    kept = {name: value for name, value in environment.items() if not name.startswith(somebodys)}
    if "usedevelopmentemulator=true" not in environment.get("ServiceBusConnection", "").lower():
        kept = {name: value for name, value in kept.items() if not name.startswith("ServiceBusConnection")}
    # The documented messages are years old: the nightly timer must not drop their tables in the middle of the demo.
    return kept | {"EVENT_RETENTION_MONTHS": "0"}


def run(console: Console) -> list[Expectation]:
    """Start, send, show and stop; returns the expectations that do not hold."""
    started = time.monotonic()
    console.print("The bridge between eMabler and Azure, on this machine\n", style="bold")
    plan = make_plan()
    with (
        SimulatedRest(plan.lost_push) as rest,
        Stack(run_folder=_RUN_FOLDER, environment=demo_environment(os.environ) | rest.environment) as stack,
    ):
        stack.check_health()
        view.step(console, f"storage, Service Bus and functions run after {time.monotonic() - started:.1f} s")
        dead_letters = _send(console, stack, plan)
        over_http = _ask(console, stack, plan)
        polled = _poll(console, stack, plan, rest)
        stored = Stored.read(stack.event_storage)
    found = [
        *expectations.check(plan, stored, dead_letters),
        *expectations.check_http(over_http, stored),
        *check_polling(plan, polled, stored),
    ]
    show(console, plan, stored, over_http, polled, found)
    console.print(f"Everything is stopped again, after {time.monotonic() - started:.0f} s.", style="bold")
    return [expectation for expectation in found if not expectation.holds]


def _send(console: Console, stack: Stack, plan: Plan) -> int:
    """Returns the number of dead letters, when all messages are stored."""
    with console.status("sending ..."):
        seconds, dead_letters = send_until_stored(
            stack.service_bus_connection,
            stack.queue,
            plan.deliveries,
            patience_seconds=_PATIENCE_SECONDS,
            meanwhile=stack.check,
        )
    view.step(
        console, f"a day of {CHARGERS} simulated chargers and eMabler's {plan.documented} documented messages sent"
    )
    count = len(plan.deliveries)
    rate = count / seconds
    view.step(
        console, f"all {count:,} deliveries stored, from queue to tables in {seconds:.1f} s: {rate:,.0f} a second"
    )
    return dead_letters


def _ask(console: Console, stack: Stack, plan: Plan) -> OverHttp:
    """Import a list of tags, tap, and deliver an event by webhook that the queue has brought already."""
    tags = import_tags(stack)
    view.step(console, f"{tags} tags imported with `emabler tags import`")
    over_http = tap_and_deliver(stack, plan.documented_body)
    view.step(console, f"{len(over_http.tapped)} taps answered, and an event delivered by webhook once more")
    return over_http


def _poll(console: Console, stack: Stack, plan: Plan, rest: SimulatedRest) -> Polled:
    """Let the timers find the push that was lost on purpose."""
    polled = poll_everything(stack, plan.lost_push, rest)
    text = f"a push was lost on purpose; the timers asked eMabler's REST API {polled.calls} times, and found it"
    view.step(console, text)
    return polled


def show(
    console: Console, plan: Plan, stored: Stored, over_http: OverHttp, polled: Polled, found: list[Expectation]
) -> None:
    """Everything that is worth seeing of a run."""
    console.print()
    messages = view.messages_by_type(plan.events_by_type, len(plan.deliveries), stored)
    view.show(console, messages, view.rows_by_table(stored))
    view.show(console, view.session(_most_told(stored)))
    view.show(console, view.sockets(stored))
    view.show(console, view.taps(over_http, stored))
    view.show(console, view.lost_push(polled.before, lost_session(stored, plan.lost_push)))
    view.show(console, view.ledger(stored), view.health(polled.health))
    view.show(console, view.quarantine(stored))
    view.show(console, view.novelties(stored))
    view.show(console, view.promises(found))


def _most_told(stored: Stored) -> Mapping[str, object]:
    """The session with the most kinds of fragments."""
    return max(
        stored.rows("Transactions"),
        key=lambda row: (row["has_start"] + row["has_stop"] + row["has_full"], row["RowKey"]),
    )


if __name__ == "__main__":
    sys.exit(main())
