"""What a rebuild found: of each table how many rows were right, and which were not and why (pure)."""

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from shared.tables.store import Row

MOST_NAMED: Final = 20
"""Rows that are named in a report; the others are counted."""


class Verdict(StrEnum):
    """How a row compares with what the archive tells."""

    EQUAL = "equal"
    """It is what the archive tells. A session over the end of a month is counted in both."""
    MISSING = "missing"
    """The archive tells of it, and it was not there: written."""
    DIFFERENT = "different"
    """It told something else: written again."""
    UNTOLD = "untold"
    """Nothing in the archive tells of it, though it should: deleted."""
    REFUSED = "refused"
    """Storage does not take it: left as it was."""


@dataclass(frozen=True, slots=True)
class Found:
    """A row that is not as it should be, and the columns in which it is not. No values: they may be personal."""

    table: str
    row_key: str
    verdict: Verdict
    columns: tuple[str, ...] = ()


@dataclass(slots=True)
class Findings:
    """The rows that were compared, counted by table and verdict, and the first of those that are not equal."""

    counts: Counter[tuple[str, Verdict]] = field(default_factory=Counter)
    named: list[Found] = field(default_factory=list)

    def add(self, found: Found) -> None:
        """Take one row in."""
        self.counts[found.table, found.verdict] += 1
        if found.verdict is not Verdict.EQUAL and len(self.named) < MOST_NAMED:
            self.named.append(found)

    def take(self, other: "Findings") -> None:
        """Take in what was found by another part of the work."""
        self.counts += other.counts
        self.named += other.named[: MOST_NAMED - len(self.named)]

    @property
    def differences(self) -> int:
        """Rows that are not equal; those among them that storage refuses are counted a second time as refused."""
        unequal = {Verdict.MISSING, Verdict.DIFFERENT, Verdict.UNTOLD}
        return sum(count for (_, verdict), count in self.counts.items() if verdict in unequal)

    @property
    def as_json(self) -> dict[str, Any]:
        """Counts and names, for a report and for the next run to go on from."""
        return {
            "counts": [[table, str(verdict), count] for (table, verdict), count in sorted(self.counts.items())],
            "named": [[one.table, one.row_key, str(one.verdict), list(one.columns)] for one in self.named],
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "Findings":
        """The reverse of `as_json`."""
        return cls(
            Counter({(table, Verdict(verdict)): count for table, verdict, count in data["counts"]}),
            [Found(table, key, Verdict(verdict), tuple(columns)) for table, key, verdict, columns in data["named"]],
        )


def compared(table: str, now: Row, right: Row | None) -> Found:
    """How a stored row compares with what it ought to be; None for a row that ought not to be."""
    row_key = str(now["RowKey"])
    if right is None:
        return Found(table, row_key, Verdict.UNTOLD)
    columns = tuple(sorted(name for name in {*now, *right} if now.get(name) != right.get(name)))
    return Found(table, row_key, Verdict.DIFFERENT if columns else Verdict.EQUAL, columns)
