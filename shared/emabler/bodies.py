"""From the bytes of a delivery to JSON objects, one for each event, and their identity."""

import hashlib
from typing import Any, NamedTuple

import orjson

from shared.errors import Unacceptable

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class Element(NamedTuple):
    """One JSON value of a delivery. `raw` is the delivery's body, or, out of an array, the element written again."""

    raw: bytes
    value: Any


def elements(body: bytes) -> list[Element]:
    """The events in a body: one object, an array of them, or either inside a JSON string; UTF-8, with or without BOM.

    Raises Unacceptable with the reason `empty-body`, `not-json`, `empty-array` or `too-deep`.
    """
    value = _loads(body.removeprefix(_BYTE_ORDER_MARK))
    if isinstance(value, dict):
        return [Element(body, value)]
    if isinstance(value, str):
        value = _loads(value.removeprefix("\N{ZERO WIDTH NO-BREAK SPACE}").encode())
    if not isinstance(value, list):
        return [Element(body, value)]
    if not value:
        raise Unacceptable("empty-array", "the body is an array without events")
    return [Element(_written(item), item) for item in value]


def identity(value: Any) -> str:
    """SHA-256, in hex, of a value's canonical JSON: keys sorted, no white space, UTF-8.

    eMabler sends no event id and the broker's message id is the transport's own, so the content is the identity.
    Numbers count by value in the reach of a double (docs/decisions/0001-event-identity.md). Raises Unacceptable with
    the reason `too-deep`.
    """
    return hashlib.sha256(_written(value, orjson.OPT_SORT_KEYS)).hexdigest()


def _loads(text: bytes) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        if not text.strip():
            raise Unacceptable("empty-body", "the body is empty") from None
        # Only where it stopped: the error's own text can quote the body.
        raise Unacceptable("not-json", f"the body is not JSON (line {error.lineno}, column {error.colno})") from None


def _written(value: Any, option: int | None = None) -> bytes:
    try:
        return orjson.dumps(value, option=option)
    except TypeError:  # orjson reads 1,024 levels of nesting and writes 254
        raise Unacceptable("too-deep", "the event is nested deeper than 254 levels") from None
