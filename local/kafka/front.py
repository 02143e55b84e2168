"""A door at a fixed port to a broker that takes whatever port is free.

The mock cluster cannot be told where to listen, and whoever is given its address has it before the cluster starts.
Clients only begin at the door: what they ask first is who the brokers are, and then they connect to those directly.
"""

import asyncio
from contextlib import suppress

_CHUNK_BYTES = 65_536


class Door:
    """Passes every connection on, both ways, to the address behind it."""

    def __init__(self, behind: str) -> None:
        self._host, _, port = behind.rpartition(":")
        self._port = int(port)
        self._connections: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    async def open(self, address: str, port: int) -> int:
        """Listen; returns the port, which is a free one for port 0. Raises OSError where it is taken."""
        self._server = await asyncio.start_server(self._enter, address, port)
        bound_port: int = self._server.sockets[0].getsockname()[1]
        return bound_port

    async def close(self) -> None:
        """Take no more connections and end those that are open."""
        if self._server is not None:
            self._server.close()
        for connection in self._connections:
            connection.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    def _enter(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = asyncio.create_task(self._pass_on(reader, writer))
        self._connections.add(connection)
        connection.add_done_callback(self._connections.discard)

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Until either side ends it."""
        with suppress(OSError):
            try:
                behind_reader, behind_writer = await asyncio.open_connection(self._host, self._port)
                try:
                    ways = [
                        asyncio.create_task(_copy(reader, behind_writer)),
                        asyncio.create_task(_copy(behind_reader, writer)),
                    ]
                    await _until_the_first_ends(ways)
                finally:
                    behind_writer.close()
            finally:
                writer.close()


async def _until_the_first_ends(ways: list[asyncio.Task[None]]) -> None:
    try:
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for way in ways:
            way.cancel()
        await asyncio.gather(*ways, return_exceptions=True)


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while chunk := await reader.read(_CHUNK_BYTES):
        writer.write(chunk)
        await writer.drain()
