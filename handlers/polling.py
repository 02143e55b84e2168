"""Timers: ask eMabler over REST what push should have told. Each does nothing where no API key is set.

A run that fails for good raises, so that Azure shows a failed invocation; the next run picks up where it stopped.
"""

import os

import azure.functions as func

from shared import services
from shared.instants import TICKS_PER_SECOND, Instant

blueprint = func.Blueprint()  # type: ignore[no-untyped-call]

_DAY_TICKS = 86_400 * TICKS_PER_SECOND
_NIGHTS_RECONCILED = 3
"""A day is reconciled in three nights: what a charger kept to itself for two days is found, too."""


def schedule(setting: str, default: str) -> str:
    """The schedule of a setting (six NCRONTAB fields, UTC), read when the functions are indexed."""
    return os.environ.get(setting, "").strip() or default


@blueprint.function_name("poll_chargers")
@blueprint.timer_trigger(arg_name="timer", schedule=schedule("POLL_CHARGERS_SCHEDULE", "20 */5 * * * *"))
async def poll_chargers(timer: func.TimerRequest) -> None:
    """What every charger and socket does now, and about which of them push is silent."""
    del timer  # late or not, the work is the same
    await services.poll(lambda poller: poller.chargers())


@blueprint.function_name("poll_statistics")
@blueprint.timer_trigger(arg_name="timer", schedule=schedule("POLL_STATISTICS_SCHEDULE", "40 */15 * * * *"))
async def poll_statistics(timer: func.TimerRequest) -> None:
    """v1's statistics, and the sessions that push should have told."""
    del timer
    await services.poll(lambda poller: poller.statistics_and_sessions())


@blueprint.function_name("reconcile")
@blueprint.timer_trigger(arg_name="timer", schedule=schedule("RECONCILE_SCHEDULE", "0 15 4 * * *"))
async def reconcile(timer: func.TimerRequest) -> None:
    """The sessions of the last days, as push and REST tell them: an account, and the repair."""
    del timer
    today = Instant.now() // _DAY_TICKS * _DAY_TICKS
    days = [Instant(today - number * _DAY_TICKS) for number in range(_NIGHTS_RECONCILED, 0, -1)]
    await services.poll(lambda poller: poller.reconcile(days, repairs=True))
