"""The stack that is soaked, and what goes on beside its load."""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Coroutine, Iterable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from itertools import cycle, islice
from typing import Final

from azure.servicebus.aio import ServiceBusClient, ServiceBusSender

from bench.soak_load import Life
from bench.soak_progress import Progress, follow
from bench.soak_watch import HostWatch
from bench.storing import SHARDS
from bench.tap_world import CHARGER_IDS, TOKEN, tag_ids, write_tap_world
from local.stack import Stack
from local.stack.services import REPOSITORY
from shared.deadlines import Deadline
from shared.instants import Instant
from shared.retention import drop_expired_tables
from shared.tables.client import AzureTables
from shared.tables.keys import CHARGER_STATUS, escape, shard

RUN_FOLDER: Final = REPOSITORY / ".run" / "soak"
"""The logs are left there, for who wants to know why a bound was missed."""
TAGS: Final = 500
MONTHS_KEPT: Final = 2

_READ_SECONDS: Final = 0.05
_DROP_SECONDS: Final = 5.0
_REQUEST_SECONDS: Final = 30.0
_ELSEWHERE: Final = ("EventStorage", "ServiceBusConnection", "EMABLER_", "PUSH_EVENTS_QUEUE")
"""How settings begin that would lead a soak to somebody's own account."""
_NOWHERE: Final = ("EMABLER_API_KEY", "APPLICATIONINSIGHTS_CONNECTION_STRING", "OTEL_EXPORTER_OTLP_ENDPOINT")
"""Settings that are set to nothing, because local.settings.json may name them, too."""


@dataclass(slots=True)
class Stage:
    """A running stack, what is sent to it, and what is known of it."""

    url: str
    sender: ServiceBusSender
    tables: AzureTables
    watch: HostWatch
    life: Life = field(default_factory=Life)
    progress: Progress = field(default_factory=Progress)
    _next_tags: Iterator[str] = field(default_factory=lambda: cycle(tag_ids(TAGS)))

    def tags(self, count: int) -> Iterable[str]:
        """The next tags to be tapped, all in turn."""
        return islice(self._next_tags, count)


@asynccontextmanager
async def staged() -> AsyncIterator[Stage]:
    """Azurite, the stand-in for Service Bus and the app, with tags that may charge."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(_ELSEWHERE)}
    environment |= {"FUNCTIONS_HOST": "embedded", "REALTIME_AUTH_TOKENS": TOKEN, **dict.fromkeys(_NOWHERE, "")}
    async with AsyncExitStack() as opened:
        stack = opened.enter_context(Stack(run_folder=RUN_FOLDER, environment=environment))
        await write_tap_world(stack.event_storage, tag_ids(TAGS))
        tables = AzureTables.from_connection_string(stack.event_storage)
        opened.push_async_callback(tables.close)
        queues = await opened.enter_async_context(ServiceBusClient.from_connection_string(stack.service_bus_connection))
        sender = await opened.enter_async_context(queues.get_queue_sender(stack.queue))
        stage = Stage(stack.functions_url, sender, tables, HostWatch(stack))
        await opened.enter_async_context(beside(follow(stage.watch.log, stage.progress)))
        yield stage


@asynccontextmanager
async def beside(*work: Coroutine[None, None, None]) -> AsyncIterator[None]:
    """Do work without an end for as long as the block lasts. Raises what the work raised, once the block has ended."""
    tasks = [asyncio.create_task(each) for each in work]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        for ended in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(ended, Exception):
                raise ended


async def read_one_row(stage: Stage, seconds_each: list[float]) -> None:
    """Read a row of the table with the current state again and again, and note how long each time took."""
    charger_id = CHARGER_IDS[0]
    place = (CHARGER_STATUS, shard(charger_id, SHARDS), f"{escape(charger_id)}!charger")
    while True:
        begun_at_seconds = time.perf_counter()
        await stage.tables.get(*place, Deadline.after(_REQUEST_SECONDS))
        seconds_each.append(time.perf_counter() - begun_at_seconds)
        await asyncio.sleep(_READ_SECONDS)


async def drop_months_over(stage: Stage) -> None:
    """Drop the tables of months that the fleet has left behind, as the app itself would have in years."""
    while True:
        await drop_expired_tables(stage.tables, Instant.from_datetime(stage.life.now), MONTHS_KEPT)
        await asyncio.sleep(_DROP_SECONDS)
