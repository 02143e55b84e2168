"""HTTP: eMabler's question for every tap of an RFID tag."""

from typing import Final

import azure.functions as func

from handlers.http import answer, refusal
from shared import services
from shared.callers import TAPS

blueprint = func.Blueprint()  # type: ignore[no-untyped-call]

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
    answered = await services.answer_tap(request.get_body())
    return answer(answered.body, answered.status)
