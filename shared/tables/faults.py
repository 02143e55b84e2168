"""What the service answered instead of doing it, and which of our errors that is.

Codes: learn.microsoft.com, "Table Storage error codes". The texts of the errors name table, status and code, never a
key or a value.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus

from shared.errors import (
    EmablerError,
    RowChanged,
    RowExists,
    RowRefused,
    StorageRefusesAccess,
    StorageUnavailable,
    TableMissing,
)

_ACCESS_REFUSED = {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}
_PASSING = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS}
_ROW_GONE_OR_CHANGED = {HTTPStatus.NOT_FOUND, HTTPStatus.PRECONDITION_FAILED}

# The service answers in JSON or, from its outer layers, in XML: `"code":"X"`, `<code>X</code>` or `<m:code>X</m:code>`.
_CODE = re.compile(rb'"code"\s*:\s*"(\w+)"|<(?:\w+:)?[Cc]ode>(\w+)<')
# The message of a transaction's error starts with the number of the operation: `"value":"3:The specified entity ..."`.
_INDEX = re.compile(rb'"value"\s*:\s*"(\d+):')


@dataclass(frozen=True, slots=True)
class Refusal:
    """An answer other than success: the HTTP status, the service's code, and which operation it is about."""

    status: int
    code: str | None
    index: int | None = None
    retry_after_seconds: float | None = None


def refusal_in(status: int, body: bytes, *, code: str | None = None, retry_after: str | None = None) -> Refusal:
    """Read the body of an error; `code` is the one from the answer's header, `retry_after` the header itself."""
    found_code = _CODE.search(body)
    found_index = _INDEX.search(body)
    return Refusal(
        status,
        (found_code[1] or found_code[2]).decode() if found_code else code,
        int(found_index[1]) if found_index else None,
        retry_after_seconds(retry_after),
    )


def error_from(refusal: Refusal, table: str) -> EmablerError:
    """The error that tells the caller what to do about it.

    A refusal that names no operation is about the request or the account, not about a row: it is StorageUnavailable,
    which gives the messages back, and never a reason to put good messages aside. Only 413 is surely about the rows.
    """
    status, code, index = refusal.status, refusal.code, refusal.index
    text = f"table {table}: storage answered {status} {code or 'without a code'}"
    if status in _ACCESS_REFUSED:
        return StorageRefusesAccess(
            f"{text}; give the app's identity the role Storage Table Data Contributor, or correct the account key",
            status=status,
            code=code,
        )
    if code == "TableNotFound":
        return TableMissing(table)
    if _will_pass(status, code):
        return StorageUnavailable(text, status=status, code=code, retry_after_seconds=refusal.retry_after_seconds)
    if index is None and status != HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        return StorageUnavailable(f"{text} and named no row", status=status, code=code)
    return _row_error(text, refusal)


def is_worth_retrying(error: Exception) -> bool:
    """Whether the same request may succeed a little later."""
    if not isinstance(error, StorageUnavailable):
        return False
    return error.status is None or _will_pass(error.status, error.code)


def retry_after_seconds(header: str | None) -> float | None:
    """Seconds in a Retry-After header, which holds a number of them or an HTTP date (RFC 9110, 10.2.3)."""
    if header is None:
        return None
    if header.strip().isdecimal():
        return float(header)
    try:
        moment = parsedate_to_datetime(header)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())


def _will_pass(status: int, code: str | None) -> bool:
    """Statuses below 400 get here only with a broken answer."""
    return (
        status >= HTTPStatus.INTERNAL_SERVER_ERROR
        or status < HTTPStatus.BAD_REQUEST
        or status in _PASSING
        or (code == "TableBeingDeleted")
    )


def _row_error(text: str, refusal: Refusal) -> EmablerError:
    if refusal.index is not None:
        if refusal.code == "EntityAlreadyExists":
            return RowExists(text, index=refusal.index)
        if refusal.status in _ROW_GONE_OR_CHANGED:
            return RowChanged(text, index=refusal.index)
    return RowRefused(text, index=refusal.index, code=refusal.code or "InvalidInput", status=refusal.status)
