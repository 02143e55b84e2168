"""What eMabler answered instead of doing it, and which of our errors that is.

v2's OpenAPI document promises `problemDetails` or `error {errorCode, ...}` bodies, and 401 without one; v1 promises
nothing. Of a body only a short error code is repeated: messages may quote tags, names, or the request with its key.
"""

import re
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from shared.emabler.rest.errors import (
    CredentialsRefused,
    EmablerUnavailable,
    NotFound,
    PermissionMissing,
    RateLimited,
    RequestRefused,
    WrongAddress,
)
from shared.emabler.rest.requests import Request
from shared.errors import EmablerError
from shared.tables.faults import retry_after_seconds

_ERROR_CODE: Final = re.compile(rb'"errorCode"\s*:\s*"([A-Za-z][A-Za-z0-9_]{0,39})"')
_IN_CONNECT: Final = "in eMabler Connect, Settings, Developers (v2), or ask eMabler's support (v1)"


@dataclass(frozen=True, slots=True)
class Refusal:
    """An answer other than success."""

    status: int
    body: bytes = b""
    retry_after: str | None = None


def error_from(request: Request, refusal: Refusal) -> EmablerError:
    """The error that tells the caller what to do about it."""
    status = refusal.status
    text = f"{request.name}: eMabler answered {status}{_code_in(refusal.body)}"
    if status == HTTPStatus.UNAUTHORIZED:
        return CredentialsRefused(f"{text}: correct EMABLER_API_KEY (v1: and EMABLER_CLIENT_ID) {_IN_CONNECT}")
    if status == HTTPStatus.FORBIDDEN:
        return PermissionMissing(
            f"{text}: the API key probably lacks the permission {request.needs}; give it to the key {_IN_CONNECT}",
            permission=request.needs,
        )
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return RateLimited(text, retry_after_seconds=retry_after_seconds(refusal.retry_after))
    if status == HTTPStatus.REQUEST_TIMEOUT or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        asked_seconds = retry_after_seconds(refusal.retry_after)
        return EmablerUnavailable(text + request.doubt, status=status, retry_after_seconds=asked_seconds)
    return _final_error(request, status, text)


def _final_error(request: Request, status: int, text: str) -> EmablerError:
    if status == HTTPStatus.NOT_FOUND and request.subject is not None:
        return NotFound(f"{text}: it has no {request.subject}, or not for this key")
    if status == HTTPStatus.NOT_FOUND:
        return WrongAddress(
            f"{text}, which every account has: check EMABLER_BASE_URL, EMABLER_ENVIRONMENT and EMABLER_API_VERSION"
        )
    if status < HTTPStatus.BAD_REQUEST:
        return WrongAddress(
            f"{text}. Redirects are not followed, because they would take the key elsewhere: set EMABLER_BASE_URL to "
            "where the API is"
        )
    return RequestRefused(f"{text}: it does not take this request", status=status)


def _code_in(body: bytes) -> str:
    found = _ERROR_CODE.search(body)
    return f" ({found[1].decode()})" if found else ""
