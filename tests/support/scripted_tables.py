"""A table service on loopback that answers as a test tells it to: the faults that Azurite never has."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web

from local.stack.ports import free_port
from tests.support.azurite import connection_string

Response = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class ScriptedTables:
    """Gives `script`'s responses one after the other, the last one for ever, and remembers what it was asked."""

    port: int
    script: list[Response]
    requests: list[web.Request] = field(default_factory=list)
    asked_at_seconds: list[float] = field(default_factory=list)

    @property
    def connection_string(self) -> str:
        """Leads a client here."""
        return connection_string(self.port)

    async def respond(self, request: web.Request) -> web.StreamResponse:
        """The next response of the script."""
        await request.read()
        self.requests.append(request)
        self.asked_at_seconds.append(asyncio.get_running_loop().time())
        response = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        return await response(request)


@asynccontextmanager
async def scripted_tables(*script: Response) -> AsyncIterator[ScriptedTables]:
    """Serve the script on a free port for as long as the block lasts."""
    service = ScriptedTables(free_port(), list(script))
    application = web.Application(client_max_size=8 * 1024 * 1024)
    application.router.add_route("*", "/{path:.*}", service.respond)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", service.port).start()
        yield service
    finally:
        await runner.cleanup()


def answer(status: int, body: bytes = b"", **headers: str) -> Response:
    """A whole answer; a header's name is written with `_` for `-`."""

    async def response(_request: web.Request) -> web.StreamResponse:
        return web.Response(
            status=status, body=body, headers={name.replace("_", "-"): value for name, value in headers.items()}
        )

    return response


def refusal(status: int, code: str, **headers: str) -> Response:
    """An answer that refuses the whole request with a code of the service."""
    return answer(status, error_json(code, "The server says no."), Content_Type="application/json", **headers)


def error_json(code: str, message: str) -> bytes:
    """The service's error body."""
    return f'{{"odata.error":{{"code":"{code}","message":{{"lang":"en-US","value":"{message}"}}}}}}'.encode()


def transaction_parts(*parts: bytes) -> bytes:
    """The multipart body of a transaction's answer."""
    opening = b"--batchresponse_1\r\nContent-Type: multipart/mixed; boundary=changesetresponse_1\r\n\r\n"
    head = b"--changesetresponse_1\r\nContent-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n\r\n"
    return opening + b"".join(head + part for part in parts) + b"--changesetresponse_1--\r\n--batchresponse_1--\r\n"


def stored_part(etag: str) -> bytes:
    """The part of an operation that was carried out."""
    return f"HTTP/1.1 204 No Content\r\nDataServiceVersion: 1.0;\r\nETag: {etag}\r\n\r\n\r\n".encode()


def refused_part(status: int, code: str, index: int | None) -> bytes:
    """The one part that a refused transaction has."""
    number = "" if index is None else f"{index}:"
    return (
        f"HTTP/1.1 {status} Refused\r\nContent-ID: 1\r\nContent-Type: application/json\r\n\r\n".encode()
        + error_json(code, f"{number}The server says no.\\nRequestId:1")
        + b"\r\n"
    )


def transaction(*parts: bytes) -> Response:
    """The answer to a transaction that was read, with these parts."""
    return answer(202, transaction_parts(*parts), Content_Type="multipart/mixed; boundary=batchresponse_1")


def hang() -> Response:
    """No answer at all, until the client goes away."""

    async def response(_request: web.Request) -> web.StreamResponse:
        await asyncio.Event().wait()
        raise AssertionError

    return response


def hang_up(body: bytes | None = None) -> Response:
    """The connection ends without an answer, or amid the body of one."""

    async def response(request: web.Request) -> web.StreamResponse:
        started = web.StreamResponse(status=202, headers={"Content-Length": "100000"})
        if body is not None:
            await started.prepare(request)
            await started.write(body)
        if request.transport is not None:
            request.transport.close()
        return started

    return response
