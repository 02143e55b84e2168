"""`/api/push`: who is let in, how much is read, and a 503 instead of a crash."""

import json

import azure.functions as func
import pytest

from handlers.push_webhook import push_webhook
from shared import services
from shared.settings import settings
from shared.webhook.webhook import ACCEPTED

EVENT = b'{"chargerId": "C1", "status": "Available"}'


class FakeWebhook:
    """Accepts, or raises what a test tells it to."""

    def __init__(self):
        self.bodies = []
        self.error = None

    async def take(self, body, _kind):
        """As Webhook does."""
        if self.error is not None:
            raise self.error
        self.bodies.append(body)
        return ACCEPTED


@pytest.fixture
def webhook(monkeypatch):
    """The process's webhook; the tokens are `hook` for it and `tap` for taps."""
    fake = FakeWebhook()
    monkeypatch.setattr(services, "webhook", lambda: fake)
    monkeypatch.setenv("PUSH_WEBHOOK_TOKENS", "hook")
    monkeypatch.setenv("REALTIME_AUTH_TOKENS", "tap")
    return fake


async def _send(body=EVENT, authorization="hook", method="POST"):
    headers = {} if authorization is None else {"authorization": authorization}
    request = func.HttpRequest(method, "/api/push", headers=headers, body=body)
    response = await push_webhook.build().get_user_function()(request)
    assert response.mimetype == "application/json"
    return response.status_code, json.loads(response.get_body())


async def test_an_event_is_taken_as_it_came(webhook):
    """Bit for bit."""
    assert await _send() == (200, {"status": "accepted"})
    assert webhook.bodies == [EVENT]


@pytest.mark.parametrize("authorization", [None, "", "tap", "Hook", "Bearer hook"])
async def test_a_stranger_gets_401_and_nothing_is_read(webhook, authorization):
    """The taps' tokens count only where the webhook has none of its own."""
    assert await _send(authorization=authorization) == (401, {})
    assert webhook.bodies == []


async def test_the_taps_tokens_count_where_the_webhook_has_none(webhook, monkeypatch):
    """One URL, one value."""
    monkeypatch.delenv("PUSH_WEBHOOK_TOKENS")

    assert (await _send(authorization="tap"))[0] == 200


async def test_up_to_a_mebibyte_is_read(webhook):
    """More is refused with the limit."""
    assert (await _send(EVENT.ljust(1024 * 1024)))[0] == 200
    status, answered = await _send(EVENT.ljust(1024 * 1024 + 1))
    assert status == 413
    assert "1048576" in answered["error"]


async def test_a_get_is_emablers_check(webhook):
    """It tells nothing, and asks for nothing."""
    assert await _send(b"", None, "GET") == (200, {"status": "ok"})


async def test_a_fault_of_the_app_keeps_the_event_at_emabler(webhook, caplog):
    """A 503 comes again; the log has the error's type and not its text, which could hold anything."""
    webhook.error = ZeroDivisionError("SECRET")

    assert (await _send())[0] == 503
    assert "ZeroDivisionError" in caplog.text
    assert "SECRET" not in caplog.text


async def test_a_tap_by_the_webhook_is_answered_also_with_wrong_settings(monkeypatch, caplog):
    """By the operator's choice for failures, as at its own URL; an event gets a 503."""
    for name in ("EventStorage", "EventStorage__tableServiceUri", "ServiceBusConnection"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("REALTIME_AUTH_TOKENS", "tap")
    caches = (settings, services.tables, services.taps, services.ingest, services.webhook, services.tap_tables)
    for cached in caches:
        cached.cache_clear()
    try:
        tap = await _send(b'{"charger_id": "C1", "rfid_tag_id": "T1"}', "tap")
        event = await _send(EVENT, "tap")
        monkeypatch.setenv("EVENT_SHARDS", "many")
        for cached in caches:
            cached.cache_clear()
        other_setting = await _send(b'{"charger_id": "C1", "rfid_tag_id": "T1"}', "tap")
    finally:
        for cached in caches:
            cached.cache_clear()

    assert other_setting == tap
    assert tap == (200, {"charging_allowed": False, "reason": "UNAUTHORIZED_RFID_TAG_ID"})
    assert event[0] == 503
    assert "Set EventStorage" in caplog.text
