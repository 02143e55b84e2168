"""The rows that must be the same after any run over the same messages, and the clean run that says what they are."""

import json
from collections import Counter
from collections.abc import Container, Iterable, Mapping, Sequence

from local.demo.deliveries import Plan, canonical
from local.demo.expectations import check
from local.demo.stored import Stored, StoredRow
from shared.ingest.ingest import Ingest
from shared.ingest.quarantine import QUARANTINE
from shared.ingest.rows import PUSH_EVENTS, Delivery
from shared.instants import Instant
from shared.tables.client import AzureTables
from simulator import Message, Truth, disturb
from tests.crash.kill_points import BATCH
from tests.support.messages import within

SHARDS = 4
_STATISTICS = ("Drift", "PollState", "AuthDecisions", "UnknownTags", "Tags")
"""docs/tables.md: drift can be off by the batch in which a fault fell, freshness is up to twenty minutes behind; the
others have nothing to do with events."""
_OF_THE_ARRIVAL = {"first_received_at", "last_received_at", "deliveries"}
"""docs/tables.md: when this app got it, and, of what is in quarantine, how often."""
COUNTED_ARRIVALS = {"What is no JSON is in quarantine, and nothing else", "What is new in the messages is noticed"}
"""Promises of the demo that hold where every message is delivered once: a redelivery is one more arrival in quarantine,
and drift is a statistic. Which rows are in quarantine is compared with the clean run."""

TableRows = Mapping[tuple[str, str], Mapping[str, object]]
"""By partition key and row key."""
Rows = Mapping[str, TableRows]
"""By table."""


def plan_of(messages: Sequence[Message], seed: int) -> Plan:
    """The messages as they are delivered (a tenth twice, some out of order, some late), and what must be true after."""
    truth = Truth.of(messages)
    not_json = set(truth.not_json)
    return Plan(
        deliveries=disturb(messages, seed),
        truth=truth,
        contents=Counter({canonical(message.body) for message in messages if message.body not in not_json}),
        events_by_type=truth.events,
        documented=0,
        documented_body=b"",
    )


def broken_promises(
    plan: Plan, connection_string: str, dead_letters: int, but: Container[str] = ()
) -> list[tuple[str, list[str]]]:
    """What in the tables differs from what the simulator meant, by the demo's expectations, with the differences."""
    expectations = check(plan, Stored.read(connection_string), dead_letters)
    return [(each.promise, each.differences) for each in expectations if not each.holds and each.promise not in but]


async def store_in_order(connection_string: str, bodies: Sequence[bytes]) -> None:
    """A clean run: one worker, which nothing ever happens to, takes the bodies one batch after the other."""
    tables = AzureTables.from_connection_string(connection_string)
    try:
        ingest = Ingest(tables, SHARDS)
        for first in range(0, len(bodies), BATCH):
            deliveries = [Delivery(body, "servicebus", Instant.now()) for body in bodies[first : first + BATCH]]
            await ingest.store(deliveries, within(60))
    finally:
        await tables.close()


async def drop_all_tables(connection_string: str) -> None:
    """Leave nothing of what other tests have stored."""
    tables = AzureTables.from_connection_string(connection_string)
    try:
        for table in await tables.list_tables():
            await tables.drop_table(table)
    finally:
        await tables.close()


def promised_rows(connection_string: str) -> Rows:
    """The rows of every table whose rows are promised to be the same, without what is about their arrival."""
    stored = Stored.read(connection_string)
    return {
        table: {_key(table, row): _promised(table, row) for row in rows}
        for table, rows in stored.tables.items()
        if not table.startswith(_STATISTICS)
    }


def _key(table: str, row: StoredRow) -> tuple[str, str]:
    """Quarantine's partition is the day of arrival, and a run may go past midnight."""
    return "" if table == QUARANTINE else row["PartitionKey"], row["RowKey"]


def _promised(table: str, row: StoredRow) -> dict[str, object]:
    """A row without what is about its arrival; of an event's body only what it says, as any spelling may be first."""
    columns = {
        name: getattr(value, "tables_service_value", value)  # a datetime would lose the seventh digit
        for name, value in row.items()
        if name not in {"PartitionKey", *_OF_THE_ARRIVAL}
    }
    if table.startswith(PUSH_EVENTS):
        columns["raw"] = json.loads(canonical(str(columns["raw"]).encode()))
    return columns


def differences(expected: Rows, found: Rows) -> list[str]:
    """The first rows that are missing, too many, or not the same, in words."""
    tables = sorted(expected.keys() | found.keys())
    return [text for table in tables for text in _different(table, expected.get(table, {}), found.get(table, {}))][:10]


def _different(table: str, expected: TableRows, found: TableRows) -> Iterable[str]:
    for key in sorted(expected.keys() | found.keys()):
        if key not in found:
            yield f"{table} {key}: is missing"
        elif key not in expected:
            yield f"{table} {key}: is too many"
        elif expected[key] != found[key]:
            columns = expected[key].keys() | found[key].keys()
            different = sorted(name for name in columns if expected[key].get(name) != found[key].get(name))
            yield f"{table} {key}: {', '.join(different)} differ"
