"""The demo's HTTP part: a list of tags, a tap of each kind of driver, and an event that comes by webhook once more."""

import asyncio
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from local.demo.errors import DemoFailed
from local.demo.queue import QueueWatch
from local.demo.stored import Stored
from local.demo.waiting import wait_until
from local.stack import Stack
from simulator.http import Answered, deliver_all, tap_all
from simulator.tags import Driver, Standing, drivers, write_tag_list

CHARGER_ID = "SIM-00000"
"""The charger that everybody taps at; the fleet has it."""

_COMMAND = Path(sys.executable).parent / "emabler"


@dataclass(frozen=True)
class OverHttp:
    """What was asked and delivered over HTTP, and what the app answered."""

    tapped: list["Tapped"]
    delivered: bytes
    """An event that the queue had brought before."""
    answered: Answered


@dataclass(frozen=True)
class Tapped:
    """A driver's tap, and what the app answered."""

    driver: Driver
    answered: Answered


def tap_and_deliver(stack: Stack, body: bytes) -> OverHttp:
    """Tap, and deliver that event by webhook; returns when everything that follows from it is stored."""
    return OverHttp(tap(stack), body, deliver_again(stack, body))


def import_tags(stack: Stack) -> int:
    """Import the operator's list by the operator's command; returns its number of tags. Raises DemoFailed."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "tags.csv"
        tags = write_tag_list(path)
        done = subprocess.run(
            [str(_COMMAND), "tags", "import", str(path), "--yes"],
            env=stack.surroundings.process_environment,
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode != 0:
        raise DemoFailed(f"emabler tags import ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return tags


def tap(stack: Stack) -> list[Tapped]:
    """One tap of each kind of driver; returns when the record of them is stored, too."""
    one_of_each = {driver.standing: driver for driver in drivers()}
    tapping = [one_of_each[standing] for standing in Standing]
    url = f"{stack.functions_url}/api/realtime-auth"
    answers = asyncio.run(tap_all(url, stack.surroundings.token, [(CHARGER_ID, driver.id_tag) for driver in tapping]))
    wait_until(
        lambda: len(Stored.read(stack.event_storage).rows("AuthDecisions")) >= len(tapping), "the taps are recorded"
    )
    return [Tapped(driver, answered) for driver, answered in zip(tapping, answers, strict=True)]


def deliver_again(stack: Stack, body: bytes) -> Answered:
    """Deliver an event by webhook; returns when what it put on the queue is worked through."""
    url = f"{stack.functions_url}/api/push"
    (answered,) = asyncio.run(deliver_all(url, stack.surroundings.token, [body]))
    with QueueWatch(stack.service_bus_connection, stack.queue) as queue:
        wait_until(lambda: queue.waiting() == 0, "the queue is empty again")
    return answered
