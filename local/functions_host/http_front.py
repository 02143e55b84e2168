"""The HTTP trigger over a real socket, and the admin route that fires a timer.

Encoding as in GrpcMessageConversionExtensions.cs of the functions host 4.x for a worker that announces RawHttpBodyBytes
and RpcHttpBodyOnly, as the Python one does. Keys are not asked for, as in Core Tools.
"""

import asyncio
from collections.abc import Mapping, Sequence
from types import SimpleNamespace

from aiohttp import web
from multidict import CIMultiDict

from local.functions_host.protocol import TypedData
from local.functions_host.routes import Route, by_precedence
from local.functions_host.timers import Timer
from local.functions_host.worker import Invoke

# The real host's default for FUNCTIONS_REQUEST_BODY_SIZE_LIMIT.
_LARGEST_BODY_BYTES = 104_857_600


class HttpFront:
    """Finds the function for a request, invokes it, and writes its answer; requests run concurrently."""

    def __init__(self, routes: Sequence[Route], timers: Sequence[Timer], invoke: Invoke) -> None:
        self._routes = by_precedence(routes)
        self._timers = {timer.function.name.lower(): timer for timer in timers}
        self._invoke = invoke
        self._fired: set[asyncio.Task[None]] = set()

    def application(self) -> web.Application:
        """The web application to serve."""
        application = web.Application(client_max_size=_LARGEST_BODY_BYTES)
        application.router.add_post("/admin/functions/{name}", self._fire_timer)
        application.router.add_route("*", "/{path:.*}", self._answer)
        return application

    async def finish(self) -> None:
        """Wait for the timers that were fired by hand."""
        if self._fired:
            await asyncio.wait(self._fired)

    async def _answer(self, http_request: web.Request) -> web.Response:
        for route in self._routes:
            parameters = route.match(http_request.method, http_request.path)
            if parameters is not None:
                outcome = await self._invoke(route.function, await encode_request(http_request, parameters), {})
                return decode_response(outcome.return_value) if outcome.succeeded else web.Response(status=500)
        return web.Response(status=404)

    async def _fire_timer(self, http_request: web.Request) -> web.Response:
        """Answer as https://learn.microsoft.com/azure/azure-functions/functions-manually-run-non-http describes."""
        timer = self._timers.get(http_request.match_info["name"].lower())
        if timer is None:
            return web.Response(status=404, text="There is no timer of this name.\n")
        task = asyncio.create_task(timer.fire())
        self._fired.add(task)
        task.add_done_callback(self._fired.discard)
        return web.Response(status=202)


async def encode_request(http_request: web.Request, route_parameters: Mapping[str, str]) -> TypedData:
    """The request as the worker gets it; repeated headers and query values are joined by commas."""
    # The real host looks at Content-Length alone: a body sent in chunks without it arrives empty there, too.
    body = TypedData(bytes=await http_request.read()) if http_request.content_length else TypedData()
    headers = {name.lower(): ",".join(http_request.headers.getall(name)) for name in http_request.headers}
    query = {name: ",".join(http_request.query.getall(name)) for name in http_request.query}
    return TypedData(
        http=SimpleNamespace(
            method=http_request.method,
            url=f"{http_request.scheme}://{http_request.host}{http_request.raw_path}",
            headers=headers,
            query={name: value for name, value in query.items() if value},
            params=dict(route_parameters),
            body=body,
        )
    )


def decode_response(answer: TypedData | None) -> web.Response:
    """What a function answered, as a response: an HttpResponse whole, a text as text, nothing as 204."""
    if answer is None:
        return web.Response(status=204)
    if answer.WhichOneof("data") == "string":
        return web.Response(text=answer.string)
    headers = CIMultiDict(answer.http.headers)
    # aiohttp writes the length of what it really sends.
    headers.pop("Content-Length", None)
    return web.Response(status=int(answer.http.status_code), headers=headers, body=answer.http.body.bytes)
