"""How much memory ingest takes over an idle process while a queue is worked off."""

import asyncio
import json
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.day import first_messages
from bench.results import Goal, Result, Table
from bench.rounds import Spread
from tests.support.azurite import azurite_table

CHARGERS = 1000
MESSAGES = 10_000
ROUNDS = 5
WANTED_MEGABYTES = 120

_MEGABYTE = 1e6


async def measure_memory() -> Result:
    """Run the probe in a process of its own, with an Azurite of its own, several times."""
    with TemporaryDirectory() as folder:
        messages = Path(folder) / "messages.jsonl"
        messages.write_bytes(b"\n".join(first_messages(CHARGERS, MESSAGES)))
        probes = [await _probe(messages) for _ in range(ROUNDS)]
    idle = Spread.of(probe["idle"] / _MEGABYTE for probe in probes)
    highest = Spread.of((probe["highest"] - probe["idle"]) / _MEGABYTE for probe in probes)
    end = Spread.of((probe["end"] - probe["idle"]) / _MEGABYTE for probe in probes)
    return Result(
        title="Memory",
        how=(
            f"{MESSAGES:,} messages of {CHARGERS:,} chargers through ingest into Azurite, in a process that reads them "
            f"from a file batch by batch; {ROUNDS} times. Idle is after the imports, before the first message."
        ),
        tables=[
            Table(
                title="Resident memory in MB (10⁶ bytes)",
                columns=["", "MB"],
                rows=[
                    ["idle", idle.text(1)],
                    ["highest, over idle", highest.text(1)],
                    ["after the last message, over idle", end.text(1)],
                ],
            )
        ],
        goals=[
            Goal(
                what=f"highest memory over idle for {MESSAGES:,} events, in MB",
                wanted=f"at most {WANTED_MEGABYTES}",
                measured=highest.text(1),
                is_met=highest.median <= WANTED_MEGABYTES,
                reason=""
                if highest.median <= WANTED_MEGABYTES
                else f"Of it {end.median:.0f} MB are still held after the last message.",
            )
        ],
    )


async def _probe(messages: Path) -> dict[str, int]:
    with azurite_table() as connection_string:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "bench.memory_probe", connection_string, str(messages)),
            stdout=asyncio.subprocess.PIPE,
        )
        output, _ = await process.communicate()
    if process.returncode != 0:
        raise RuntimeError(f"the probe ended with {process.returncode}; its own words are above")
    figures: dict[str, int] = json.loads(output)
    return figures
