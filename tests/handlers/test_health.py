"""`GET /api/health` says one word, and the right one."""

import pytest

from handlers.health import health
from shared import services
from shared.settings import Settings, settings
from shared.tables.store import Kind, Operation
from tests.support.memory_tables import MemoryTables
from tests.support.messages import within


@pytest.fixture
def tables(monkeypatch):
    """The process's tables, in memory."""
    memory = MemoryTables()
    monkeypatch.setattr(services, "tables", lambda: memory)
    monkeypatch.setattr("handlers.health.settings", lambda: Settings.from_environment({}))
    return memory


async def _ask():
    answer = await health.build().get_user_function()(None)
    return answer.status_code, answer.get_body()


async def test_ok_while_storage_answers(tables):
    """Nothing else is said."""
    assert await _ask() == (200, b'{"status": "ok"}')


async def test_degraded_where_the_tables_were_made_with_another_shard_count(tables):
    """Ingest would refuse every batch."""
    await tables.create_table("Layout", within(1))
    row = {"PartitionKey": "layout", "RowKey": "layout", "event_shards": 8}
    await tables.execute("Layout", [Operation(Kind.INSERT, row)], within(1))

    assert await _ask() == (503, b'{"status": "degraded"}')


async def test_degraded_where_no_storage_is_set(monkeypatch, caplog):
    """A missing setting is named in the log, not in the answer."""
    monkeypatch.delenv("EventStorage", raising=False)
    monkeypatch.delenv("EventStorage__tableServiceUri", raising=False)
    settings.cache_clear()
    services.tables.cache_clear()

    assert await _ask() == (503, b'{"status": "degraded"}')
    assert "EventStorage__tableServiceUri" in caplog.text
    settings.cache_clear()
