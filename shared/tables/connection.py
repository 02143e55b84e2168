"""One signed request to the table endpoint over pooled connections, within a time limit."""

import asyncio
from collections.abc import Mapping
from io import BytesIO
from typing import Final, NamedTuple
from urllib.parse import urlsplit

import aiohttp
from yarl import URL

from shared import telemetry
from shared.deadlines import Deadline
from shared.errors import StorageUnavailable
from shared.tables.credentials import StorageAccount
from shared.tables.faults import Refusal, refusal_in

REQUEST_SECONDS: Final = 10.0
"""How long one request may take; a lost answer must not use up the whole deadline."""

REQUESTS_AT_ONCE: Final = 32
"""More wait their turn, which does not count as time of the request."""

SERVICE_VERSION: Final = "2020-12-06"
"""The first `x-ms-version` that takes tokens for tables, and the newest that azure-data-tables speaks."""

_REQUEST_ID_HEADER: Final = "x-ms-client-request-id"
"""By which the account's own log (StorageWrite) leads to the trace, and back."""

_NEXT_PAGE = {name: f"x-ms-continuation-{name}" for name in ("NextPartitionKey", "NextRowKey")}
_COMMON_HEADERS = {
    "x-ms-version": SERVICE_VERSION,
    "DataServiceVersion": "3.0",
    "MaxDataServiceVersion": "3.0;NetFx",
    "User-Agent": "emabler-azure",
}


class Answer(NamedTuple):
    """What came back, whole."""

    status: int
    body: bytes
    code: str | None
    """The service's error code, where it is in a header."""
    retry_after: str | None
    next_page: Mapping[str, str]
    """What a query has to be asked with to go on (`NextPartitionKey`, `NextRowKey`); empty where it is at its end."""

    def refusal(self) -> Refusal:
        """What it refuses, where it is no success."""
        return refusal_in(self.status, self.body, code=self.code, retry_after=self.retry_after)


class Connection:
    """The way to one storage account. Its session is made within the loop that first uses it."""

    def __init__(self, account: StorageAccount) -> None:
        self._account = account
        self._path_prefix = urlsplit(account.endpoint).path
        self._session: aiohttp.ClientSession | None = None
        self._turns = asyncio.Semaphore(REQUESTS_AT_ONCE)

    async def exchange(
        self, method: str, path: str, headers: dict[str, str], deadline: Deadline, body: bytes | None = None
    ) -> Answer:
        """Send one request, once. `path` follows the endpoint, with a query perhaps, and is percent-encoded already.

        Raises StorageUnavailable where no whole answer came in time, and StorageRefusesAccess where we got no token.
        """
        async with self._turns:
            return await self._exchange(method, path, headers, deadline, body)

    async def _exchange(
        self, method: str, path: str, headers: dict[str, str], deadline: Deadline, body: bytes | None
    ) -> Answer:
        if deadline.remaining_seconds == 0:
            raise StorageUnavailable("no time was left to ask storage")
        telemetry.TABLES_REQUESTS.record(operation=_operation(method, path))
        limit_seconds = min(REQUEST_SECONDS, deadline.remaining_seconds)
        try:
            async with asyncio.timeout(limit_seconds):
                signed = await self._account.authorization.headers(self._path_prefix + path.partition("?")[0])
                return await self._send(method, path, _COMMON_HEADERS | headers | signed, body)
        except TimeoutError as error:
            raise StorageUnavailable(f"storage did not answer within {limit_seconds:.1f} s") from error
        except (aiohttp.ClientError, OSError) as error:
            raise StorageUnavailable(f"the connection to storage failed: {type(error).__name__}") from error

    async def close(self) -> None:
        """Give the pooled connections back."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _send(self, method: str, path: str, headers: dict[str, str], body: bytes | None) -> Answer:
        url = URL(self._account.endpoint + path, encoded=True)
        if (request_id := telemetry.request_id()) is not None:
            headers = {**headers, _REQUEST_ID_HEADER: request_id}
        # From a file aiohttp writes in pieces and lets others run between them; plain bytes it would send in one go.
        data = None if body is None else BytesIO(body)
        async with self._open_session().request(
            method, url, headers=headers, data=data, allow_redirects=False
        ) as response:
            return Answer(
                response.status,
                await response.read(),
                response.headers.get("x-ms-error-code"),
                response.headers.get("Retry-After"),
                {name: response.headers[header] for name, header in _NEXT_PAGE.items() if header in response.headers},
            )

    def _open_session(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                # `exchange` keeps the time itself, for the token and the wait for a free connection too.
                timeout=aiohttp.ClientTimeout(total=None),
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        return self._session


def _operation(method: str, path: str) -> str:
    """The word of a request in the metric, by its method and path."""
    if method == "POST":
        return "transaction"
    return "query" if "()" in path else "read"
