"""The way to eMabler: one pool of connections, every call bounded in time and size, its faults as our errors."""

import asyncio
from typing import Final

import httpx
import orjson

from shared.emabler.rest.credentials import Credentials, CredentialTransport, KeyScrubber
from shared.emabler.rest.errors import ContractBroken, EmablerUnavailable, WrongAddress
from shared.emabler.rest.faults import Refusal, error_from
from shared.emabler.rest.limits import RunLimits
from shared.emabler.rest.requests import Answer, Request
from shared.emabler.rest.retries import with_retries
from shared.errors import EmablerError

CONNECT_SECONDS: Final = 5.0

CALL_SECONDS: Final = 30.0
"""How long one call may take as a whole, in however small pieces its answer comes."""

MAX_ANSWER_BYTES: Final = 32 * 2**20
"""v1's sessions come in one piece: this is about a hundred thousand of them."""

MAX_CONNECTIONS: Final = 16

_NEVER_SENT: Final = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)


class Connection:
    """Asks eMabler at one base URL with one key. Nothing is connected before the first call; close it at the end.

    `network` replaces the real one, beneath the credentials.
    """

    def __init__(
        self, base_url: str, credentials: Credentials, network: httpx.AsyncBaseTransport | None = None
    ) -> None:
        self._base_url = base_url
        self._scrubber = KeyScrubber(credentials.api_key)
        self._scrubber.install()
        pool = httpx.Limits(max_connections=MAX_CONNECTIONS, max_keepalive_connections=MAX_CONNECTIONS)
        self._client = httpx.AsyncClient(
            transport=CredentialTransport(credentials, network or httpx.AsyncHTTPTransport(limits=pool)),
            timeout=httpx.Timeout(CALL_SECONDS, connect=CONNECT_SECONDS),
            follow_redirects=False,
            trust_env=False,  # a .netrc must not add credentials of its own
            headers={"Accept": "application/json", "User-Agent": "emabler-azure"},
        )

    async def ask(self, request: Request, limits: RunLimits) -> Answer:
        """The answer to a request, asked again where that helps. Raises the errors of `shared.emabler.rest.errors`."""
        return await with_retries(limits, lambda: self._call(request, limits), is_read=request.is_read)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()
        self._scrubber.remove()

    async def _call(self, request: Request, limits: RunLimits) -> Answer:
        seconds = min(CALL_SECONDS, limits.deadline.remaining_seconds)
        try:
            async with asyncio.timeout(seconds):
                result = await self._exchange(request)
        except TimeoutError:
            result = EmablerUnavailable(f"{request.name}: no whole answer within {seconds:.1f} s{request.doubt}")
        except httpx.TransportError as error:
            result = _unreachable(request, error)
        except (httpx.InvalidURL, UnicodeError):  # idna's errors are of the latter kind
            result = WrongAddress(f"{request.name}: EMABLER_BASE_URL is no address that can be asked; correct it")
        except httpx.DecodingError:
            result = ContractBroken(f"{request.name}: the answer is not compressed as it says")
        # Not inside a handler: a fault of the HTTP library may quote what was sent, and would stay attached to ours.
        if isinstance(result, EmablerError):
            raise result
        return result

    async def _exchange(self, request: Request) -> Answer | EmablerError:
        """Send it once; an answer other than success is given back as its error."""
        content = None if request.body is None else orjson.dumps(request.body)
        async with self._client.stream(
            request.method,
            f"{self._base_url}{request.path}",
            params=dict(request.query) or None,
            content=content,
            headers={} if content is None else {"Content-Type": "application/json"},
        ) as response:
            body = await _read(response)
            if body is None:
                return ContractBroken(
                    f"{request.name}: the answer is longer than the {MAX_ANSWER_BYTES} bytes that we read; ask for less"
                )
            if not response.is_success:
                refusal = Refusal(response.status_code, body, response.headers.get("Retry-After"))
                return error_from(request, refusal)
            content_type, _, _ = response.headers.get("Content-Type", "").partition(";")
            return Answer(request.name, content_type[:80], body)


async def _read(response: httpx.Response) -> bytes | None:
    """The whole body; None where it is longer than we read."""
    body = bytearray()
    async for piece in response.aiter_bytes():
        body += piece
        if len(body) > MAX_ANSWER_BYTES:
            return None
    return bytes(body)


def _unreachable(request: Request, error: httpx.TransportError) -> EmablerUnavailable:
    """Only the kind of the fault is told."""
    was_sent = not isinstance(error, _NEVER_SENT)
    text = f"{request.name}: {type(error).__name__} on the way to eMabler"
    return EmablerUnavailable(text + (request.doubt if was_sent else ""), was_sent=was_sent)
