"""Dates mean days of the tag's zone, and what was written comes back exactly."""

from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.tag_times import begin_of, end_of, exact, since
from shared.errors import Unacceptable
from shared.instants import Instant
from shared.tables.limits import END_OF_INSTANTS, FIRST_INSTANT

BERLIN = ZoneInfo("Europe/Berlin")
UTC = ZoneInfo("UTC")


@pytest.mark.parametrize(
    ("read", "text", "zone", "expected"),
    [
        (begin_of, "2026-12-31", UTC, "2026-12-31T00:00:00Z"),
        (end_of, "2026-12-31", UTC, "2027-01-01T00:00:00Z"),
        (begin_of, "2026-07-01", BERLIN, "2026-06-30T22:00:00Z"),
        (end_of, " 2026-12-31 ", BERLIN, "2026-12-31T23:00:00Z"),
        (end_of, "2026-12-31T18:00", BERLIN, "2026-12-31T17:00:00Z"),
        (end_of, "2026-12-31 18:00:30", UTC, "2026-12-31T18:00:30Z"),
        (end_of, "2026-12-31T18:00:00+05:30", BERLIN, "2026-12-31T12:30:00Z"),
        (end_of, "2026-12-31T18:00:00.1234567Z", BERLIN, "2026-12-31T18:00:00.1234567Z"),
        (end_of, "9999-12-31", UTC, "9999-12-31T23:59:59.9999999Z"),
    ],
)
def test_a_date_is_the_whole_day_and_a_time_is_of_its_zone(read, text, zone, expected):
    """The begin of the first day, and the end of the last."""
    assert exact(read(text, zone)) == expected


@pytest.mark.parametrize(
    "text", ["31.12.2026", "2026-02-30", "2026-13-01", "20261231", "soon", "2026-W53-4", "2026-12-31T25:00", "12:00"]
)
def test_what_is_no_time_is_refused_with_an_example(text):
    """Also forms of ISO 8601 that nobody means."""
    with pytest.raises(Unacceptable, match="write it like 2026-12-31"):
        begin_of(text, UTC)


@pytest.mark.parametrize("text", ["0900-01-01", "0001-01-01T00:00:00+12:00"])
def test_a_time_that_storage_cannot_hold_is_refused(text):
    """It begins in 1601."""
    with pytest.raises(Unacceptable, match="1601 to 9999"):
        begin_of(text, UTC)


@given(st.integers(FIRST_INSTANT, END_OF_INSTANTS - 1), st.sampled_from([UTC, BERLIN]))
def test_an_exact_time_reads_back_in_any_zone(ticks, zone):
    """To the last tick."""
    moment = Instant(ticks)

    assert begin_of(exact(moment), zone) == end_of(exact(moment), zone) == moment


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("30m", "2026-11-21T11:30:00Z"),
        ("2h", "2026-11-21T10:00:00Z"),
        ("7 d", "2026-11-14T12:00:00Z"),
        ("999999w", "1601-01-01T00:00:00Z"),
        ("2026-11-20", "2026-11-20T00:00:00Z"),
    ],
)
def test_since_is_a_time_or_how_long_ago(text, expected):
    """As somebody types it who wants to look back."""
    assert exact(since(text, UTC, Instant.from_iso("2026-11-21T12:00:00.0000000Z"))) == expected
