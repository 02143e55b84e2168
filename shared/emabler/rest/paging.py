"""eMabler's pages, followed to the end of the list, or to where following makes no sense any more.

v2's lists are `{page, limit, totalRecords, hasNextPage, items}`, pages count from 1. Offset paging repeats rows where
the list changes under the reader, so rows are told apart by their ids.
"""

from collections.abc import AsyncGenerator, Awaitable, Callable, Hashable
from dataclasses import dataclass
from typing import Any, Final

from shared.emabler.rest.errors import ContractBroken, EmablerUnavailable
from shared.emabler.rest.fields import JsonFields
from shared.emabler.rest.listings import Ended, RowKind, Tally
from shared.emabler.rest.reading import Row
from shared.emabler.rest.requests import Answer

OUTAGE_AFTER: Final = 3
"""So many pages in a row that cannot be had, and it is no page's fault: the run ends with the last one's error."""

MAX_PAGES: Final = 1000
"""Pages of one list: 100,000 chargers or 200,000 sessions. More than that is a loop, not a fleet."""


@dataclass(frozen=True, slots=True)
class Page:
    """One page: its items as they came, whether another follows, and how many items the whole list has."""

    items: list[Any]
    has_next: bool
    announced_rows: int | None = None


def read_page(answer: Answer, page_size: int) -> Page:
    """A page of a paged list. Raises ContractBroken for any other answer.

    Where the page does not say whether another follows, a full one has a successor.
    """
    value = answer.json()
    items = _items(value, "items", answer.request_name)
    fields = JsonFields(value if isinstance(value, dict) else {})
    has_next = fields.flag("hasNextPage")
    if has_next is None:
        has_next = len(items) >= page_size
    return Page(items, has_next, fields.whole("totalRecords"))


def read_whole_list(answer: Answer, list_name: str) -> Page:
    """The one page of a list that comes in one piece. Raises ContractBroken for any other answer."""
    return Page(_items(answer.json(), list_name, answer.request_name), has_next=False)


async def follow_pages(
    fetch: Callable[[int], Awaitable[Page]], kind: RowKind[Row], tally: Tally
) -> AsyncGenerator[Row, None]:
    """The rows of all pages, each once. A page that cannot be had is noted as a failure, and the next is asked for.

    Errors of `fetch` pass through, after the rows of the pages before, where they are not one page's, or where nobody
    knows whether another page follows.
    """
    seen: set[Hashable] = set()
    pages = _Pages(fetch, tally)
    for number in range(1, MAX_PAGES + 1):
        page = await pages.fetch(number)
        if page is None:
            continue
        readable = list(kind.readable(page.items, tally))
        fresh = list(kind.fresh(readable, seen, tally))
        for row in fresh:
            yield row
        ended = _ended(page, has_only_repeats=bool(readable) and not fresh)
        if ended is not None:
            tally.ended = ended
            return
    tally.ended = Ended.PAGE_CAP


class _Pages:
    """Fetches pages, and decides whether a failure is one page's or the list's."""

    def __init__(self, fetch: Callable[[int], Awaitable[Page]], tally: Tally) -> None:
        self._fetch = fetch
        self._tally = tally
        self._page_length = 0
        self._failures_in_a_row = 0

    async def fetch(self, number: int) -> Page | None:
        """The page; None for one that is left out."""
        try:
            page = await self._fetch(number)
        except (ContractBroken, EmablerUnavailable) as error:
            self._failures_in_a_row += 1
            if not self._another_follows(number) or self._failures_in_a_row == OUTAGE_AFTER:
                raise
            self._tally.failures[f"page {number}"] = error
            return None
        self._failures_in_a_row = 0
        self._page_length = max(self._page_length, len(page.items))
        self._tally.pages += 1
        self._tally.announced_rows = page.announced_rows
        return page

    def _another_follows(self, number: int) -> bool:
        announced_rows = self._tally.announced_rows
        return announced_rows is not None and number * self._page_length < announced_rows


def _ended(page: Page, *, has_only_repeats: bool) -> Ended | None:
    if not page.has_next:
        return Ended.LAST_PAGE
    if not page.items:
        return Ended.EMPTY_PAGE
    return Ended.REPEATED_PAGE if has_only_repeats else None


def _items(value: Any, list_name: str, request_name: str) -> list[Any]:
    """The list in an answer's object, null being none; or the answer itself where it is a bare list."""
    if isinstance(value, dict):
        lists = [field for name, field in value.items() if name.lower() == list_name]
        value = [] if lists == [None] else next(iter(lists), None)
    if not isinstance(value, list):
        raise ContractBroken(f"{request_name}: the answer has no list of {list_name}")
    return value
