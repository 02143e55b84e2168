"""The timer trigger: NCRONTAB schedules in UTC, a run at start where asked for, and a way to fire one now."""

import asyncio
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from croniter import CroniterError, croniter

from local.functions_host.configuration import resolve_references
from local.functions_host.errors import HostError
from local.functions_host.pauses import pause
from local.functions_host.protocol import TypedData
from local.functions_host.worker import IndexedFunction, Invoke


class Schedule:
    """An NCRONTAB expression: six fields with the seconds first, or five without seconds.

    Source: https://learn.microsoft.com/azure/azure-functions/functions-bindings-timer#ncrontab-expressions.
    Raises HostError for anything else, and for a schedule that never fires.
    """

    def __init__(self, expression: str) -> None:
        self.expression = expression
        has_seconds = len(expression.split()) == 6  # noqa: PLR2004  # the number of fields in the standard
        self._fields = expression if has_seconds else f"0 {expression}"
        try:
            self.next_after(datetime.now(UTC))
        except CroniterError:
            hint = 'write "second minute hour day month weekday"'
            raise HostError(f'"{expression}" is no NCRONTAB schedule that ever fires: {hint}.') from None

    def next_after(self, instant: datetime) -> datetime:
        """The first time of the schedule after the given one."""
        # NCRONTAB wants day and weekday both to match, where Unix cron is content with one of them.
        times = croniter(self._fields, instant, ret_type=datetime, second_at_beginning=True, day_or=False)
        next_time: datetime = times.get_next()
        return next_time


def schedule_of(trigger: Mapping[str, Any], environment: Mapping[str, str]) -> Schedule:
    """The schedule of a timerTrigger binding with its `%SETTING%` resolved; raises HostError."""
    return Schedule(resolve_references(str(trigger["schedule"]), environment))


def encode_timer(last: datetime | None, next_time: datetime) -> TypedData:
    """The timer's data as the real host sends it; `last` is None before the first run."""
    never = "0001-01-01T00:00:00"
    last_text = last.isoformat() if last else never
    status = {"Last": last_text, "Next": next_time.isoformat(), "LastUpdated": last_text}
    return TypedData(
        json=json.dumps({"Schedule": {"AdjustForDST": True}, "ScheduleStatus": status, "IsPastDue": False})
    )


class Timer:
    """Runs one function by its schedule. As in Azure, a run that is due while another one runs is left out."""

    def __init__(self, function: IndexedFunction, schedule: Schedule, invoke: Invoke) -> None:
        self.function = function
        self._schedule = schedule
        self._invoke = invoke
        self._last: datetime | None = None

    async def run(self, stopping: asyncio.Event) -> None:
        """Fire at each time of the schedule, and at once where the trigger says run_on_startup, until the stop."""
        if self.function.trigger.get("runOnStartup"):
            await self.fire()
        while not stopping.is_set():
            now = datetime.now(UTC)
            due = self._schedule.next_after(now)
            await pause(stopping, (due - now).total_seconds())
            # The loop's clock may wake a little before the wall clock's time: wait the rest instead of firing twice.
            if not stopping.is_set() and datetime.now(UTC) >= due:
                await self.fire()

    async def fire(self) -> None:
        """Run the function now and wait for its end."""
        now = datetime.now(UTC)
        await self._invoke(self.function, encode_timer(self._last, self._schedule.next_after(now)), {})
        self._last = now
