"""The day's projections, dropped and made again from the archive alone, are what they were to the last column."""

import sys
import time

import pytest

from ops.rebuilding.findings import Verdict
from shared.deadlines import Deadline
from shared.ingest.ingest import Ingest
from shared.ingest.rows import Delivery
from simulator import Fleet
from simulator.losing import lose
from tests.day.operator_day import BATCH, SHARDS, instant
from tests.day.rebuilding import rebuilt

PROJECTIONS = ("ChargerStatus", "Transactions", "Measurements")


async def _projections(tables):
    names = [name for name in await tables.list_tables() if name.startswith(PROJECTIONS)]
    return {name: sorted([stored.row async for stored in tables.query(name)], key=str) for name in names}


@pytest.mark.timeout(3600)
async def test_the_projections_of_a_day_are_made_again_from_its_archive(tables, chargers, capsys):
    """Of a day with lost, late and repeated pushes."""
    messages = Fleet(seed=1, chargers=chargers, measurement_interval_seconds=900).day()
    ingest = Ingest(tables, SHARDS)
    arrivals = lose(messages, 1).arrivals
    for first in range(0, len(arrivals), BATCH):
        batch = [Delivery(one.body, "servicebus", instant(one.at)) for one in arrivals[first : first + BATCH]]
        await ingest.store(batch, Deadline.after(60))
    before = await _projections(tables)
    for name in before:
        await tables.drop_table(name)

    begun = time.monotonic()
    findings = await rebuilt(tables)
    seconds = time.monotonic() - begun

    assert await _projections(tables) == before
    rows = {name: len(kept) for name, kept in before.items()}
    assert {name: findings.counts[name, Verdict.MISSING] for name in before} == rows
    assert (await rebuilt(tables, is_dry_run=True)).differences == 0
    with capsys.disabled():
        told = ", ".join(f"{count:,} of {name}" for name, count in sorted(rows.items()))
        sys.stdout.write(f"\nRebuilt from {len(messages):,} messages in {seconds:.1f} s: {told}\n")
