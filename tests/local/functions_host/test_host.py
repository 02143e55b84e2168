"""The host with HTTP functions and a timer, over a real socket and through the runtime library."""

import asyncio
import logging
import sys

import aiohttp
import pytest

from local.functions_host.errors import HostError
from local.functions_host.host import running_host
from local.functions_host.timers import Timer
from tests.support.kafka import eventually


@pytest.fixture
async def web_host(web_app):
    """The running web app."""
    async with running_host(web_app, "127.0.0.1", 0) as host:
        yield host


@pytest.fixture
async def session(web_host):
    """A client for the running web app."""
    async with aiohttp.ClientSession(web_host.url, timeout=aiohttp.ClientTimeout(total=10)) as client_session:
        yield client_session


async def test_request_reaches_the_function_whole(web_host, session):
    """Method, url, route parameters, query, headers and body arrive, and status, headers and body come back."""
    path = "/api/chargers/DE*1/sockets/2?b=2&a=1&a=3&empty="

    async with session.post(path, data=b"\x00body", headers={"X-Tag": "tag"}) as response:
        assert response.status == 201
        assert await response.read() == b"\x00body"
    assert f"{web_host.url}{path}" == response.headers["x-url"]
    assert (response.headers["x-charger"], response.headers["x-socket"]) == ("DE*1", "2")
    assert response.headers["x-query"] == "a=1,3;b=2"
    assert response.headers["x-tag"] == "tag"
    assert response.headers["content-type"] == "application/json"


async def test_body_and_optional_parameter_may_be_missing(session):
    """A GET without a body gives the function empty bytes."""
    async with session.get("/api/chargers/1/sockets") as response:
        assert await response.read() == b"nothing"
    assert response.headers["x-socket"] == "none"


async def test_function_may_answer_with_a_text(session):
    """A synchronous function that returns a str answers 200 with that text."""
    async with session.get("/api/greeting") as response:
        assert (response.status, await response.text()) == (200, "GET greeting")


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/api/unknown"), ("DELETE", "/api/greeting"), ("POST", "/admin/functions/unknown")]
)
async def test_request_for_no_function_is_not_found(session, method, path):
    """An unknown path and a method the function does not take are 404, as in the real host."""
    async with session.request(method, path) as response:
        assert response.status == 404


async def test_requests_run_concurrently(session):
    """A function that waits for a second request gets it."""

    async def ask(text):
        async with session.post("/api/together", data=text) as response:
            return await response.text()

    assert await asyncio.gather(ask("one"), ask("two")) == ["one", "two"]


async def test_failure_is_500_and_visible_in_the_log(session, caplog):
    """The log names the function, the type of the exception, and where it was raised."""
    with caplog.at_level(logging.ERROR, logger="local.functions_host"):
        async with session.get("/api/broken") as response:
            assert (response.status, await response.read()) == (500, b"")

    assert "broken failed: LookupError" in caplog.text
    assert "raise LookupError(req.method)" in caplog.text


@pytest.mark.usefixtures("web_host")
async def test_timer_runs_on_startup():
    """A trigger with run_on_startup fires without its schedule being due."""
    app = sys.modules["function_app"]

    await asyncio.wait_for(app.timer_has_run.wait(), 5)

    assert [timer.past_due for timer in app.timer_runs] == [False]


async def test_timer_can_be_fired_now(session):
    """The admin route answers 202 and runs the timer's function, which sees its last run."""
    app = sys.modules["function_app"]
    await asyncio.wait_for(app.timer_has_run.wait(), 5)
    app.timer_has_run.clear()

    async with session.post("/admin/functions/retention", json={"input": ""}) as response:
        assert response.status == 202
    await asyncio.wait_for(app.timer_has_run.wait(), 5)

    assert app.timer_runs[1].schedule_status["Last"] > app.timer_runs[0].schedule_status["Last"]


async def test_timer_fires_by_its_schedule(web_app, monkeypatch):
    """A timer that is due every second runs again without being asked."""
    monkeypatch.setenv("SAMPLE_SCHEDULE", "* * * * * *")
    async with running_host(web_app, "127.0.0.1", 0):
        app = sys.modules["function_app"]
        for _ in range(2):
            await asyncio.wait_for(app.timer_has_run.wait(), 5)
            app.timer_has_run.clear()

    assert len(app.timer_runs) >= 2


async def test_stop_lets_a_running_request_end(web_app):
    """A request that runs when the host is told to stop is still answered."""
    async with aiohttp.ClientSession() as session:
        async with running_host(web_app, "127.0.0.1", 0) as host:
            app = sys.modules["function_app"]
            running = asyncio.create_task(session.post(f"{host.url}/api/together", data=b"late"))
            await asyncio.wait_for(app.one_has_come.wait(), 5)
            meeting = asyncio.create_task(app.both_have_come.wait())
        response = await running
        assert (response.status, await response.read()) == (200, b"late")
    await meeting


async def test_a_trigger_that_ends_by_itself_is_told(web_app, monkeypatch, caplog):
    """Nothing would start its function any more, and nobody would know; a trigger that the stop ends is no news."""

    async def end(_timer, _stopping):
        raise LookupError("nobody foresaw it")

    monkeypatch.setattr(Timer, "run", end)
    async with running_host(web_app, "127.0.0.1", 0):
        await eventually(lambda: "LookupError" in caplog.text)

    assert [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR] == [
        "retention: the trigger has ended, nothing starts this function until the host is started again"
    ]
    assert "LookupError: nobody foresaw it" in caplog.text


async def test_a_stop_tells_no_trigger_that_ended(web_app, caplog):
    """It is what ends them."""
    async with running_host(web_app, "127.0.0.1", 0):
        pass

    assert "the trigger has ended" not in caplog.text


async def test_description_names_each_function_with_its_trigger(web_host):
    """What is printed at the start tells how to reach each function."""
    assert "retention: timerTrigger 0 0 0 1 1 *" in web_host.triggers
    assert "greeting: httpTrigger GET /api/greeting" in web_host.triggers


async def test_port_in_use_is_an_error_that_names_it(web_host, web_app):
    """Two hosts on one port: the second says which port and what to do."""
    port = int(web_host.url.rpartition(":")[2])

    with pytest.raises(HostError, match=f"Port {port} cannot be used"):
        async with running_host(web_app, "127.0.0.1", port):
            pytest.fail("it must not start")


async def test_trigger_this_host_lacks_is_an_error(make_app):
    """A function that would never run is refused at the start."""
    app = make_app("""
import azure.functions as func
app = func.FunctionApp()
@app.queue_trigger(arg_name="message", queue_name="q", connection="AzureWebJobsStorage")
def take(message: func.QueueMessage) -> None: ...
""")
    with pytest.raises(HostError, match="take: This host has no queueTrigger"):
        async with running_host(app, "127.0.0.1", 0):
            pytest.fail("it must not start")
