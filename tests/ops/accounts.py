"""Somebody who types commands with an account at a scripted eMabler, and no storage at all."""

from itertools import repeat

import httpx

from tests.ops.operators import Operator
from tests.shared.emabler.rest.support import KEY, assert_key_is_nowhere

CLIENT_ID = "client-7"

CHARGER_PATH = {"v1": "/base/charger/C1", "v2": "/base/v2/chargers/C1"}
CHARGER = {
    "v1": {
        "chargerId": "C1",
        "chargerName": "North",
        "groupId": 12,
        "groupName": "Harbour",
        "manufacturer": "Acme",
        "chargerModel": "Twin",
        "firmwareVersion": "1.2",
        "lastSeen": "0001-01-01T00:00:00",
        "lastMessage": '[2,"1","Authorize",{"idTag":"SECRETTAG"}]',
        "activeConnection": False,
    },
    "v2": {
        "chargerId": "C1",
        "name": "North",
        "siteId": 12,
        "siteName": "Harbour",
        "manufacturer": "Acme",
        "model": "Twin",
        "firmware": "1.2",
        "lastSeen": None,
        "lastMessage": '[2,"1","Authorize",{"idTag":"SECRETTAG"}]',
        "activeConnection": False,
    },
}

ERRORS = {
    401: ("EMABLER_API_KEY", 7),
    403: ("lacks the permission", 7),
    302: ("set EMABLER_BASE_URL", 7),
    400: ("Is what you typed right?", 1),
    404: ("Is the id right", 4),
    429: ("Wait a minute", 7),
    503: ("Is this machine online?", 7),
}
"""Of each status: words that say what to do, and the exit code, where one charger is asked for."""


class RoutedEmabler:
    """Answers each path as it was told: with an answer, or with one after the other, of which the last stays."""

    def __init__(self):
        self.requests = []
        self._answers = {}

    def says(self, path, *answers):
        """From now on; an answer is a status, a JSON value, a response, or an error of the network."""
        self._answers[path] = list(answers)

    def asked(self, method="GET"):
        """The paths that were asked for, without the queries."""
        return [request.url.path for request in self.requests if request.method == method]

    def answer(self, request):
        """What httpx gets."""
        self.requests.append(request)
        answers = self._answers.get(request.url.path, [404])
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, httpx.Response):
            return answer
        is_status = isinstance(answer, int) and 100 <= answer <= 599
        return httpx.Response(answer, json={}) if is_status else httpx.Response(200, json=answer)


class AccountHolder(Operator):
    """Types commands. `emabler` is who answers."""

    def __init__(self, monkeypatch, folder, version):
        super().__init__(None, folder)
        self.version = version
        self.emabler = RoutedEmabler()
        network = httpx.MockTransport(self.emabler.answer)
        monkeypatch.setattr("shared.emabler.rest.transport.httpx.AsyncHTTPTransport", lambda **_: network)
        monkeypatch.setattr("shared.emabler.rest.retries.pauses_seconds", lambda: repeat(0.001))
        for name in ("EventStorage", "EventStorage__tableServiceUri", "POLL_CHARGER_IDS", "POLL_CALLS_PER_RUN"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv("EMABLER_ENVIRONMENT", raising=False)
        monkeypatch.setenv("EMABLER_API_KEY", KEY)
        monkeypatch.setenv("EMABLER_CLIENT_ID", CLIENT_ID)
        monkeypatch.setenv("EMABLER_API_VERSION", version)
        monkeypatch.setenv("EMABLER_BASE_URL", "http://127.0.0.1:9/base")

    def types(self, *words, answer=None):
        """See Operator.types. Whatever comes of it, the key is not in it."""
        result = super().types(*words, answer=answer)
        assert_key_is_nowhere(result.stdout, result.stderr)
        assert "?" + "code=" not in result.output
        return result

    def sees(self, **fields):
        """Charger C1 is at eMabler, with these fields other than usual."""
        self.emabler.says(CHARGER_PATH[self.version], CHARGER[self.version] | fields)
