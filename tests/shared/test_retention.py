"""Whole months go, by dropping their tables; never the current one, never what has no month."""

import logging

import pytest

from shared.instants import Instant
from shared.retention import drop_expired_tables, expired_tables, was_dropped
from tests.support.memory_tables import MemoryTables
from tests.support.messages import within

NOW = Instant.from_iso("2026-01-15T03:30:00.0000000Z")
TABLES = [
    "PushEvents202412",
    "PushEvents202501",
    "Measurements202412",
    "LargeBodies202411",
    "AuthDecisions202410",
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
        (13, ["AuthDecisions202410", "LargeBodies202411", "Measurements202412", "PushEvents202412"]),
        (
            12,
            ["AuthDecisions202410", "LargeBodies202411", "Measurements202412", "PushEvents202412", "PushEvents202501"],
        ),
        (1, ["AuthDecisions202410", "LargeBodies202411", "Measurements202412", "PushEvents202412", "PushEvents202501"]),
        (15, ["AuthDecisions202410"]),
        (16, []),
        (0, []),
    ],
)
def test_months_are_kept_the_current_one_counted(months_kept, expired):
    """Thirteen months in January 2026 are January 2025 and all after it."""
    assert expired_tables(TABLES, NOW, months_kept) == expired


async def _tables(*names):
    tables = MemoryTables()
    for name in names:
        await tables.create_table(name, within(1))
    return tables


async def test_what_is_dropped_is_logged_by_name(caplog):
    """And what is kept is still there."""
    tables = await _tables("PushEvents202504", "PushEvents202601", "AuthDecisions202511", "Transactions")

    assert await drop_expired_tables(tables, NOW, 2) == ["AuthDecisions202511", "PushEvents202504"]
    assert "PushEvents202504" in caplog.text
    assert await tables.list_tables() == ["Layout", "PushEvents202601", "Transactions"]


async def test_what_was_dropped_is_remembered():
    """A late event makes its table again, without what was in it."""
    tables = await _tables("PushEvents202504", "PushEvents202601")
    await drop_expired_tables(tables, NOW, 2)
    await tables.create_table("PushEvents202504", within(1))

    assert await was_dropped(tables, "PushEvents202504", within(1))
    assert not await was_dropped(tables, "PushEvents202601", within(1))


async def test_nothing_to_drop_is_said_too(caplog):
    """A silent timer is one that may not run."""
    tables = await _tables("PushEvents202601")

    with caplog.at_level(logging.INFO):
        assert await drop_expired_tables(tables, NOW, 13) == []

    assert "dropped nothing" in caplog.text
