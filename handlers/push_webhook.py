"""HTTP: Push API events, and taps, for operators who have eMabler deliver to a webhook."""

import logging
from typing import Final

import azure.functions as func

from handlers.http import answer, refusal
from shared import services
from shared.answers import NOT_SAFE
from shared.callers import WEBHOOK
from shared.errors import ConfigurationError

blueprint = func.Blueprint()  # type: ignore[no-untyped-call]

MOST_BYTES: Final = 1024 * 1024

_log = logging.getLogger(__name__)


@blueprint.function_name("push_webhook")
@blueprint.route(
    route="push",
    trigger_arg_name="request",
    methods=[func.HttpMethod.GET, func.HttpMethod.POST],
    auth_level=func.AuthLevel.ANONYMOUS,  # eMabler shows the operator's Authorization value, and knows no host keys
)
async def push_webhook(request: func.HttpRequest) -> func.HttpResponse:
    """POST: take an event, an array of events, or a tap. GET: eMabler's check that the endpoint is there."""
    if request.method == "GET":
        return answer({"status": "ok"})
    refused = refusal(request, WEBHOOK, MOST_BYTES)
    if refused is not None:
        return refused
    try:
        answered = await services.take_delivery(request.get_body())
    except ConfigurationError as error:
        _log.error("webhook could not keep an event: %s", error)
        answered = NOT_SAFE
    except Exception as error:  # noqa: BLE001  # eMabler keeps what gets a 503, and that is all that can be done
        # Its text could hold anything.
        _log.error("webhook could not keep an event error=%s; a fault of this app, report it", type(error).__name__)
        answered = NOT_SAFE
    return answer(answered.body, answered.status)
