"""eMabler over HTTP, towards an endpoint of a test."""

import pytest
from aiohttp import web

from local.stack.ports import free_port
from simulator.__main__ import main
from simulator.http import HttpSender, deliver_all, tap_all


class Endpoint:
    """Remembers what it was sent, and answers as a test tells it to."""

    def __init__(self):
        self.requests = []
        self.answer = (200, '{"charging_allowed": true}')

    async def respond(self, request):
        """The answer."""
        self.requests.append((request.headers.get("Authorization"), await request.text()))
        status, text = self.answer
        return web.Response(status=status, text=text)


@pytest.fixture
async def endpoint():
    """On a free port, at `url`."""
    served = Endpoint()
    application = web.Application()
    application.router.add_post("/here", served.respond)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    port = free_port()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    served.url = f"http://127.0.0.1:{port}/here"
    yield served
    await runner.cleanup()


async def test_a_tap_is_asked_as_emabler_asks(endpoint):
    """Snake case, the operator's value as it is."""
    (answered,) = await tap_all(endpoint.url, "secret", [("C1", "TAG1")])

    assert endpoint.requests == [("secret", '{"charger_id":"C1","rfid_tag_id":"TAG1"}')]
    assert answered.is_allowed
    assert answered.seconds > 0


@pytest.mark.parametrize(
    "answer",
    [
        (500, '{"charging_allowed": true}'),
        (200, '{"charging_allowed": "true"}'),
        (200, '{"charging_allowed": false}'),
        (200, "[true]"),
        (200, "yes"),
    ],
)
async def test_only_the_boolean_in_a_200_is_a_yes(endpoint, answer):
    """Everything else is a failure or a refusal."""
    endpoint.answer = answer

    assert not (await tap_all(endpoint.url, "secret", [("C1", "TAG1")]))[0].is_allowed


async def test_events_are_delivered_as_they_are(endpoint):
    """Bit for bit, each in a request of its own."""
    bodies = [f'{{"chargerId": "C{number}" }}'.encode() for number in range(20)]
    answered = await deliver_all(endpoint.url, "secret", bodies)

    assert sorted(text for _, text in endpoint.requests) == sorted(body.decode() for body in bodies)
    assert [answer.status for answer in answered] == [200] * 20


async def test_a_sender_gives_its_connections_back(endpoint):
    """Warnings are errors here, so a leaked one fails."""
    async with HttpSender("secret") as sender:
        await sender.deliver(endpoint.url, b"{}")


def test_taps_without_an_endpoint_say_so_and_end(capsys):
    """The command goes on asking; a count ends it."""
    url = f"http://127.0.0.1:{free_port()}/api/realtime-auth"

    assert main(["taps", "--url", url, "--count", "2", "--rate", "1000"]) == 0
    assert capsys.readouterr().out.count("no answer: ConnectError") == 2


def test_the_list_of_tags_is_written_by_a_command(tmp_path, capsys):
    """For `emabler tags import`."""
    assert main(["tags", "--out", str(tmp_path / "tags.csv")]) == 0
    assert "360 tags" in capsys.readouterr().out
