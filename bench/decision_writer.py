"""A process of its own that writes decisions, as the app does: `python -m bench.decision_writer ROWS_A_SECOND`.

So that a reading that records nothing can be measured beside the writes that recording costs. Storage is in the
environment, as the app's is. Runs until it is stopped.
"""

import asyncio
import os
import sys
from itertools import cycle
from typing import Final

from bench.storing import DEADLINE_SECONDS, SHARDS
from bench.tap_world import CHARGER_IDS, LIST
from shared.authorization.decisions import Decided, Source, decision_row
from shared.authorization.recorder import BATCH, GATHER_SECONDS
from shared.authorization.rules import Decision
from shared.deadlines import Deadline
from shared.instants import Instant
from shared.tables.client import AzureTables
from shared.tables.writing import RowWriter

_ALLOWED: Final = Decision(is_allowed=True, reason=None, rule="allowed")


async def _write(connection_string: str, rows_a_second: float) -> None:
    writer = RowWriter(AzureTables.from_connection_string(connection_string))
    chargers = cycle(CHARGER_IDS)
    print("decision writer: listening on nothing", flush=True)
    while True:
        await asyncio.sleep(GATHER_SECONDS)
        left = round(rows_a_second * GATHER_SECONDS)
        while left > 0:
            rows = [decision_row(_decided(next(chargers)), SHARDS) for _ in range(min(BATCH, left))]
            await writer.upsert(rows, Deadline.after(DEADLINE_SECONDS))
            left -= len(rows)


def _decided(charger_id: str) -> Decided:
    return Decided(charger_id, "04A20000000000", _ALLOWED, Source.LIVE, Instant.now(), 0.001, LIST)


if __name__ == "__main__":
    asyncio.run(_write(os.environ["EventStorage"], float(sys.argv[1])))  # noqa: SIM112  # Azure's name of it
