"""HTTP: whether the app can do its work, and how it is doing. Anybody learns a word of it, operators all."""

import logging

import azure.functions as func

from handlers.http import answer
from shared import services
from shared.callers import HEALTH, callers
from shared.errors import EmablerError
from shared.instants import Instant

blueprint = func.Blueprint()  # type: ignore[no-untyped-call]

_log = logging.getLogger(__name__)


@blueprint.function_name("health")
@blueprint.route(
    route="health", trigger_arg_name="request", methods=[func.HttpMethod.GET], auth_level=func.AuthLevel.ANONYMOUS
)
async def health(request: func.HttpRequest) -> func.HttpResponse:
    """200 while the app works: `ok`, or `degraded` where somebody should look; 503 `degraded` where it cannot work.

    Who shows a token in `Authorization` learns why. A gap of push is no 503, because a platform that restarts what is
    unhealthy would not mend it.
    """
    is_operator = callers(HEALTH).admits(request.headers.get("Authorization"))
    try:
        check = services.health_check()
        found = await (check.whole if is_operator else check.brief)(Instant.now())
    except EmablerError as error:
        _log.error("health degraded error=%s: %s", type(error).__name__, error)
        problems = {"problems": [f"{type(error).__name__}: {error}"]} if is_operator else {}
        return answer({"status": "degraded", **problems}, 503)
    return answer(found.model_dump() if is_operator else {"status": found.status})
