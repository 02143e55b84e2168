"""The API key: added to requests beneath the HTTP client, and struck out of what is logged beneath that.

v1 wants the key in the URL, and httpx logs URLs. So the client only ever sees requests without credentials: what it
logs, and what its exceptions and answers hold, has none. Below it is httpcore, which logs the headers of answers at
DEBUG, and a redirect can repeat the key there.
"""

import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Self
from urllib.parse import quote

import httpx
from pydantic import SecretStr

from shared.errors import ConfigurationError

STRUCK_OUT: Final = "(API key)"
"""What stands in a log line for the key."""

_LOGGERS: Final = tuple(
    logging.getLogger(name)
    for name in (
        "httpx",
        "httpcore",
        "httpcore.connection",
        "httpcore.http11",
        "httpcore.http2",
        "httpcore.proxy",
        "httpcore.socks",
    )
)
"""A filter of a logger does not see what its children log, so each has its own."""

_USABLE: Final = re.compile(r"[!#-&(-\[\]-~]+")
"""Printable ASCII without space, quotes and backslash: what goes into a header and a log line as it is."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a request needs beside its question: query parameters (v1) or headers (v2)."""

    api_key: SecretStr
    query: Mapping[str, str] = field(default_factory=dict, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)

    @classmethod
    def for_v1(cls, api_key: SecretStr, client_id: str) -> Self:
        """`code` and `clientId` in every URL ("Getting started with the REST API"). Raises ConfigurationError."""
        key = _usable("EMABLER_API_KEY", api_key.get_secret_value())
        return cls(api_key, query={"code": key, "clientId": _usable("EMABLER_CLIENT_ID", client_id)})

    @classmethod
    def for_v2(cls, api_key: SecretStr) -> Self:
        """The header `x-api-key` (API v2's OpenAPI document). Raises ConfigurationError."""
        return cls(api_key, headers={"x-api-key": _usable("EMABLER_API_KEY", api_key.get_secret_value())})


class CredentialTransport(httpx.AsyncBaseTransport):
    """Sends every request through `inner` with the credentials that it does not have yet."""

    def __init__(self, credentials: Credentials, inner: httpx.AsyncBaseTransport) -> None:
        self._credentials = credentials
        self._inner = inner

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Implements httpx.AsyncBaseTransport: the caller's request stays as it is, a copy is sent."""
        url = request.url
        if self._credentials.query:
            url = url.copy_merge_params(self._credentials.query)
        headers = request.headers.copy()
        headers.update(self._credentials.headers)
        return await self._inner.handle_async_request(
            httpx.Request(request.method, url, headers=headers, stream=request.stream, extensions=request.extensions)
        )

    async def aclose(self) -> None:
        """Close what is beneath."""
        await self._inner.aclose()


class KeyScrubber(logging.Filter):
    """Strikes the key out of all that the HTTP libraries log, as it is and as it stands in a URL."""

    def __init__(self, api_key: SecretStr) -> None:
        super().__init__()
        key = api_key.get_secret_value()
        self._spellings = (quote(key, safe=""), key)

    def install(self) -> None:
        """From now on, for all of the libraries' loggers."""
        for logger in _LOGGERS:
            logger.addFilter(self)

    def remove(self) -> None:
        """No longer."""
        for logger in _LOGGERS:
            logger.removeFilter(self)

    def filter(self, record: logging.LogRecord) -> bool:
        """Let every record pass, without the key."""
        text = record.getMessage()
        if any(spelling in text for spelling in self._spellings):
            for spelling in self._spellings:
                text = text.replace(spelling, STRUCK_OUT)
            record.msg, record.args = text, None
        return True


def _usable(setting: str, value: str) -> str:
    """The value, checked here, because an HTTP library that refuses a header quotes it."""
    if not _USABLE.fullmatch(value):
        raise ConfigurationError(
            f"{setting} is empty or holds a character that no key has, such as a space or a line break: set it again"
        )
    return value
