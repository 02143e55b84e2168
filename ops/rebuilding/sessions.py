"""What a session's row ought to be: its fragments as the archive tells them, and those that it cannot tell (pure).

What REST told is in no archive, nor are the events of months that retention dropped: such fragments stay as they are.
"""

from dataclasses import dataclass, field

from shared.events import Event, FragmentKind
from shared.ingest.fragments import Fragment, fragment_of, newest, readable_fragments
from shared.ingest.sessions import TRANSACTIONS, SessionChange, assemble
from shared.instants import Instant
from shared.tables.keys import UNDATED
from shared.tables.store import EdmValue, Row


@dataclass(slots=True)
class ToldSession:
    """The fragments of one session that a month's archive tells, and ids of fragments that nothing tells."""

    partition_key: str
    row_key: str
    charger_id: EdmValue = None
    transaction_id: EdmValue = None
    fragments: dict[str, Fragment] = field(default_factory=dict)
    untold_ids: frozenset[str] = frozenset()
    table: str = TRANSACTIONS
    is_likely_new: bool = False

    def should_be(self, current: Row | None) -> Row | None:
        """The row as it should be, given what is there; None where it should not be."""
        kept = [
            fragment
            for fragment in readable_fragments(current)
            if fragment.event_id not in self.fragments and fragment.event_id not in self.untold_ids
        ]
        fragments = newest([*kept, *self.fragments.values()])
        if not fragments:
            return None
        keys: dict[str, EdmValue] = {
            "PartitionKey": self.partition_key,
            "RowKey": self.row_key,
            "charger_id": self.charger_id if self.fragments else (current or {}).get("charger_id"),
            "transaction_id": self.transaction_id if self.fragments else (current or {}).get("transaction_id"),
        }
        return {name: value for name, value in (keys | assemble(fragments)).items() if value is not None}

    def merged(self, current: Row | None) -> Row | None:
        """See RowChange. A row that should not be is deleted by others."""
        right = self.should_be(current)
        return None if right == current else right


def told_session(event: Event, shards: int, so_far: dict[str, ToldSession]) -> None:
    """Take an event's fragment into the session it belongs to, by row key."""
    change = SessionChange.of(event, shards)
    if change is None:
        return
    session = so_far.setdefault(change.row_key, ToldSession(change.partition_key, change.row_key))
    session.charger_id, session.transaction_id = change.charger_id, change.transaction_id
    session.fragments[event.event_id] = fragment_of(event)


def in_question(row: Row, told: ToldSession | None, month: str) -> list[tuple[Instant | None, str]]:
    """The events, by time and id, of a row's fragments that the month's archive should tell and did not tell."""
    known = set(told.fragments) if told is not None else set()
    return [
        (fragment.occurred_at, fragment.event_id)
        for fragment in readable_fragments(row)
        if fragment.told.kind is not FragmentKind.POLL
        and fragment.event_id not in known
        and _month_of(fragment.occurred_at) == month
    ]


def _month_of(when: Instant | None) -> str:
    return when.month if when is not None else UNDATED.capitalize()
