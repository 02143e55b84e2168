"""Lists are followed to their end, whatever becomes of their pages on the way."""

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.emabler.rest import paging
from shared.emabler.rest.errors import (
    ContractBroken,
    CredentialsRefused,
    EmablerUnavailable,
    PermissionMissing,
    RateLimited,
)
from shared.emabler.rest.listings import Ended
from tests.shared.emabler.rest.support import ScriptedEmabler, limits, opened


def page(*items, has_next=False, **more):
    """A page of chargers, by their ids, as v2 sends it."""
    rows = [{"chargerId": item} if isinstance(item, str) else item for item in items]
    return httpx.Response(200, json={"items": rows, "hasNextPage": has_next, **more})


async def read(*answers):
    """The ids that a list of these pages gives, its tally, and what was asked."""
    emabler = ScriptedEmabler(*answers)
    listing = opened("v2", emabler.network()).chargers((), limits(calls=5000))
    ids = [charger.charger_id async for charger in listing]
    return ids, listing.tally, emabler.requests


async def test_all_pages_are_asked_for_in_order_with_a_stable_sort_key():
    """Each with the documented most rows, until one says that it is the last."""
    ids, tally, requests = await read(page("A", "B", has_next=True), page("C", has_next=True), page("D"))

    assert ids == ["A", "B", "C", "D"]
    assert [dict(request.url.params) for request in requests] == [
        {
            "page": str(number),
            "limit": "100",
            "sortKey": "chargerId",
            "sortDescending": "false",
            "includeConfigs": "false",
        }
        for number in (1, 2, 3)
    ]
    assert (tally.pages, tally.rows, tally.ended, tally.is_whole) == (3, 4, Ended.LAST_PAGE, True)


async def test_rows_that_shift_to_the_next_page_come_once():
    """A charger added in front moves the last of a page to the head of the next."""
    ids, tally, _ = await read(page("B", "C", has_next=True), page("C", "D", has_next=True), page("E"))

    assert ids == ["B", "C", "D", "E"]
    assert (tally.repeated_rows, tally.is_whole) == (1, True)


async def test_a_page_that_only_repeats_ends_the_list():
    """A server that ignores the page number would be followed for ever; such a list is not whole."""
    ids, tally, requests = await read(page("A", "B", has_next=True))

    assert ids == ["A", "B"]
    assert len(requests) == 2
    assert (tally.ended, tally.is_whole) == (Ended.REPEATED_PAGE, False)


@pytest.mark.parametrize(("announced", "is_whole"), [(None, True), (1, True), (2, False)])
async def test_an_empty_page_ends_the_list(announced, is_whole):
    """Whatever it says about a next one; it is the end only where no more rows were announced than came."""
    ids, tally, requests = await read(page("A", has_next=True), page(has_next=True, totalRecords=announced))

    assert ids == ["A"]
    assert len(requests) == 2
    assert (tally.ended, tally.is_whole) == (Ended.EMPTY_PAGE, is_whole)


async def test_pages_without_end_end_at_the_cap(monkeypatch):
    """New rows on every page, for ever; such a list is not whole."""
    monkeypatch.setattr(paging, "MAX_PAGES", 7)
    ids, tally, requests = await read(lambda request: page(f"C{request.url.params['page']}", has_next=True))

    assert ids == [f"C{number}" for number in range(1, 8)]
    assert len(requests) == 7
    assert (tally.ended, tally.is_whole) == (Ended.PAGE_CAP, False)


async def test_a_page_without_a_readable_row_does_not_end_the_list():
    """What cannot be read is no repeat."""
    ids, tally, _ = await read(page({}, 7, None, has_next=True), page("A"))

    assert ids == ["A"]
    assert (tally.unreadable_rows, tally.rows, tally.is_whole) == (3, 1, True)


async def test_a_row_that_cannot_be_read_costs_itself_only():
    """It is counted; so are the fields that could not be read in the rows around it, by name."""
    odd = {"chargerId": "B", "lastSeen": "long ago", "siteId": {}, "newThing": [1]}
    ids, tally, _ = await read(page("A", {"name": "without an id"}, odd))

    assert ids == ["A", "B"]
    assert tally.unreadable_rows == 1
    assert dict(tally.unreadable_fields) == {"lastSeen": 1, "siteId": 1}


@pytest.mark.parametrize(
    ("says", "pages"), [({}, 1), ({"hasNextPage": None}, 1), ({"hasNextPage": "true"}, 2), ({"hasNextPage": 0}, 1)]
)
async def test_a_page_that_is_not_full_is_the_last_where_it_says_nothing(says, pages):
    """What it says counts in whatever type it says it."""
    _, tally, _ = await read(httpx.Response(200, json={"items": [{"chargerId": "A"}], **says}), page("B"))

    assert tally.pages == pages


async def test_a_full_page_that_says_nothing_has_a_successor():
    """It costs one call more where it has none, and no row where it has."""
    full = [{"chargerId": f"C{number}"} for number in range(100)]
    ids, _, requests = await read(httpx.Response(200, json={"items": full}), page("X"))

    assert len(ids) == 101
    assert len(requests) == 2


@pytest.mark.parametrize("body", [{"Items": [{"chargerId": "A"}]}, [{"chargerId": "A"}]])
async def test_a_list_in_another_spelling_is_read(body):
    """Other case, or no object around it."""
    ids, _, _ = await read(httpx.Response(200, json=body))

    assert ids == ["A"]


async def test_null_for_a_list_is_an_empty_one():
    """.NET writes null where there is none."""
    ids, tally, _ = await read(httpx.Response(200, json={"items": None}))

    assert ids == []
    assert tally.is_whole


@pytest.mark.parametrize("body", [b"{}", b'{"items": 7}', b'{"items": {}}', b'"text"', b"null", b'{"data": []}'])
async def test_an_answer_without_a_list_breaks_the_contract(body):
    """An empty account looks different from a changed API."""
    with pytest.raises(ContractBroken, match="items"):
        await read(httpx.Response(200, content=body))


async def test_what_was_read_before_a_fault_was_handed_out():
    """The caller keeps the rows; the tally does not say that the list is whole."""
    emabler = ScriptedEmabler(page("A", has_next=True), httpx.Response(503))
    listing = opened("v2", emabler.network()).chargers((), limits())
    rows = aiter(listing)

    assert (await anext(rows)).charger_id == "A"
    with pytest.raises(EmablerUnavailable):
        await anext(rows)
    assert (listing.tally.ended, listing.tally.is_whole) == (None, False)


async def test_a_fault_in_the_middle_is_ridden_out():
    """The page is asked for again, and nothing comes twice."""
    ids, tally, _ = await read(page("A", has_next=True), httpx.Response(503), httpx.ReadError("gone"), page("B"))

    assert ids == ["A", "B"]
    assert tally.is_whole


def pages(count, *broken, fault=None, total=None):
    """Answers by page number: one charger on each, but for the broken ones, which can never be had."""

    def answer(request):
        number = int(request.url.params["page"])
        if number in broken:
            return fault if fault is not None else httpx.Response(503)
        return page(f"C{number}", has_next=number < count, totalRecords=count if total is None else total)

    return answer


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (httpx.Response(503), EmablerUnavailable),
        (httpx.Response(200, content=b"<html>sorry</html>"), ContractBroken),
        (httpx.Response(200, json={"items": 7}), ContractBroken),
    ],
)
async def test_a_page_that_cannot_be_had_costs_its_own_rows_only(fault, error):
    """It is noted, and the list is not whole: no watermark may move past it."""
    ids, tally, _ = await read(pages(4, 2, fault=fault))

    assert ids == ["C1", "C3", "C4"]
    assert list(tally.failures) == ["page 2"]
    assert isinstance(tally.failures["page 2"], error)
    assert (tally.pages, tally.rows, tally.ended, tally.is_whole) == (3, 3, Ended.LAST_PAGE, False)


async def test_every_other_page_may_be_missing():
    """Only failures in a row are an outage."""
    ids, tally, _ = await read(pages(9, 2, 3, 5, 6, 8))

    assert ids == ["C1", "C4", "C7", "C9"]
    assert list(tally.failures) == [f"page {number}" for number in (2, 3, 5, 6, 8)]
    assert tally.is_whole is False


async def test_a_first_page_that_cannot_be_had_ends_the_list():
    """Nobody knows whether there is another."""
    with pytest.raises(EmablerUnavailable):
        await read(pages(4, 1))


async def test_a_last_page_that_cannot_be_had_ends_the_list_with_its_error():
    """Nothing was announced behind it."""
    with pytest.raises(EmablerUnavailable):
        await read(pages(4, 4))


async def test_a_page_is_not_passed_over_where_no_length_was_announced():
    """There could be nothing behind it, for ever."""

    def answer(request):
        number = int(request.url.params["page"])
        return httpx.Response(503) if number == 2 else page(f"C{number}", has_next=number < 4)

    with pytest.raises(EmablerUnavailable):
        await read(answer)


async def test_three_pages_in_a_row_that_cannot_be_had_are_an_outage():
    """To ask for all the others would take the run's time and calls; what came before was handed out."""
    emabler = ScriptedEmabler(pages(9, 3, 4, 5))
    listing = opened("v2", emabler.network()).chargers((), limits(calls=5000))
    rows = aiter(listing)

    assert [(await anext(rows)).charger_id for _ in range(2)] == ["C1", "C2"]
    with pytest.raises(EmablerUnavailable):
        await anext(rows)
    assert list(listing.tally.failures) == ["page 3", "page 4"]
    assert (listing.tally.ended, listing.tally.is_whole) == (None, False)


@pytest.mark.parametrize(("status", "error"), [(401, CredentialsRefused), (403, PermissionMissing), (429, RateLimited)])
async def test_a_failure_that_is_no_pages_fault_passes_through(status, error):
    """The next page would be refused, too."""
    with pytest.raises(error):
        await read(pages(4, 2, fault=httpx.Response(status)))


async def test_reading_again_asks_again():
    """A listing is a question, not an answer; each reading has its own tally."""
    emabler = ScriptedEmabler(page("A"))
    listing = opened("v2", emabler.network()).chargers((), limits())

    first = [charger async for charger in listing]
    second = [charger async for charger in listing]

    assert first == second
    assert listing.tally.rows == 1


@given(rows=st.lists(st.integers(0, 30), max_size=60), sizes=st.lists(st.integers(1, 9), min_size=60, max_size=60))
async def test_any_page_boundaries_and_repeats_give_every_row_once(rows, sizes):
    """Whatever the pages, as long as each has something new: the first appearances, in order."""
    seen, pages = [], []
    remaining = list(dict.fromkeys(rows))
    for size in sizes:
        if not remaining:
            break
        fresh, remaining = remaining[:size], remaining[size:]
        pages.append(page(*[f"C{number}" for number in [*seen[-2:], *fresh]], has_next=bool(remaining)))
        seen += fresh

    ids, tally, _ = await read(*(pages or [page()]))

    assert ids == [f"C{number}" for number in dict.fromkeys(rows)]
    assert tally.is_whole
