"""Deleting rows one by one, a few at a time, for as long as it may take: Table Storage deletes nothing by itself."""

import asyncio
from collections.abc import Iterable
from typing import Final

from shared.deadlines import Deadline
from shared.errors import RowChanged
from shared.tables.store import Tables

_AT_ONCE: Final = 16


async def delete_rows(
    tables: Tables, table: str, rows: Iterable[tuple[str, str, str | None]], deadline: Deadline
) -> int:
    """Delete rows, each given by its keys and the ETag it must have (None for any); returns how many had another.

    What is not deleted by the deadline is left for whoever looks next, and finds it again. Raises what storage answers.
    """
    turns = asyncio.Semaphore(_AT_ONCE)

    async def delete(partition_key: str, row_key: str, etag: str | None) -> bool:
        async with turns:
            try:
                await tables.delete(table, partition_key, row_key, etag=etag)
            except RowChanged:
                return False
            return True

    try:
        async with asyncio.timeout(deadline.remaining_seconds):
            deleted = await asyncio.gather(*(delete(*row) for row in rows))
    except TimeoutError:
        return 0
    return deleted.count(False)
