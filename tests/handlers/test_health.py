"""`GET /api/health` says one word, and the right one; to operators also why."""

import json

import azure.functions as func
import pytest

from handlers.health import health
from shared import services
from shared.health.report import Health
from shared.instants import TICKS_PER_SECOND, Instant
from shared.polling.gaps import Evidence, Gap
from shared.settings import Settings, settings
from shared.tables.store import Kind, Operation
from tests.support.memory_tables import MemoryTables
from tests.support.messages import within

TOKEN = "health-token"


@pytest.fixture
def tables(monkeypatch):
    """The process's tables, in memory."""
    memory = MemoryTables()
    monkeypatch.setattr(services, "tables", lambda: memory)
    monkeypatch.setattr(services, "settings", lambda: Settings.from_environment({"EMABLER_API_KEY": "key"}))
    monkeypatch.setenv("HEALTH_TOKENS", TOKEN)
    services.health_check.cache_clear()
    yield memory
    services.health_check.cache_clear()


async def _ask(token=None):
    headers = {} if token is None else {"Authorization": token}
    request = func.HttpRequest("GET", "http://localhost/api/health", headers=headers, body=b"")
    answer = await health.build().get_user_function()(request)
    return answer.status_code, json.loads(answer.get_body())


async def _put(tables, *rows):
    await tables.create_table("PollState", within(1))
    for row in rows:
        await tables.execute("PollState", [Operation(Kind.UPSERT, row)], within(1))


def _gap(charger_id):
    return Gap(charger_id, Evidence.STATE, Instant.now(), Instant.now()).row.row


def _run(kind, **columns):
    return {"PartitionKey": "runs", "RowKey": kind, **columns}


def _ago(hours):
    return Instant(Instant.now() - int(hours * 3600 * TICKS_PER_SECOND))


async def test_ok_while_storage_answers(tables):
    """Nothing else is said to who shows no token, or another one."""
    assert await _ask() == (200, {"status": "ok"})
    assert await _ask("not the token") == (200, {"status": "ok"})


async def test_an_open_gap_is_degraded_and_no_503(tables):
    """A platform that restarts what is unhealthy would not mend it."""
    await _put(tables, _gap("C1"), _gap("C2"))

    assert await _ask() == (200, {"status": "degraded"})
    status, told = await _ask(TOKEN)
    assert (status, told["open_gaps"]) == (200, 2)
    assert "2 chargers" in told["problems"][0]


async def test_an_hour_without_a_poll_that_succeeded_is_degraded(tables):
    """Also where it failed ever since the app was deployed."""
    await _put(
        tables,
        _run("chargers", first_started_at=_ago(9), succeeded_at=_ago(1.1), failed_at=_ago(0.1), error="Because"),
        _run("sessions", first_started_at=_ago(1.1)),
    )

    status, told = await _ask(TOKEN)

    assert (status, told["status"], len(told["problems"])) == (200, "degraded", 2)
    assert told["polls"]["chargers"]["last_error"] == "Because"


async def test_two_nights_without_an_account_are_degraded(tables):
    """One may fail; what failed twice needs somebody."""
    await _put(tables, _run("reconciliation", first_started_at=_ago(900), succeeded_at=_ago(49)))
    assert (await _ask(TOKEN))[1]["status"] == "ok"
    await _put(tables, _run("reconciliation", first_started_at=_ago(900), succeeded_at=_ago(51)))

    assert (await _ask(TOKEN))[1]["problems"] == ["no reconciliation has succeeded for two nights: see its last error"]


async def test_an_operator_learns_how_the_app_is(tables, monkeypatch):
    """Last event, last polls, gaps, quarantine, dead letters."""
    told_at = _ago(0.5)
    fleet = {"PartitionKey": "push", "RowKey": "fleet", "measurements_at": told_at, "charger_boot_at": _ago(30)}
    await _put(tables, fleet, _run("chargers", first_started_at=_ago(9), succeeded_at=_ago(0.1)))
    await tables.create_table("Quarantine", within(1))
    for day, name in ((Instant.now().day, "1"), (Instant.now().day, "2"), ("20200101", "3")):
        row = {"PartitionKey": day, "RowKey": name, "raw": "anything"}
        await tables.execute("Quarantine", [Operation(Kind.INSERT, row)], within(1))

    status, told = await _ask(TOKEN)

    assert (status, told["status"], told["last_event_at"]) == (200, "ok", told_at.iso)
    assert set(told["last_event_at_by_type"]) == {"Measurements", "ChargerBoot"}
    assert told["polls"]["chargers"]["last_success_at"] is not None
    assert told["quarantine"] == {"days": 7, "entries": 2}
    assert told["dead_letters"] is None
    Health.model_validate(told)


async def test_degraded_where_the_tables_were_made_with_another_shard_count(tables):
    """Ingest would refuse every batch."""
    await tables.create_table("Layout", within(1))
    row = {"PartitionKey": "layout", "RowKey": "layout", "event_shards": 8}
    await tables.execute("Layout", [Operation(Kind.INSERT, row)], within(1))

    assert await _ask() == (503, {"status": "degraded"})


async def test_degraded_where_no_storage_is_set(monkeypatch, caplog):
    """A missing setting is named in the log, not in the answer."""
    monkeypatch.delenv("EventStorage", raising=False)
    monkeypatch.delenv("EventStorage__tableServiceUri", raising=False)
    settings.cache_clear()
    services.tables.cache_clear()
    services.health_check.cache_clear()

    assert await _ask() == (503, {"status": "degraded"})
    assert "EventStorage__tableServiceUri" in caplog.text
    settings.cache_clear()
