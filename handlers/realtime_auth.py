"""HTTP: eMabler's question for every tap of an RFID tag."""

import logging
from typing import Final

import azure.functions as func

from handlers.http import answer, refusal
from shared import services
from shared.authorization.answers import TapAnswer
from shared.authorization.taps import without_rules
from shared.callers import TAPS
from shared.errors import ConfigurationError

blueprint = func.Blueprint()  # type: ignore[no-untyped-call]

_log = logging.getLogger(__name__)

MOST_BYTES: Final = 16 * 1024


@blueprint.function_name("realtime_auth")
@blueprint.route(
    route="realtime-auth",
    trigger_arg_name="request",
    methods=[func.HttpMethod.GET, func.HttpMethod.POST],
    auth_level=func.AuthLevel.ANONYMOUS,  # eMabler shows the operator's Authorization value, and knows no host keys
)
async def realtime_auth(request: func.HttpRequest) -> func.HttpResponse:
    """POST: may this tag charge at this charger? GET: eMabler's check that the endpoint is there."""
    if request.method == "GET":
        return answer({"status": "ok"})
    refused = refusal(request, TAPS, MOST_BYTES)
    if refused is not None:
        return refused
    answered = await answer_tap(request.get_body())
    return answer(answered.body, answered.status)


async def answer_tap(body: bytes) -> TapAnswer:
    """The answer to an authenticated body; also where the app's settings are wrong."""
    try:
        taps = services.taps()
    except ConfigurationError as error:
        _log.error("tap not decided by the rules: %s", error)
        return without_rules(services.on_failure())
    return await taps.answer(body)
