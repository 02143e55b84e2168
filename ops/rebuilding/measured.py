"""What a row of measurements ought to be: what its one event tells (pure)."""

from dataclasses import dataclass
from typing import Final

from shared.ingest.plan import Planned
from shared.tables.keys import SEPARATOR
from shared.tables.store import Row

_PARTS: Final = 4


@dataclass(slots=True)
class ToldMeasurements:
    """A message's row as the archive tells it; `row` is None where the archive lacks its event."""

    table: str
    partition_key: str
    row_key: str
    row: Row | None
    is_likely_new: bool = False

    @classmethod
    def of(cls, planned: Planned) -> "ToldMeasurements | None":
        """The row of an event; None where it has no measurements."""
        if planned.measured is None:
            return None
        table, row = planned.measured
        told = {name: value for name, value in row.items() if value is not None}
        return cls(table, str(row["PartitionKey"]), str(row["RowKey"]), told)

    def should_be(self, current: Row | None) -> Row | None:  # noqa: ARG002  # see Told: others hang on what is there
        """The row as it should be; None where it should not be."""
        return self.row

    def merged(self, current: Row | None) -> Row | None:
        """See RowChange. A row that should not be is deleted by others."""
        right = self.should_be(current)
        return None if right == current else right


def archived_row_key(row_key: str) -> str | None:
    """The key in the archive of the event that a row of measurements tells of: the same without its transaction.

    None for a key that this app gives to no row.
    """
    parts = row_key.split(SEPARATOR)
    return SEPARATOR.join((parts[0], *parts[2:])) if len(parts) == _PARTS else None
