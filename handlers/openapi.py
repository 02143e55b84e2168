"""HTTP: what the HTTP functions take and answer, for programs."""

import azure.functions as func

from handlers.http import answer

blueprint = func.Blueprint()  # type: ignore[no-untyped-call]


@blueprint.function_name("openapi")
@blueprint.route(
    route="openapi.json", trigger_arg_name="request", methods=[func.HttpMethod.GET], auth_level=func.AuthLevel.ANONYMOUS
)
async def openapi(request: func.HttpRequest) -> func.HttpResponse:
    """The OpenAPI document; it holds nothing that docs/openapi.json of the public repository does not."""
    del request
    from shared.openapi import to_json  # noqa: PLC0415  # kept out of the cold start of taps

    return answer(to_json())
