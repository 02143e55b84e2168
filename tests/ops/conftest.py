"""The command over tables in memory."""

import pytest

from tests.ops.operators import Operator
from tests.support.memory_tables import MemoryTables


@pytest.fixture
def operator(tmp_path, monkeypatch):
    """Somebody at a keyboard, with storage that is new."""
    tables = MemoryTables()
    monkeypatch.setattr("ops.running.connect", lambda _: tables)
    for name in ("EventStorage", "EventStorage__tableServiceUri", "EVENT_SHARDS", "REALTIME_AUTH_UNKNOWN_CHARGER"):
        monkeypatch.delenv(name, raising=False)
    return Operator(tables, tmp_path)


@pytest.fixture
def terminal(monkeypatch):
    """Makes standard input somebody who can be asked."""
    monkeypatch.setattr("ops.output.is_interactive", lambda: True)
