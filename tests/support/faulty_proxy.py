"""A proxy on loopback in front of a real table service, which spoils one request in the way that a test orders."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import aiohttp
from aiohttp import web
from yarl import URL

from local.stack.ports import free_port
from tests.support.azurite import connection_string
from tests.support.faulty_tables import Fault
from tests.support.scripted_tables import error_json

SLOW_SECONDS = 0.05
"""A slow answer is one that comes within the client's limit; how long that is decides nothing here."""

_HEADERS_OF_ONE_HOP = {"connection", "content-length", "host", "keep-alive", "transfer-encoding"}
_CODES = {
    Fault.CONFLICT: "TableBeingDeleted",
    Fault.PRECONDITION: "ConditionNotMet",
    Fault.TOO_MANY: "TooManyRequests",
    Fault.INTERNAL: "InternalError",
    Fault.BUSY: "ServerBusy",
}


@dataclass
class FaultyProxy:
    """Hands requests on, one at a time, but for the next one where a `fault` is set. `on_fault` is called with it."""

    target: str
    port: int = field(default_factory=free_port)
    fault: Fault | None = None
    on_fault: Callable[[], None] = lambda: None
    asked: int = 0
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    _session: aiohttp.ClientSession | None = None

    @property
    def connection_string(self) -> str:
        """Leads a client here."""
        return connection_string(self.port)

    async def respond(self, request: web.Request) -> web.StreamResponse:
        """What the service answers, or the fault. What is late here is done before the next request is read."""
        body = await request.read()
        async with self._turn:
            self.asked += 1
            fault, self.fault = self.fault, None
            if fault is None:
                return await self._hand_on(request, body)
            self.on_fault()
            done = fault in {Fault.TIME_OUT_AFTER, Fault.SLOW}
            answer = await self._hand_on(request, body) if done else _refusal(fault)
        return await _spoiled(fault, request, answer)

    async def _hand_on(self, request: web.Request, body: bytes) -> web.Response:
        headers = {name: text for name, text in request.headers.items() if name.lower() not in _HEADERS_OF_ONE_HOP}
        url = URL(f"{self.target}{request.raw_path}", encoded=True)
        # What is empty is sent as nothing, because it would be given a Content-Type, which is part of what was signed.
        async with self._open_session().request(request.method, url, headers=headers, data=body or None) as answer:
            kept = {name: text for name, text in answer.headers.items() if name.lower() not in _HEADERS_OF_ONE_HOP}
            return web.Response(status=answer.status, body=await answer.read(), headers=kept)

    def _open_session(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(auto_decompress=False)
        return self._session

    async def close(self) -> None:
        """Give the connections to the service back."""
        if self._session is not None:
            await self._session.close()


@asynccontextmanager
async def faulty_proxy(target: str) -> AsyncIterator[FaultyProxy]:
    """Serve in front of `target`, the scheme, host and port of a table service, for as long as the block lasts."""
    proxy = FaultyProxy(target)
    application = web.Application(client_max_size=8 * 1024 * 1024)
    application.router.add_route("*", "/{path:.*}", proxy.respond)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", proxy.port).start()
        yield proxy
    finally:
        await runner.cleanup()
        await proxy.close()


def _refusal(fault: Fault) -> web.Response:
    if fault not in _CODES:
        return web.Response()
    headers = {"Retry-After": "0"} if fault is Fault.TOO_MANY else {}
    body = error_json(_CODES[fault], "The server says no.")
    return web.Response(status=int(fault), body=body, headers={"Content-Type": "application/json", **headers})


async def _spoiled(fault: Fault, request: web.Request, answer: web.Response) -> web.StreamResponse:
    waits: dict[Fault, Callable[[], Awaitable[object]]] = {
        Fault.TIME_OUT_BEFORE: asyncio.Event().wait,
        Fault.TIME_OUT_AFTER: asyncio.Event().wait,
        Fault.SLOW: lambda: asyncio.sleep(SLOW_SECONDS),
    }
    if fault in waits:
        await waits[fault]()
    if fault is Fault.RESET and request.transport is not None:
        request.transport.abort()
    return answer
