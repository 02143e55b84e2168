"""A function app with HTTP functions and a timer; what the timer was given is kept for the tests to look at."""

import asyncio

import azure.functions as func

app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)

timer_runs: list[func.TimerRequest] = []
timer_has_run = asyncio.Event()
one_has_come = asyncio.Event()
both_have_come = asyncio.Barrier(2)


@app.route(route="chargers/{charger_id}/sockets/{socket:int?}", methods=["GET", "POST"])
async def echo(req: func.HttpRequest) -> func.HttpResponse:
    """Answer with what arrived."""
    return func.HttpResponse(
        req.get_body() or b"nothing",
        status_code=201,
        headers={
            "x-url": req.url,
            "x-charger": req.route_params["charger_id"],
            "x-socket": req.route_params.get("socket", "none"),
            "x-query": ";".join(f"{name}={value}" for name, value in sorted(req.params.items())),
            "x-tag": req.headers.get("x-tag", "none"),
        },
        mimetype="application/json",
    )


@app.route(methods=["GET"])
def greeting(req: func.HttpRequest) -> str:
    """Answer with a text."""
    return f"{req.method} greeting"


@app.route(route="together")
async def together(req: func.HttpRequest) -> func.HttpResponse:
    """Answer only once a second request has come."""
    one_has_come.set()
    await both_have_come.wait()
    return func.HttpResponse(req.get_body())


@app.route(route="broken")
def broken(req: func.HttpRequest) -> func.HttpResponse:
    """Fail."""
    raise LookupError(req.method)


@app.timer_trigger(arg_name="timer", schedule="%SAMPLE_SCHEDULE%", run_on_startup=True)
async def retention(timer: func.TimerRequest) -> None:
    """Keep what the timer was given."""
    timer_runs.append(timer)
    timer_has_run.set()
