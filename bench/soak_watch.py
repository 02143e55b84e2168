"""What the functions host holds while it runs: memory, tasks, connections and descriptors, seen from outside.

Its tasks nobody outside can count, so the embedded host names them when it gets the signal SIGUSR1. What is deployed
knows nothing of that.
"""

import asyncio
import json
import re
import signal
import time
from pathlib import Path
from typing import Final

import psutil

from bench.soak_findings import Memory, Standing
from local.stack import Stack
from local.stack.ports import TABLE_PORT
from local.stack.services import FUNCTIONS

SAMPLE_SECONDS: Final = 1.0
STILL_SECONDS: Final = 20.0
"""For so long nothing may change before what is held counts as what an idle host holds: longer than idle connections
are kept (15 s by aiohttp's default, 5 s by Azurite's)."""
_SETTLING_SECONDS: Final = 120.0
_ANSWER_SECONDS: Final = 10.0
_LOOK_SECONDS: Final = 0.02
_TASKS: Final = re.compile(r"functions: tasks (\{.*\})")


class HostWatch:
    """The functions host of a stack."""

    def __init__(self, stack: Stack) -> None:
        self._service = next(each for each in stack.running if each.service.name == FUNCTIONS)
        self._process = psutil.Process(self._service.process_id)
        ports = stack.surroundings
        self._places = {ports.storage_ports[TABLE_PORT]: "storage", ports.service_bus_port: "the queue"}

    @property
    def log(self) -> Path:
        """What it writes."""
        return self._service.log

    def resident_bytes(self) -> int:
        """Its memory now."""
        return int(self._process.memory_info().rss)

    async def sample_memory(self, samples: list[Memory]) -> None:
        """Add a sample every second, until cancelled."""
        begun_at_seconds = time.perf_counter()
        while True:
            samples.append(Memory(time.perf_counter() - begun_at_seconds, self.resident_bytes()))
            await asyncio.sleep(SAMPLE_SECONDS)

    async def standing(self) -> Standing:
        """What it holds now. Raises TimeoutError where it does not tell its tasks."""
        connections: dict[str, int] = {}
        for connection in self._process.net_connections("tcp"):
            if connection.status != psutil.CONN_LISTEN:
                place = self._places.get(connection.raddr.port, "callers") if connection.raddr else "nowhere"
                connections[place] = connections.get(place, 0) + 1
        return Standing(await self._tasks(), connections, self._process.num_fds())

    async def still(self) -> Standing:
        """What an idle host holds: the same for longer than idle connections last. Raises TimeoutError."""
        async with asyncio.timeout(_SETTLING_SECONDS):
            held, since_seconds = await self.standing(), time.perf_counter()
            while time.perf_counter() - since_seconds < STILL_SECONDS:
                await asyncio.sleep(SAMPLE_SECONDS)
                if (now := await self.standing()) != held:
                    held, since_seconds = now, time.perf_counter()
        return held

    async def nothing_more_than(self, before: Standing) -> Standing:
        """What it holds once that is nothing it did not hold before, or when patience ends."""
        patience_ends_at_seconds = time.perf_counter() + _SETTLING_SECONDS
        while (now := await self.standing()).more_than(before) and time.perf_counter() < patience_ends_at_seconds:  # noqa: ASYNC110  # another process
            await asyncio.sleep(SAMPLE_SECONDS)
        return now

    async def _tasks(self) -> dict[str, int]:
        log_bytes = self._service.log.stat().st_size
        self._process.send_signal(signal.SIGUSR1)
        async with asyncio.timeout(_ANSWER_SECONDS):
            while True:
                with self._service.log.open("rb") as log:
                    log.seek(log_bytes)
                    told = _TASKS.search(log.read().decode(errors="replace"))
                if told:
                    tasks: dict[str, int] = json.loads(told[1])
                    return tasks
                await asyncio.sleep(_LOOK_SECONDS)
