"""Whole months go, by dropping their tables; never the current one, never what has no month."""

import logging

import pytest

from shared.ingest.retention import drop_expired_tables, expired_tables
from shared.instants import Instant
from tests.support.messages import documented, within

NOW = Instant.from_iso("2026-01-15T03:30:00.0000000Z")
TABLES = [
    "PushEvents202412",
    "PushEvents202501",
    "Measurements202412",
    "LargeBodies202411",
    "PushEvents202601",
    "PushEvents202602",
    "PushEventsUndated",
    "PushEvents202413",
    "Transactions",
    "SomebodyElses202001",
]


@pytest.mark.parametrize(
    ("months_kept", "expired"),
    [
        (13, ["LargeBodies202411", "Measurements202412", "PushEvents202412"]),
        (12, ["LargeBodies202411", "Measurements202412", "PushEvents202412", "PushEvents202501"]),
        (1, ["LargeBodies202411", "Measurements202412", "PushEvents202412", "PushEvents202501"]),
        (15, []),
        (0, []),
    ],
)
def test_months_are_kept_the_current_one_counted(months_kept, expired):
    """Thirteen months in January 2026 are January 2025 and all after it."""
    assert expired_tables(TABLES, NOW, months_kept) == expired


async def test_what_is_dropped_is_logged_by_name(store, caplog):
    """And what is kept is still there."""
    await store.store(
        documented("mt", "charger_state"), documented("mt", "charger_state", receivedTimestamp="2026-01-02T00:00:00Z")
    )

    with caplog.at_level(logging.INFO):
        dropped = await drop_expired_tables(store.tables, NOW, 2)

    assert dropped == ["PushEvents202504"]
    assert "PushEvents202504" in caplog.text
    tables = await store.tables.list_tables()
    assert "PushEvents202601" in tables
    assert "PushEvents202504" not in tables


async def test_nothing_to_drop_is_said_too(memory, caplog):
    """A silent timer is one that may not run."""
    await memory.tables.create_table("PushEvents202601", within(1))

    with caplog.at_level(logging.INFO):
        assert await drop_expired_tables(memory.tables, NOW, 13) == []

    assert "dropped nothing" in caplog.text
