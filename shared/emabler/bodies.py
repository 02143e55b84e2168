"""From the bytes of a delivery to JSON objects, one for each event, and their identity."""

import hashlib
import json
import math
from typing import Any, NamedTuple

import orjson

from shared.errors import Unacceptable

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
MOST_EVENTS = 1_000
"""In one body. eMabler sends one; more would hold up the taps that are answered by the same loop."""
_MOST_DIGITS = len(str(-(2**63)))


class Element(NamedTuple):
    """One JSON value of a delivery. `raw` is the delivery's body, or, out of an array, the element written again."""

    raw: bytes
    value: Any


def elements(body: bytes) -> list[Element]:
    """The events in a body: one object, an array of them, or either inside a JSON string; UTF-8, with or without BOM.

    Raises Unacceptable with the reason `empty-body`, `not-json`, `empty-array`, `too-many-events` or `too-deep`.
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
    if len(value) > MOST_EVENTS:
        raise Unacceptable("too-many-events", f"the body is an array of more than {MOST_EVENTS} events")
    return [Element(_written(item), item) for item in value]


def identity(value: Any) -> str:
    """SHA-256, in hex, of a value's canonical JSON: keys sorted, no white space, UTF-8.

    eMabler sends no event id and the broker's message id is the transport's own, so the content is the identity.
    Numbers count by value in the reach of a double (docs/decisions/0001-event-identity.md). Raises Unacceptable with
    the reason `too-deep`.
    """
    return hashlib.sha256(_written(value, sorts_keys=True)).hexdigest()


def _loads(text: bytes) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        if not text.strip():
            raise Unacceptable("empty-body", "the body is empty") from None
        # Only where it stopped: the error's own text can quote the body.
        where = f"(line {error.lineno}, column {error.colno})"
    return _loads_leniently(text, where)


def _loads_leniently(text: bytes, where: str) -> Any:
    """What orjson refuses and is JSON all the same: half characters, numbers past a double, a thousand levels."""
    try:
        return _with_whole_characters(
            json.loads(text.decode(), parse_int=_integer, parse_float=_number, parse_constant=_refuse_constant)
        )
    except RecursionError:
        raise Unacceptable("too-deep", f"the body is nested too deep to be read {where}") from None
    except ValueError:
        raise Unacceptable("not-json", f"the body is not JSON {where}") from None


def _integer(text: str) -> int | float | str:
    """As orjson has it: past 64 bits a double."""
    if len(text) <= _MOST_DIGITS and -(2**63) <= (number := int(text)) < 2**64:
        return number
    return _number(text)


def _number(text: str) -> float | str:
    """A number past a double stays the text it was, because JSON cannot write infinity."""
    number = float(text)
    return number if math.isfinite(number) else text


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def _with_whole_characters(value: Any) -> Any:
    """The same value with U+FFFD for every half of a surrogate pair, which nothing can store."""
    if isinstance(value, str):
        return value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    if isinstance(value, list):
        return [_with_whole_characters(item) for item in value]
    if isinstance(value, dict):
        return {_with_whole_characters(name): _with_whole_characters(item) for name, item in value.items()}
    return value


def _written(value: Any, *, sorts_keys: bool = False) -> bytes:
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS if sorts_keys else None)
    except TypeError:  # orjson writes 254 levels of nesting and integers of 64 bits
        pass
    try:
        return json.dumps(value, sort_keys=sorts_keys, separators=(",", ":"), ensure_ascii=False).encode()
    except RecursionError:
        raise Unacceptable("too-deep", "the event is nested too deep to be written again") from None
