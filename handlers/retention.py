"""Timer: drops the month tables that are older than the operator wants to keep."""

import asyncio

import azure.functions as func

from shared import exporting, services
from shared.instants import Instant
from shared.retention import drop_expired_tables
from shared.settings import settings

blueprint = func.Blueprint()  # type: ignore[no-untyped-call]


@blueprint.function_name("drop_expired_tables")
@blueprint.timer_trigger(arg_name="timer", schedule="0 30 3 * * *")
async def run_retention(timer: func.TimerRequest) -> None:
    """Every night at 03:30 UTC."""
    del timer  # late or not, the work is the same
    await drop_expired_tables(services.tables(), Instant.now(), settings().event_retention_months)
    await asyncio.to_thread(exporting.flush)
