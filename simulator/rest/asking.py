"""What a request asks for, checked: whoever asks wrongly is told so, and not that the platform is broken."""

from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from simulator.moments import ticks_of

_FRACTION_DIGITS = 7


class BadRequest(ValueError):
    """Answered with 400 and its text."""


async def body_of(request: web.Request) -> dict[str, Any]:
    """The JSON object that was sent. Raises BadRequest."""
    try:
        body = await request.json()
    except ValueError:
        raise BadRequest("the body is no JSON") from None
    if not isinstance(body, dict):
        raise BadRequest("the body is no object")
    return body


def required_text(body: dict[str, Any], name: str) -> str:
    """A field that must be there and hold something. Raises BadRequest."""
    value = body.get(name)
    if not (isinstance(value, str) and value):
        raise BadRequest(f"{name} is required")
    return value


def moment_of(text: str) -> int:
    """The ticks of an ISO 8601 time; without an offset it is UTC. Raises BadRequest.

    The fraction is read here, because Python's own reading ends at six digits and eMabler's times have seven.
    """
    whole, _, rest = text.replace("Z", "+00:00").partition(".")
    fraction = rest[: len(rest) - len(rest.lstrip("0123456789"))]
    try:
        moment = datetime.fromisoformat(whole + rest.removeprefix(fraction))
    except ValueError:
        raise BadRequest("a time is not ISO 8601") from None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return ticks_of(moment) + int(f"{fraction:0<7}"[:_FRACTION_DIGITS])
