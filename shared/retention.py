"""Table Storage deletes nothing by itself: whole months go, by dropping their tables."""

import logging
import re
from typing import Final

from shared.authorization.decisions import AUTH_DECISIONS
from shared.deadlines import Deadline
from shared.ingest.rows import MEASUREMENTS, PUSH_EVENTS
from shared.instants import Instant
from shared.tables.bodies import LARGE_BODIES
from shared.tables.layout import LAYOUT
from shared.tables.store import Kind, Operation, Row, Tables
from shared.tables.writing import execute

DROPPED: Final = "dropped"
"""The partition of `Layout` that has a row for each table that was dropped."""

_SECONDS: Final = 60.0

_log = logging.getLogger(__name__)

_MONTH_TABLE = re.compile(
    rf"(?:{PUSH_EVENTS}|{MEASUREMENTS}|{LARGE_BODIES}|{AUTH_DECISIONS})([0-9]{{4}})(0[1-9]|1[0-2])"
)


def expired_tables(tables: list[str], now: Instant, months_kept: int) -> list[str]:
    """Which of the tables are older than the months to keep, the current one counted; never the current one itself.

    Zero months keeps everything. Tables of events without a usable time have no month and stay.
    """
    if months_kept == 0:
        return []
    first_kept = _month_number(now.month[:4], now.month[4:]) - months_kept + 1
    return sorted(
        table
        for table in tables
        if (match := _MONTH_TABLE.fullmatch(table)) and _month_number(match[1], match[2]) < first_kept
    )


async def drop_expired_tables(tables: Tables, now: Instant, months_kept: int) -> list[str]:
    """Drop what is older than the months to keep, and log what was dropped; returns the names."""
    expired = expired_tables(await tables.list_tables(), now, months_kept)
    for table in expired:
        row: Row = {"PartitionKey": DROPPED, "RowKey": table, "dropped_at": now}
        await execute(tables, LAYOUT, [Operation(Kind.UPSERT, row)], Deadline.after(_SECONDS))
        await tables.drop_table(table)
        _log.warning("retention dropped table=%s months_kept=%d", table, months_kept)
    if not expired:
        _log.info("retention dropped nothing months_kept=%d", months_kept)
    return expired


async def was_dropped(tables: Tables, table: str, deadline: Deadline) -> bool:
    """Whether retention ever dropped a table of that name: a late event makes it again, without what was in it."""
    return await tables.get(LAYOUT, DROPPED, table, deadline) is not None


def _month_number(year: str, month: str) -> int:
    return int(year) * 12 + int(month) - 1
