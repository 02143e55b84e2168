"""What somebody wants to do to a row that has a history: the one shape that everything merged into rows shares."""

from typing import Protocol

from shared.tables.store import Row


class RowChange(Protocol):
    """Everything that is to be said about one row at once.

    `merged` is a pure function of the row as it is now (None where there is none) and the change: the new row, or None
    where nothing has to be written.
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

    def merged(self, current: Row | None) -> Row | None:
        """The row to write, or None."""
        ...
