"""Rows of a list, many at a time."""

from collections.abc import AsyncIterable, AsyncIterator
from typing import TypeVar

from shared.errors import EmablerError

Row = TypeVar("Row")


async def in_chunks(rows: AsyncIterable[Row], size: int) -> AsyncIterator[list[Row]]:
    """The rows, so many at a time; where reading them fails, first those that came, then the error."""
    chunk: list[Row] = []
    failure: EmablerError | None = None
    try:
        async for row in rows:
            chunk.append(row)
            if len(chunk) == size:
                yield chunk
                chunk = []
    except EmablerError as error:
        failure = error
    if chunk:
        yield chunk
    if failure is not None:
        raise failure
