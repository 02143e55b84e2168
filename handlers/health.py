"""HTTP: whether the app can do its work. Says one word and nothing about data, because anybody may ask."""

import logging

import azure.functions as func

from shared import services
from shared.deadlines import Deadline
from shared.errors import EmablerError
from shared.settings import settings
from shared.tables.layout import Layout

blueprint = func.Blueprint()  # type: ignore[no-untyped-call]

_log = logging.getLogger(__name__)

_PATIENCE_SECONDS = 3.0


@blueprint.function_name("health")
@blueprint.route(
    route="health", trigger_arg_name="request", methods=[func.HttpMethod.GET], auth_level=func.AuthLevel.ANONYMOUS
)
async def health(request: func.HttpRequest) -> func.HttpResponse:
    """200 `{"status": "ok"}` while the settings are usable and storage answers, else 503 `{"status": "degraded"}`."""
    del request
    try:
        await Layout(services.tables(), settings().event_shards).look(Deadline.after(_PATIENCE_SECONDS))
    except EmablerError as error:
        _log.error("health degraded error=%s: %s", type(error).__name__, error)
        return func.HttpResponse('{"status": "degraded"}', status_code=503, mimetype="application/json")
    return func.HttpResponse('{"status": "ok"}', mimetype="application/json")
