"""What the promises say must be in the archive, kept beside an app that is pushed, killed and cleaned up."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from shared.ingest.rows import PUSH_EVENTS
from shared.tables.store import EdmValue, Tables
from tests.order.telling import Message
from tests.support.messages import event_of

Archive = dict[str, list[dict[str, EdmValue]]]
"""The rows of each table of the archive."""


@dataclass(frozen=True, slots=True)
class Known:
    """A message of the script: its identity, and the table of the archive that it belongs in."""

    event_id: str
    archive_table: str


def known(message: Message) -> Known:
    """By docs/decisions/0001 and docs/tables.md."""
    event = event_of(message)
    assert event.occurred_at is not None
    return Known(event.event_id, f"{PUSH_EVENTS}{event.occurred_at.month}")


@dataclass
class Ledger:
    """Of each table of the archive: which events must be in it, and which may be because they were delivered.

    Retention takes both away; a delivery after that may bring them back, and must where it is the first whole one.
    """

    must: defaultdict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    may: defaultdict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    ever: dict[str, bytes] = field(default_factory=dict)
    """Bodies of all events that were ever seen in the archive, by their identity: what the projections are made of."""
    completed: set[str] = field(default_factory=set)
    """All events that were ever completed."""
    seen: Archive = field(default_factory=dict)
    """The archive as it was when it was looked at last."""

    def attempted(self, messages: Iterable[Known]) -> None:
        """They were delivered; nobody knows yet with what success."""
        for message in messages:
            self.may[message.archive_table].add(message.event_id)

    def stored(self, messages: Iterable[Known]) -> None:
        """Their delivery was acknowledged.

        A repeat of what a dropped month held need not come back: a process remembers what it stored.
        """
        for message in messages:
            if message.event_id not in self.completed:
                self.must[message.archive_table].add(message.event_id)
            self.completed.add(message.event_id)

    def dropped(self, tables: Iterable[str]) -> None:
        """Retention took these tables."""
        for table in tables:
            for rows in (self.must, self.may, self.seen):
                rows.pop(table, None)

    async def check(self, tables: Tables) -> None:
        """Everything that must be in the archive is, once and for ever the same, and nothing that nobody delivered."""
        archived = await archive(tables)
        for table in archived.keys() | self.must.keys():
            rows = {str(row["event_id"]): row for row in archived.get(table, [])}
            assert len(rows) == len(archived.get(table, [])), f"{table} has an event twice"
            assert self.must[table] <= rows.keys(), f"{table} has lost {len(self.must[table] - rows.keys())} events"
            assert rows.keys() <= self.may[table], (
                f"{table} has {len(rows.keys() - self.may[table])} events of nobody's"
            )
            changed = [row for row in self.seen.get(table, []) if rows.get(str(row["event_id"])) != row]
            assert not changed, f"{table} has changed {len(changed)} of its rows"
            self.ever |= {event_id: str(row["raw"]).encode() for event_id, row in rows.items()}
        self.seen = archived


async def archive(tables: Tables) -> Archive:
    """All rows of the archive."""
    names = [name for name in await tables.list_tables() if name.startswith(PUSH_EVENTS)]
    return {name: [stored.row async for stored in tables.query(name)] for name in names}
