"""What the HTTP functions have in common: who is let in, how much is read, and JSON answers."""

from collections.abc import Mapping
from typing import Any, Final

import azure.functions as func
import orjson

from shared import telemetry
from shared.callers import callers

JSON: Final = "application/json"


def answer(body: Mapping[str, Any] | bytes, status: int = 200) -> func.HttpResponse:
    """A JSON answer, from an object or from JSON that is written already."""
    text = body if isinstance(body, bytes) else orjson.dumps(body)
    return func.HttpResponse(text, status_code=status, mimetype=JSON)


def refusal(request: func.HttpRequest, tokens: tuple[str, ...], most_bytes: int) -> func.HttpResponse | None:
    """Why a request is not read any further: 401 for a stranger, 413 for too much; None where it is welcome.

    `tokens` names the settings that hold the Authorization values.
    """
    if not callers(tokens).admits(request.headers.get("Authorization")):
        telemetry.CALLERS_REFUSED.record(setting=tokens[0])
        return answer({}, 401)
    if len(request.get_body()) > most_bytes:
        return answer({"error": f"The body is larger than {most_bytes} bytes."}, 413)
    return None
