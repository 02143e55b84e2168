"""What a batch of events wants to do to rows that have a history: the one shape that all projections share."""

from collections.abc import Sequence
from typing import Protocol

from shared.events import Event
from shared.tables.changes import RowChange


class Change(RowChange, Protocol):
    """A change that events make.

    Merging is commutative, associative and idempotent, so that any order and any repeats of the same events end in the
    same row.
    """

    @property
    def events(self) -> Sequence[Event]:
        """The events behind the change, for quarantine should the row be refused."""
        ...
