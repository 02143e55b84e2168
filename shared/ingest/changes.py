"""What a batch wants to do to rows that have a history: the one shape that all projections share."""

from collections.abc import Sequence
from typing import Protocol

from shared.events import Event
from shared.tables.store import Row


class Change(Protocol):
    """Everything a batch has to say about one row.

    `merged` is a pure function of the row as it is now (None where there is none) and the change: the new row, or None
    where nothing has to be written. Merging is commutative, associative and idempotent, so that any order and any
    repeats of the same events end in the same row.
    """

    @property
    def table(self) -> str:
        """The table's name."""
        ...

    @property
    def partition_key(self) -> str:
        """The row's partition."""
        ...

    @property
    def row_key(self) -> str:
        """The row's key in its partition."""
        ...

    @property
    def is_likely_new(self) -> bool:
        """Whether the row probably does not exist yet, so that trying to insert it beats reading it first."""
        ...

    @property
    def events(self) -> Sequence[Event]:
        """The events behind the change, for quarantine should the row be refused."""
        ...

    def merged(self, current: Row | None) -> Row | None:
        """The row to write, or None."""
        ...
