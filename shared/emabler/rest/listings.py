"""A list of eMabler's, read row by row, and what is told of the reading afterwards."""

from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Hashable, Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Generic

from shared.emabler.rest.fields import JsonFields
from shared.emabler.rest.reading import Reader, Row
from shared.errors import EmablerError


class Ended(StrEnum):
    """Why a list had no more rows."""

    LAST_PAGE = "last-page"
    EMPTY_PAGE = "empty-page"
    REPEATED_PAGE = "repeated-page"
    PAGE_CAP = "page-cap"


@dataclass(slots=True)
class Tally:
    """What a reading of a list came to. Complete when the list has been read to its end; until then it grows."""

    pages: int = 0
    rows: int = 0
    """Rows handed out."""
    repeated_rows: int = 0
    """Rows that had been there before, on this page or an earlier one, and were left out."""
    unreadable_rows: int = 0
    """Rows without the id that makes them one, and left out."""
    unreadable_fields: Counter[str] = field(default_factory=Counter)
    """In how many rows a field was there and could not be read, by its name."""
    announced_rows: int | None = None
    """How many rows the newest page said the list has."""
    failures: dict[str, EmablerError] = field(default_factory=dict)
    """Where chargers are asked one by one: the ids that got no answer, with the reason."""
    ended: Ended | None = None
    """None while rows may follow, and for ever where reading stopped with an error."""

    @property
    def is_whole(self) -> bool:
        """Whether everything that eMabler has was handed out: only then may a watermark move past this list.

        Rows without an id do not count as missing: they are never going to have one. An empty page is an end only where
        eMabler announced no more rows than came.
        """
        if self.failures:
            return False
        came = self.rows + self.repeated_rows + self.unreadable_rows
        is_short = self.announced_rows is not None and came < self.announced_rows
        return self.ended is Ended.LAST_PAGE or (self.ended is Ended.EMPTY_PAGE and not is_short)


class Listing(Generic[Row]):
    """Rows, to be read with `async for`, and their `tally`. Each reading asks anew and has a new tally."""

    def __init__(self, rows: Callable[[Tally], AsyncGenerator[Row, None]]) -> None:
        self._rows = rows
        self.tally = Tally()

    def __aiter__(self) -> AsyncIterator[Row]:
        self.tally = Tally()
        return self._rows(self.tally)


@dataclass(frozen=True, slots=True)
class RowKind(Generic[Row]):
    """How the rows of one list are read, and what tells that two of them are the same."""

    read: Reader[Row]
    identity: Callable[[Row], Hashable]

    def readable(self, items: Iterable[Any], tally: Tally) -> Iterator[Row]:
        """The rows that could be read; the others are counted."""
        for item in items:
            row = None
            if isinstance(item, dict):
                fields = JsonFields(item)
                row = self.read(fields)
                tally.unreadable_fields.update(fields.unreadable)
            if row is None:
                tally.unreadable_rows += 1
            else:
                yield row

    def fresh(self, rows: Iterable[Row], seen: set[Hashable], tally: Tally) -> Iterator[Row]:
        """The rows that are not in `seen` yet, which learns them; the others are counted."""
        for row in rows:
            identity = self.identity(row)
            if identity in seen:
                tally.repeated_rows += 1
                continue
            seen.add(identity)
            tally.rows += 1
            yield row
