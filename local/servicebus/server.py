"""The listener: accepts connections and keeps time for all of them."""

import asyncio
import contextlib
import time
from collections.abc import Callable, Mapping

from local.servicebus.engine.namespace import Namespace
from local.servicebus.engine.settings import Topology
from local.servicebus.wire.connection import ClientConnection, Services
from local.servicebus.wire.deliverer import Deliverer

EMULATOR_KEYS = {"RootManageSharedAccessKey": "SAS_KEY_VALUE"}
"""The official emulator's public key, by name (emulator installer's README)."""

_TIMER_SECONDS = 0.02
_KEEP_ALIVE_SECONDS = 1.0
_CLOSE_LIMIT_SECONDS = 1.0


class Server:
    """Serves one namespace on one port; belongs to the event loop that started it."""

    def __init__(
        self,
        topology: Topology,
        keys: Mapping[str, str] | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Make an empty namespace; `keys` are the accepted shared access keys by name."""
        self._deliverer = Deliverer()
        self.namespace = Namespace(topology, clock, on_available=self._deliverer.mark)
        self._connections: set[ClientConnection] = set()
        self._services = Services(
            self.namespace, self._deliverer, keys or EMULATOR_KEYS, self._connections, after_input=self.deliver
        )
        self._listener: asyncio.Server | None = None
        self._timers: list[asyncio.Task[None]] = []

    async def start(self, host: str, port: int) -> int:
        """Listen, and return the port, which the system chooses for port 0. Raises OSError where it is taken."""
        loop = asyncio.get_running_loop()
        self._listener = await loop.create_server(lambda: ClientConnection(self._services), host, port)
        self._timers = [
            loop.create_task(_every(_TIMER_SECONDS, self._advance_time)),
            loop.create_task(_every(_KEEP_ALIVE_SECONDS, self._keep_alive)),
        ]
        listening_port: int = self._listener.sockets[0].getsockname()[1]
        return listening_port

    async def close(self) -> None:
        """Stop listening and say goodbye to every client."""
        for timer in self._timers:
            timer.cancel()
        await asyncio.gather(*self._timers, return_exceptions=True)
        if self._listener is not None:
            self._listener.close()
        for connection in list(self._connections):
            connection.close("The broker stops.")
        lost = [connection.lost.wait() for connection in self._connections]
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(asyncio.gather(*lost), _CLOSE_LIMIT_SECONDS)
        self.drop_connections()

    def deliver(self) -> None:
        """Hand out messages and send what is to be sent, on every connection."""
        self._deliverer.serve()
        for connection in self._connections:
            connection.flush()

    def drop_connections(self) -> None:
        """Cut every connection without a word, as a failing network does."""
        for connection in list(self._connections):
            connection.abort()

    def _advance_time(self) -> None:
        self.namespace.advance_time()
        self.deliver()

    def _keep_alive(self) -> None:
        for connection in self._connections:
            connection.keep_alive()
        self.deliver()


async def _every(period_seconds: float, action: Callable[[], None]) -> None:
    while True:
        await asyncio.sleep(period_seconds)
        action()
