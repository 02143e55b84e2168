"""`/api/realtime-auth`: who is let in, how much is read, and that every answer is one that eMabler expects."""

import json

import azure.functions as func
import pytest

from handlers import realtime_auth as handler
from shared import services
from shared.authorization.authorizer import Authorizer, Policy
from shared.authorization.recorder import Recorder
from shared.authorization.tags import Tag
from shared.authorization.taps import Taps
from shared.settings import settings
from tests.support.memory_tables import MemoryTables
from tests.support.tag_lists import LIST, use_list

QUESTION = b'{"charger_id": "C1", "rfid_tag_id": "GOOD"}'


@pytest.fixture
async def tables(monkeypatch):
    """The process's taps, in memory, with one tag that may charge; the token is `secret`."""
    memory = MemoryTables()
    await use_list(memory, LIST, Tag("GOOD"))
    taps = Taps(Authorizer(memory, 4, Policy()), Recorder(memory, 4))
    monkeypatch.setattr(services, "taps", lambda: taps)
    monkeypatch.setenv("REALTIME_AUTH_TOKENS", "secret")
    return memory


async def _ask(body=QUESTION, authorization="secret", method="POST"):
    headers = {} if authorization is None else {"authorization": authorization}
    request = func.HttpRequest(method, "/api/realtime-auth", headers=headers, body=body)
    response = await handler.realtime_auth.build().get_user_function()(request)
    assert response.mimetype == "application/json"
    return response.status_code, json.loads(response.get_body())


async def test_a_caller_with_the_token_gets_an_answer(tables):
    """As eMabler documents it."""
    assert await _ask() == (200, {"charging_allowed": True})


@pytest.mark.parametrize(
    "authorization",
    [None, "", "Secret", "secret ", "secre", "secretsecret", "Bearer secret", "s\u00e9cret", "x" * 100_000],
)
async def test_anybody_else_gets_401_and_an_empty_object(tables, authorization):
    """Before the body is looked at."""
    assert await _ask(b"not even json", authorization) == (401, {})


async def test_without_a_token_in_the_settings_nobody_is_let_in(tables, monkeypatch):
    """An open endpoint would be an oracle for tags."""
    monkeypatch.delenv("REALTIME_AUTH_TOKENS")
    assert await _ask(authorization="") == (401, {})
    monkeypatch.setenv("REALTIME_AUTH_TOKENS", " , ")
    assert await _ask(authorization="") == (401, {})


async def test_tokens_are_rotated_without_a_gap(tables, monkeypatch):
    """Two rotations: both are good at once, and the old one is refused as soon as it is gone from the environment."""
    for old, new in (("secret", "second"), ("second", "Bearer third")):
        monkeypatch.setenv("REALTIME_AUTH_TOKENS", f"{old}, {new}")
        assert (await _ask(authorization=old))[0] == 200
        assert (await _ask(authorization=new))[0] == 200
        monkeypatch.setenv("REALTIME_AUTH_TOKENS", new)
        assert (await _ask(authorization=old))[0] == 401
        assert (await _ask(authorization=new))[0] == 200


async def test_a_large_body_is_not_read(tables):
    """Up to 16 KiB is; a stranger does not even learn that."""
    assert (await _ask(QUESTION + b" " * (16 * 1024 - len(QUESTION))))[0] == 200
    status, body = await _ask(QUESTION + b" " * 16 * 1024)
    assert (status, list(body)) == (413, ["error"])
    assert await _ask(b" " * 1_000_000, "wrong") == (401, {})


async def test_a_get_is_emablers_check_and_tells_nothing(tables):
    """With or without Authorization."""
    assert await _ask(b"", None, "GET") == (200, {"status": "ok"})


@pytest.mark.parametrize(
    ("chosen", "answered"),
    [
        ("deny", (200, {"charging_allowed": False, "reason": "UNAUTHORIZED_RFID_TAG_ID"})),
        ("allow", (200, {"charging_allowed": True})),
        ("error", (503, {})),
    ],
)
async def test_without_storage_in_the_settings_the_operators_choice_is_answered(monkeypatch, caplog, chosen, answered):
    """A wrong setting must not look like a crash to a driver; the log names it."""
    monkeypatch.delenv("EventStorage", raising=False)
    monkeypatch.delenv("EventStorage__tableServiceUri", raising=False)
    monkeypatch.setenv("REALTIME_AUTH_ON_FAILURE", chosen)
    monkeypatch.setenv("REALTIME_AUTH_TOKENS", "secret")
    for cached in (settings, services.tables, services.taps):
        cached.cache_clear()
    try:
        assert await _ask() == answered
    finally:
        settings.cache_clear()
    assert "EventStorage__tableServiceUri" in caplog.text
