"""HTTP requests over connections that stay open, timed one by one, by a client that costs next to nothing itself.

Two ways to ask. `one_after_the_other` keeps so many requests on the way all the time, which gives rates. `at_rate`
asks at moments that are set beforehand and counts from them, as drivers do: they do not wait with their tap until
the server has time, so a server that is held up makes all of them wait who come meanwhile.
"""

import asyncio
import math
import re
import time
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final, Self
from urllib.parse import urlsplit

_BODY_LENGTH: Final = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_SUCCESS: Final = b"HTTP/1.1 200 "


@dataclass(frozen=True, slots=True)
class Latencies:
    """How long each answer took, in milliseconds, in rising order; and all of them together, in seconds."""

    milliseconds: Sequence[float]
    seconds: float

    @classmethod
    def of(cls, seconds_each: Iterable[float], seconds: float) -> Self:
        """From single times in seconds."""
        return cls(sorted(1000 * each for each in seconds_each), seconds)

    def percentile(self, percent: float) -> float:
        """The time, in milliseconds, within which that part of the answers came (nearest rank)."""
        return self.milliseconds[math.ceil(len(self.milliseconds) * percent / 100) - 1]

    @property
    def answers_a_second(self) -> float:
        """The rate."""
        return len(self.milliseconds) / self.seconds


@dataclass(frozen=True, slots=True)
class Call:
    """A request as it travels, and the one body that answers it rightly."""

    request: bytes
    answer: bytes

    @classmethod
    def post(cls, url: str, body: bytes, answer: bytes, authorization: str = "") -> Self:
        """A POST of JSON."""
        parts = urlsplit(url)
        target = f"{parts.path}?{parts.query}" if parts.query else parts.path
        head = (
            f"POST {target} HTTP/1.1\r\nHost: {parts.netloc}\r\nAuthorization: {authorization}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        return cls(head.encode() + body, answer)


class Connection:
    """One open connection; asks one thing at a time."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def ask(self, call: Call) -> None:
        """Send the request and take the answer. Raises RuntimeError where it is not the right one."""
        self._writer.write(call.request)
        head = await self._reader.readuntil(b"\r\n\r\n")
        length = _BODY_LENGTH.search(head)
        body = await self._reader.readexactly(int(length[1])) if length else b""
        if not head.startswith(_SUCCESS) or body != call.answer:
            raise RuntimeError(f"wanted {call.answer!r}, got {head.splitlines()[0]!r} {body!r}")

    async def close(self) -> None:
        """End it."""
        self._writer.close()
        await self._writer.wait_closed()


@asynccontextmanager
async def connections_to(url: str, count: int) -> AsyncIterator[list[Connection]]:
    """So many open connections to the URL's host."""
    parts = urlsplit(url)
    opened = [Connection(*await asyncio.open_connection(parts.hostname, parts.port)) for _ in range(count)]
    try:
        yield opened
    finally:
        for connection in opened:
            await connection.close()


async def one_after_the_other(connections: Sequence[Connection], calls: Iterable[Call]) -> Latencies:
    """Make the calls, one at a time on each connection."""
    waiting = iter(calls)
    seconds_each: list[float] = []

    async def work(connection: Connection) -> None:
        for call in waiting:
            asked_at_seconds = time.perf_counter()
            await connection.ask(call)
            seconds_each.append(time.perf_counter() - asked_at_seconds)

    begun_at_seconds = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for connection in connections:
            group.create_task(work(connection))
    return Latencies.of(seconds_each, time.perf_counter() - begun_at_seconds)


async def at_rate(connections: Sequence[Connection], calls: Iterable[Call], calls_a_second: float) -> Latencies:
    """Make the calls at even distances; each one's time begins when it is due, also where no connection is free."""
    free: asyncio.Queue[Connection] = asyncio.Queue()
    for connection in connections:
        free.put_nowait(connection)
    seconds_each: list[float] = []

    async def work(call: Call, due_at_seconds: float) -> None:
        connection = await free.get()
        await connection.ask(call)
        seconds_each.append(time.perf_counter() - due_at_seconds)
        free.put_nowait(connection)

    begun_at_seconds = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for number, call in enumerate(calls):
            due_at_seconds = begun_at_seconds + number / calls_a_second
            await asyncio.sleep(due_at_seconds - time.perf_counter())
            group.create_task(work(call, due_at_seconds))
    return Latencies.of(seconds_each, time.perf_counter() - begun_at_seconds)
