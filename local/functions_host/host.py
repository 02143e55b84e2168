"""The host as a whole: an app's functions, each with its trigger running."""

import asyncio
import logging
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import azure_functions_runtime as runtime
from aiohttp import web

from local.functions_host.configuration import HostOptions, read_host_json
from local.functions_host.errors import HostError
from local.functions_host.http_front import HttpFront
from local.functions_host.routes import Route, route_of
from local.functions_host.servicebus_trigger import ServiceBusListener, source_of
from local.functions_host.timers import Timer, schedule_of
from local.functions_host.worker import IndexedFunction, app_importable, invoke, load_app

if TYPE_CHECKING:
    from local.functions_host.kafka_trigger import KafkaListener

_log = logging.getLogger(__name__)

# How long a stop waits for what is running, so that Ctrl-C ends the host also when storage hangs.
STOP_GRACE_SECONDS = 10.0


@dataclass(frozen=True)
class RunningHost:
    """A host that serves: where it listens, and a line for each function with what starts it."""

    url: str
    triggers: tuple[str, ...]


class Listener(Protocol):
    """What feeds a function with messages."""

    async def run(self, stopping: asyncio.Event) -> None:
        """Receive and invoke until `stopping` is set."""


class _Triggers:
    """Everything that starts the app's functions, made from their bindings."""

    def __init__(self) -> None:
        self.routes: list[Route] = []
        self.timers: list[Timer] = []
        self.listeners: dict[str, Listener] = {}
        """By their functions' names."""
        self.descriptions: list[str] = []

    def add(self, function: IndexedFunction, options: HostOptions) -> None:
        """Make the trigger of a function; raises HostError where its binding cannot be served."""
        try:
            described = self._add(function, options)
        except HostError as error:
            raise HostError(f"{function.name}: {error}") from None
        self.descriptions.append(f"{function.name}: {function.trigger['type']} {described}")

    def _add(self, function: IndexedFunction, options: HostOptions) -> str:
        """Make the trigger; returns what will start the function."""
        trigger = function.trigger
        match trigger["type"]:
            case "httpTrigger":
                route = route_of(function, options.route_prefix)
                self.routes.append(route)
                return f"{','.join(sorted(route.methods)) or 'any method'} {route.path}"
            case "timerTrigger":
                schedule = schedule_of(trigger, os.environ)
                self.timers.append(Timer(function, schedule, invoke))
                return schedule.expression
            case "serviceBusTrigger":
                source = source_of(trigger, os.environ)
                self.listeners[function.name] = ServiceBusListener(function, source, options, invoke)
                return f"{source} ({'batches' if source.is_batched else 'single messages'})"
            case "kafkaTrigger":
                listener = _kafka_listener(function, options)
                self.listeners[function.name] = listener
                return f"{listener.source} (batches)"
            case unknown:
                raise HostError(f"This host has no {unknown}: use Core Tools for this app.")

    def run(self, stopping: asyncio.Event) -> list[asyncio.Task[None]]:
        """Start all that runs by itself, until `stopping` is set; what ends before is told in the log."""
        timers = {timer.function.name: timer for timer in self.timers}
        return [
            _watched(asyncio.create_task(trigger.run(stopping)), name, stopping)
            for name, trigger in (self.listeners | timers).items()
        ]


def _kafka_listener(function: IndexedFunction, options: HostOptions) -> "KafkaListener":
    # Here, because what is deployed has no Kafka client, and this host also runs what is packed with nothing beside it.
    from local.functions_host.kafka_source import source_of as kafka_source_of  # noqa: PLC0415
    from local.functions_host.kafka_trigger import KafkaListener  # noqa: PLC0415

    return KafkaListener(function, kafka_source_of(function.trigger, os.environ), options.kafka, invoke)


@asynccontextmanager
async def running_host(app_folder: Path, address: str, port: int) -> AsyncIterator[RunningHost]:
    """Run the app in a folder until the block ends; then stop receiving, and let what is running end.

    Port 0 takes a free one. Raises HostError (IndexingError for a broken import) when the app cannot be started, and
    for a port in use.
    """
    options = read_host_json(app_folder)
    triggers = _Triggers()
    with app_importable(app_folder), _threads_for_functions():
        for function in await load_app(app_folder):
            triggers.add(function, options)
        front = HttpFront(triggers.routes, triggers.timers, invoke)
        async with _served(front.application(), address, port) as url:
            stopping = asyncio.Event()
            running = triggers.run(stopping)
            try:
                yield RunningHost(url, tuple(triggers.descriptions))
            finally:
                stopping.set()
                await _finish([*running, asyncio.create_task(front.finish())])


def _watched(trigger: asyncio.Task[None], function_name: str, stopping: asyncio.Event) -> asyncio.Task[None]:
    """Have it told when a trigger ends that nobody has stopped: else its function would stand still without a word."""

    def tell(ended: asyncio.Task[None]) -> None:
        if not stopping.is_set() and not ended.cancelled():
            _log.error(
                "%s: the trigger has ended, nothing starts this function until the host is started again",
                function_name,
                exc_info=ended.exception(),
            )

    trigger.add_done_callback(tell)
    return trigger


async def _finish(running: list[asyncio.Task[None]]) -> None:
    """Let the triggers end what they have begun, but no longer than the grace."""
    _, late = await asyncio.wait(running, timeout=STOP_GRACE_SECONDS)
    if late:
        _log.warning("What still ran %.0f s after the stop is given up.", STOP_GRACE_SECONDS)
        for task in late:
            task.cancel()
        await asyncio.wait(late, timeout=STOP_GRACE_SECONDS)


@contextmanager
def _threads_for_functions() -> Iterator[None]:
    """The runtime library's threads, in which functions that are no coroutines run."""
    runtime.start_threadpool_executor()
    try:
        yield
    finally:
        # The library's own way to stop waits for ever for a function that never returns.
        runtime.get_threadpool_executor().shutdown(wait=False, cancel_futures=True)


@asynccontextmanager
async def _served(application: web.Application, address: str, port: int) -> AsyncIterator[str]:
    """Serve the application at an address; yields its URL, with the port that was taken for port 0."""
    # aiohttp waits this long twice: for requests to end, then for their connections to close.
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=STOP_GRACE_SECONDS / 2)
    await runner.setup()
    try:
        await web.TCPSite(runner, address, port).start()
    except OSError as error:
        await runner.cleanup()
        raise HostError(f"Port {port} cannot be used: {error.strerror}. Give another --port.") from None
    try:
        bound_port = runner.addresses[0][1]
        yield f"http://{address}:{bound_port}"
    finally:
        await runner.cleanup()
