"""A scripted eMabler, in the process or behind a real socket, and how a key is looked for in what was left behind."""

import asyncio
import json
import traceback
from contextlib import asynccontextmanager

import httpx
from pydantic import SecretStr

from shared.deadlines import Deadline
from shared.emabler.rest.limits import CallBudget, RunLimits
from shared.emabler.rest.opening import open_api

KEY = "k3y+of/the=account"
KEY_IN_A_URL = "k3y%2Bof%2Fthe%3Daccount"
VERSIONS = ("v1", "v2")

CHARGER = {
    "v1": {"chargerId": "C1", "chargerName": "North", "activeConnection": True},
    "v2": {"chargerId": "C1", "name": "North", "activeConnection": True},
}


def limits(seconds=20.0, calls=100):
    """What a run may spend."""
    return RunLimits(Deadline.after(seconds), CallBudget(calls))


def opened(version, network=None, base_url="http://127.0.0.1:9/base"):
    """The API of that version, with our key."""
    return open_api(
        version=version,
        environment="test",
        api_key=SecretStr(KEY),
        client_id="client-7",
        base_url=base_url,
        network=network,
    )


class ScriptedEmabler:
    """Answers the requests one after the other; the last answer stays. Keeps what it was asked."""

    def __init__(self, *answers):
        self.requests = []
        self._answers = list(answers)

    def network(self):
        """As a transport for `open_api`."""
        return httpx.MockTransport(self._answer)

    def bodies(self):
        """The JSON bodies that came."""
        return [json.loads(request.content) for request in self.requests]

    def _answer(self, request):
        self.requests.append(request)
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer(request) if callable(answer) else answer


@asynccontextmanager
async def serving(*pieces, pause_seconds=0.0, then_hang=False):
    """The base URL of a server that answers every connection with these bytes, and counts them in `connections`."""
    ended = asyncio.Event()

    async def answer(reader, writer):
        try:
            await reader.readuntil(b"\r\n\r\n")
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(pause_seconds)
            if then_hang:
                await ended.wait()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/base"
    finally:
        ended.set()
        server.close()
        await server.wait_closed()


def assert_key_is_nowhere(*texts):
    """Neither as it is nor as it stands in a URL."""
    for text in texts:
        assert KEY not in text
        assert KEY_IN_A_URL not in text


def everything_told_by(error):
    """All that a log, a trace or a person can see of an error: its texts and those of all errors behind it."""
    told = ["".join(traceback.format_exception(error))]
    behind = error
    while behind is not None:
        told += [str(behind), repr(behind), repr(behind.args), repr(vars(behind))]
        behind = behind.__cause__ or behind.__context__
    return "\n".join(told)
