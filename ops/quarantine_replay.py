"""Quarantine given to ingest again: what would become of each entry, and what becomes of it.

An entry goes to ingest only where every message in it is understood today; others stay as they are. What ingest stores
is what it would have stored the first time: by the transport it came by, and as received when it first reached us. So
what was stored already is not stored a second time, and replaying twice changes nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from ops.quarantine_entries import Entry, body_of
from shared.deadlines import Deadline
from shared.errors import RowChanged
from shared.ingest.ingest import Ingest
from shared.ingest.plan import Planned, understand
from shared.ingest.quarantine import QUARANTINE, QUARANTINED_BODIES
from shared.ingest.rows import Delivery
from shared.tables.layout import Layout
from shared.tables.store import Operation, Tables

ENTRY_SECONDS: Final = 60.0
"""How long storage is waited for, for one entry."""

POLL_TRANSPORT: Final = "poll"
"""Of sessions that REST told and storage refused. They are no messages: the next poll of their day tells them again."""


class Verdict(StrEnum):
    """What becomes of an entry."""

    STORED = "stored"
    KNOWN = "known"
    """Its events are in the archive already; the rows made of them are completed, if they were not."""
    SET_ASIDE = "set-aside"
    POLLED = "polled"
    """No message: left as it is."""


@dataclass(frozen=True, slots=True)
class Expected:
    """An entry with its body, and what would become of it; `reason` is why it would be set aside again."""

    entry: Entry
    verdict: Verdict
    reason: str = ""
    body: bytes = field(default=b"", repr=False)

    @property
    def is_to_be_replayed(self) -> bool:
        """Whether ingest gets it."""
        return self.verdict in {Verdict.STORED, Verdict.KNOWN}


@dataclass(frozen=True, slots=True)
class Replayed:
    """An entry, what became of it, and whether it is out of quarantine."""

    entry: Entry
    verdict: Verdict
    reason: str = ""
    is_deleted: bool = False


class QuarantineLeftAlone:
    """The tables for an ingest whose writes to quarantine go nowhere: what it sets aside again is there already.

    Otherwise a replay would count as one more arrival of the message.
    """

    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        self.get, self.find, self.query = tables.get, tables.find, tables.query
        self.delete, self.create_table, self.drop_table = tables.delete, tables.create_table, tables.drop_table
        self.list_tables, self.close = tables.list_tables, tables.close

    async def execute(self, table: str, operations: Sequence[Operation], deadline: Deadline) -> list[str]:
        """See Tables."""
        if table in {QUARANTINE, QUARANTINED_BODIES}:
            return [""] * len(operations)
        return await self._tables.execute(table, operations, deadline)


async def expect(tables: Tables, shards: int, entries: Sequence[Entry]) -> list[Expected]:
    """What would become of each entry, found out without a write. Storage has the last word about what it takes.

    Raises ConfigurationError where the tables were made with another shard count.
    """
    await Layout(tables, shards).look(Deadline.after(ENTRY_SECONDS))
    return [await _expect_one(tables, shards, entry) for entry in entries]


async def replay(tables: Tables, shards: int, expected: Expected) -> Replayed:
    """Give one entry to ingest, and delete it where it is stored; unless it came again meanwhile, then it stays.

    Stopped in between, it is known already the next time. Raises what Ingest.store raises.
    """
    if not expected.is_to_be_replayed:
        return Replayed(expected.entry, expected.verdict, expected.reason)
    # An ingest for each entry: it remembers what it has stored, also an event of which storage refuses some row, and
    # that event's entry of another day must not pass for stored because of it.
    ingest = Ingest(QuarantineLeftAlone(tables), shards)
    outcome = await ingest.store([_delivery(expected.entry, expected.body)], Deadline.after(ENTRY_SECONDS))
    if outcome.quarantined:
        return Replayed(expected.entry, Verdict.SET_ASIDE, next(iter(outcome.quarantined)))
    verdict = Verdict.STORED if outcome.stored else Verdict.KNOWN
    return Replayed(expected.entry, verdict, is_deleted=await _deleted(tables, expected.entry))


async def _expect_one(tables: Tables, shards: int, entry: Entry) -> Expected:
    if entry.transport == POLL_TRANSPORT:
        return Expected(entry, Verdict.POLLED)
    body = await body_of(tables, entry)
    understood = understand([_delivery(entry, body)], shards, stored=())
    for refused in understood.set_aside.values():
        return Expected(entry, Verdict.SET_ASIDE, refused.reason, body)
    known = [await _is_archived(tables, planned) for planned in understood.planned.values()]
    return Expected(entry, Verdict.KNOWN if all(known) else Verdict.STORED, body=body)


async def _is_archived(tables: Tables, planned: Planned) -> bool:
    table, row = planned.archived
    keys = str(row["PartitionKey"]), str(row["RowKey"])
    return await tables.get(table, *keys, Deadline.after(ENTRY_SECONDS)) is not None


def _delivery(entry: Entry, body: bytes) -> Delivery:
    return Delivery(body, entry.transport, entry.first_received_at, position=entry.position)


async def _deleted(tables: Tables, entry: Entry) -> bool:
    try:
        await tables.delete(QUARANTINE, entry.day, entry.entry_id, etag=entry.stored.etag)
    except RowChanged:
        return False
    return True
