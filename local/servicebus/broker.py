"""The stand-in in a thread of its own, for tests in the same process."""

import asyncio
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self, TypeVar

from local.servicebus.engine.queue import DEAD_LETTER_SUFFIX, Queue, QueueCounts
from local.servicebus.engine.settings import Topology
from local.servicebus.server import EMULATOR_KEYS, Server

_START_LIMIT_SECONDS = 10.0
_CALL_LIMIT_SECONDS = 5.0

_Result = TypeVar("_Result")


class Broker:
    """A broker while its `with` block lasts, on a free port unless one is given.

    Every method may be called from any thread.
    """

    def __init__(self, topology: Topology, host: str = "127.0.0.1", port: int = 0) -> None:
        """Prepare a broker with these entities."""
        self._topology = topology
        self._host = host
        self._port = port
        self._loop = asyncio.new_event_loop()
        self._server = Server(topology)
        self._thread = threading.Thread(target=self._loop.run_forever, name="servicebus-stand-in", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        starting = asyncio.run_coroutine_threadsafe(self._server.start(self._host, self._port), self._loop)
        try:
            self._port = starting.result(_START_LIMIT_SECONDS)
        except BaseException:
            self._end_loop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        asyncio.run_coroutine_threadsafe(self._server.close(), self._loop).result(_CALL_LIMIT_SECONDS)
        self._end_loop()

    @property
    def port(self) -> int:
        """The port the broker listens on, once it has started."""
        return self._port

    @property
    def connection_string(self) -> str:
        """What a client connects with: the official emulator's, with this broker's port."""
        name, key = next(iter(EMULATOR_KEYS.items()))
        return (
            f"Endpoint=sb://{self._host}:{self._port};SharedAccessKeyName={name};SharedAccessKey={key};"
            "UseDevelopmentEmulator=true;"
        )

    def counts(self, path: str) -> QueueCounts:
        """Count a queue's messages by state; a subscription's path is `topic/Subscriptions/name`."""
        return self._call(lambda: self._queue(path).counts())

    def queue_depth(self, path: str) -> int:
        """Return how many messages a queue holds, in any state; its dead letters are not among them."""
        counts = self.counts(path)
        return counts.active + counts.deferred + counts.scheduled

    def dead_letter_depth(self, path: str) -> int:
        """Return how many dead letters a queue has."""
        return self.queue_depth(path + DEAD_LETTER_SUFFIX)

    def drop_connections(self) -> None:
        """Cut every connection without a word, as a failing network does."""
        self._call(self._server.drop_connections)

    def _queue(self, path: str) -> Queue:
        return self._server.namespace.queue(path)

    def _call(self, function: Callable[[], _Result]) -> _Result:
        async def on_the_loop() -> _Result:
            return function()

        return asyncio.run_coroutine_threadsafe(on_the_loop(), self._loop).result(_CALL_LIMIT_SECONDS)

    def _end_loop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_CALL_LIMIT_SECONDS)
        self._loop.close()
