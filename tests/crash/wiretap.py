"""A relay between a worker and one of its servers, through which a test sees every piece of traffic as it passes."""

import asyncio
from collections.abc import Callable
from contextlib import closing, suppress
from typing import Self

from local.stack.ports import LOOPBACK

_MOST_BYTES = 64 * 1024

Watch = Callable[[bytes, bool], bool]
"""Is given each piece, and whether the worker sent it; says whether it is passed on."""


def pass_on_everything(_piece: bytes, _is_sent_by_worker: bool) -> bool:  # noqa: FBT001  # see Watch
    """The watch of who is not interested."""
    return True


class Wiretap:
    """Listens on a free port while its block lasts, and passes everything on to a server's port and back.

    `watch` is called before a piece is passed on, so it can end the worker at exactly this point of the conversation.
    """

    def __init__(self, server_port: int) -> None:
        self.watch: Watch = pass_on_everything
        self._server_port = server_port
        self._relays: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        """Begin to listen."""
        self._listener = await asyncio.start_server(self._accept, LOOPBACK, 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        """Cut every connection."""
        self._listener.close()
        for relay in self._relays:
            relay.cancel()
        await asyncio.gather(*self._relays, return_exceptions=True)

    @property
    def port(self) -> int:
        """Where the worker has to connect to."""
        return int(self._listener.sockets[0].getsockname()[1])

    async def _accept(self, from_worker: asyncio.StreamReader, to_worker: asyncio.StreamWriter) -> None:
        relay = asyncio.create_task(self._relay(from_worker, to_worker))
        self._relays.add(relay)
        relay.add_done_callback(self._relays.discard)

    async def _relay(self, from_worker: asyncio.StreamReader, to_worker: asyncio.StreamWriter) -> None:
        """Both directions of one connection; where one side ends it, it ends for the other, too."""
        with closing(to_worker):
            try:
                from_server, to_server = await asyncio.open_connection(LOOPBACK, self._server_port)
            except OSError:
                return  # the server is down, and the worker finds its connection closed
            with closing(to_server):
                directions = {
                    asyncio.create_task(self._pass_on(from_worker, to_server, is_sent_by_worker=True)),
                    asyncio.create_task(self._pass_on(from_server, to_worker, is_sent_by_worker=False)),
                }
                try:
                    await asyncio.wait(directions, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    for direction in directions:
                        direction.cancel()
                    await asyncio.gather(*directions, return_exceptions=True)

    async def _pass_on(
        self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, *, is_sent_by_worker: bool
    ) -> None:
        with suppress(ConnectionError):  # a worker that was killed has no goodbye
            while piece := await source.read(_MOST_BYTES):
                if self.watch(piece, is_sent_by_worker):
                    sink.write(piece)
                    await sink.drain()
