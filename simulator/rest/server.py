"""Serves the platform's REST APIs on loopback, with the faults that are ordered."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web

from simulator.rest import routes_v1, routes_v2
from simulator.rest.asking import BadRequest
from simulator.rest.faults import ABOUT_PAGES, Fault, FaultKind, Faults
from simulator.rest.routes_v1 import RoutesV1
from simulator.rest.routes_v2 import PAGE_FAULT, RoutesV2
from simulator.rest.world import World

LOOPBACK = "127.0.0.1"
DEFAULT_PORT = 7072
ORDERS = "/simulator/faults"

_STATUS = {
    FaultKind.UNAUTHORIZED: 401,
    FaultKind.FORBIDDEN: 403,
    FaultKind.NOT_FOUND: 404,
    FaultKind.RATE_LIMITED: 429,
}
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Call:
    """A request that was answered; the path is without its query, which holds v1's key."""

    method: str
    path: str
    status: int


@dataclass(slots=True)
class RestServer:
    """A server while it runs: where it is, what it was asked, and what it gets wrong."""

    world: World
    port: int
    faults: Faults
    latency_seconds: float = 0.0
    calls: list[Call] = field(default_factory=list)
    stopping: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def url(self) -> str:
        """Without a slash at its end."""
        return f"http://{LOOPBACK}:{self.port}"

    def base_url(self, version: str) -> str:
        """What EMABLER_BASE_URL has to be for a version of the API."""
        return self.url + (routes_v1.BASE if version == "v1" else routes_v2.BASE)


@asynccontextmanager
async def serve_rest(
    world: World,
    port: int = 0,
    *,
    faults: Faults | None = None,
    latency_seconds: float = 0.0,
    v1_window: str = "end",
) -> AsyncIterator[RestServer]:
    """Serve a world for as long as the block lasts; port 0 is any free one."""
    server = RestServer(world, port, faults or Faults(), latency_seconds)
    application = web.Application(middlewares=[_answering(server)])
    application.add_routes([*RoutesV1(world, v1_window).routes(), *RoutesV2(world).routes()])
    application.add_routes([web.put(ORDERS, _order(server)), web.delete(ORDERS, _clear(server))])
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, LOOPBACK, port)
        await site.start()
        server.port = int(runner.addresses[0][1])
        yield server
    finally:
        server.stopping.set()
        await runner.cleanup()


def _answering(server: RestServer) -> Callable[..., Awaitable[web.StreamResponse]]:
    @web.middleware
    async def answer(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path == ORDERS:
            return await handler(request)
        server.world.catch_up()
        if server.latency_seconds:
            await asyncio.sleep(server.latency_seconds)
        try:
            response = await _response(server, request, handler)
        except BadRequest as error:
            response = _bad_request(request, str(error))
        except web.HTTPException as error:  # a path that is none
            server.calls.append(Call(request.method, request.path, error.status))
            raise
        server.calls.append(Call(request.method, request.path, response.status))
        return response

    return answer


async def _response(server: RestServer, request: web.Request, handler: Handler) -> web.StreamResponse:
    fault = server.faults.next_for(request.path)
    if fault is not None and fault.kind in ABOUT_PAGES:
        request[PAGE_FAULT] = fault.kind
    elif fault is not None and (early := await _failed(server, fault)) is not None:
        return early
    knows_key = routes_v2.is_known if request.path.startswith(routes_v2.BASE) else routes_v1.is_known
    if not knows_key(request):
        return web.Response(status=401)
    response = await handler(request)
    if fault is not None and isinstance(response, web.Response) and isinstance(response.body, bytes):
        if fault.kind is FaultKind.TRUNCATED:
            return web.Response(body=response.body[: len(response.body) // 2], content_type="application/json")
        if fault.kind is FaultKind.CUT_CONNECTION:
            return await _cut(request, response.body)
    return response


def _bad_request(request: web.Request, text: str) -> web.Response:
    if request.path.startswith(routes_v2.BASE):
        return web.json_response({"title": "Bad Request", "status": 400, "detail": text}, status=400)
    return web.Response(status=400, text=text)


async def _failed(server: RestServer, fault: Fault) -> web.StreamResponse | None:
    """What is answered instead of the answer; None where the answer is needed first."""
    status = fault.status if fault.kind is FaultKind.SERVER_ERROR else _STATUS.get(fault.kind)
    if status is not None:
        headers = {"Retry-After": fault.retry_after} if fault.retry_after is not None else {}
        return web.Response(status=status, headers=headers)
    if fault.kind is FaultKind.REDIRECT:
        return web.Response(status=302, headers={"Location": "http://127.0.0.1:9/elsewhere"})
    if fault.kind is FaultKind.HTML:
        return web.Response(text="<html><body>We are improving our service.</body></html>", content_type="text/html")
    if fault.kind is FaultKind.HANG:
        await server.stopping.wait()
        return web.Response(status=503)
    return None


async def _cut(request: web.Request, body: bytes) -> web.StreamResponse:
    """Half of the body of a length that was promised, and then nothing."""
    response = web.StreamResponse(headers={"Content-Type": "application/json", "Content-Length": str(len(body))})
    await response.prepare(request)
    await response.write(body[: len(body) // 2])
    if request.transport is not None:
        request.transport.close()
    return response


def _order(server: RestServer) -> Handler:
    async def order(request: web.Request) -> web.Response:
        try:
            faults = [Fault.of(written) for written in await request.json()]
        except (ValueError, TypeError, KeyError) as error:
            return web.json_response({"error": f"{type(error).__name__}: {error}"}, status=400)
        server.faults.order(*faults)
        return web.json_response({"ordered": len(faults)})

    return order


def _clear(server: RestServer) -> Handler:
    async def clear(_: web.Request) -> web.Response:
        server.faults.clear()
        return web.json_response({"ordered": 0})

    return clear
