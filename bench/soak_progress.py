"""How far the app has come with what was sent, from the lines of its log: no question to it, and none to its storage.

The queue is worked off in its order, so the messages that were sent first are those that are stored first. That holds
as long as no batch is given back, which is counted.
"""

import asyncio
import re
import time
from collections import deque
from pathlib import Path
from typing import Final, NamedTuple

LOOK_SECONDS: Final = 0.01
"""So much too late a batch may be seen."""
SAMPLE_SECONDS: Final = 0.1
PATIENCE_SECONDS: Final = 120.0
_STORED: Final = re.compile(r"ingest deliveries=(\d+)")
_GIVEN_BACK: Final = "ingest cannot store the batch, given back"


class _Sent(NamedTuple):
    up_to: int
    """How many messages had been sent with these."""
    due_at_seconds: float


class Progress:
    """Messages that were sent and those that are stored, with how long that took; times are of `perf_counter`."""

    def __init__(self) -> None:
        self.sent = 0
        self.stored = 0
        self.batches_given_back = 0
        self._on_the_way: deque[_Sent] = deque()
        self._seconds_each: list[float] = []

    @property
    def waiting(self) -> int:
        """Messages that were sent and are not stored."""
        return self.sent - self.stored

    def send(self, number: int, due_at_seconds: float) -> None:
        """Note messages that are sent now, all due at one moment."""
        self.sent += number
        self._on_the_way.append(_Sent(self.sent, due_at_seconds))

    def read(self, line: str, seen_at_seconds: float) -> None:
        """Note what a line of the app's log tells; most tell nothing."""
        if stored := _STORED.search(line):
            self.stored += int(stored[1])
            while self._on_the_way and self._on_the_way[0].up_to <= self.stored:
                self._seconds_each.append(seen_at_seconds - self._on_the_way.popleft().due_at_seconds)
        elif _GIVEN_BACK in line:
            self.batches_given_back += 1

    def take_seconds_each(self) -> list[float]:
        """How long storing took since the last call, for those that were sent together until the last of them."""
        taken, self._seconds_each = self._seconds_each, []
        return taken

    async def sample_waiting(self, samples: list[int]) -> None:
        """Add how many wait, again and again, until cancelled."""
        while True:
            samples.append(self.waiting)
            await asyncio.sleep(SAMPLE_SECONDS)

    async def at_most_waiting(self, number: int) -> None:
        """Return when no more than that many wait. Raises TimeoutError where that takes minutes."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while self.waiting > number:  # noqa: ASYNC110  # another process, of which only the log tells
                await asyncio.sleep(LOOK_SECONDS)


class NewLines:
    """The lines of a file that grows, each once it is whole."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read_bytes = 0

    def take(self) -> list[str]:
        """Those that were written since the last call."""
        with self._path.open("rb") as log:
            log.seek(self._read_bytes)
            written = log.read()
        whole = written[: written.rfind(b"\n") + 1]
        self._read_bytes += len(whole)
        return whole.decode(errors="replace").splitlines()


async def follow(log: Path, progress: Progress) -> None:
    """Keep a progress up to date with a log, until cancelled."""
    lines = NewLines(log)
    while True:
        for line in lines.take():
            progress.read(line, time.perf_counter())
        await asyncio.sleep(LOOK_SECONDS)
