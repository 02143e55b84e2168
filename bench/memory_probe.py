"""A process of its own that takes messages in and watches its memory: `python -m bench.memory_probe STORAGE FILE`.

The file has one message a line and is read batch by batch, so that only what ingest keeps is counted. Prints one line
of JSON: resident bytes before the first message, at the highest, and after the last.
"""

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from itertools import islice
from pathlib import Path

import orjson
import psutil

from bench.storing import BATCH_SIZE, SHARDS, delivered, store_all
from shared.ingest.ingest import Ingest
from shared.tables.client import AzureTables

_SAMPLE_SECONDS = 0.005


class _Watch:
    """The resident memory of this process."""

    def __init__(self) -> None:
        self._process = psutil.Process()
        self.idle_bytes = self.highest_bytes = self.now()

    def now(self) -> int:
        """In bytes."""
        return int(self._process.memory_info().rss)

    @asynccontextmanager
    async def watching(self) -> AsyncIterator[None]:
        """Note the highest, also amid a batch."""
        task = asyncio.create_task(self._sample())
        try:
            yield
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def _sample(self) -> None:
        while True:
            self.highest_bytes = max(self.highest_bytes, self.now())
            await asyncio.sleep(_SAMPLE_SECONDS)


async def _probe(connection_string: str, messages: Path) -> dict[str, int]:
    tables = AzureTables.from_connection_string(connection_string)
    ingest = Ingest(tables, SHARDS)
    watch = _Watch()
    async with watch.watching():
        for bodies in _batches(messages):
            await store_all(ingest, delivered(bodies))
    end_bytes = watch.now()
    await tables.close()
    return {"idle": watch.idle_bytes, "highest": max(watch.highest_bytes, end_bytes), "end": end_bytes}


def _batches(messages: Path) -> Iterator[list[bytes]]:
    with messages.open("rb") as lines:
        while batch := [line.rstrip(b"\n") for line in islice(lines, BATCH_SIZE)]:
            yield batch


if __name__ == "__main__":
    sys.stdout.write(orjson.dumps(asyncio.run(_probe(sys.argv[1], Path(sys.argv[2])))).decode() + "\n")
