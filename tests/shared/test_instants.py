"""Points in time keep the hundred nanoseconds that decide which of two states is newer."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.instants import Instant

TICKS = st.integers(min_value=0, max_value=3_155_378_975_999_999_999).map(Instant)


def test_iso_has_seven_digits_whatever_the_time():
    """Text sorts as time does only if it always has the same length."""
    assert Instant.from_datetime(datetime(2025, 4, 2, 9, 11, 3, tzinfo=UTC)).iso == "2025-04-02T09:11:03.0000000Z"


def test_an_offset_is_turned_into_utc_and_naive_means_utc():
    """Both name the same instant."""
    with_offset = datetime(2022, 3, 7, 9, 35, 25, tzinfo=timezone(timedelta(hours=2)))
    naive = datetime(2022, 3, 7, 7, 35, 25)  # noqa: DTZ001  # a naive time is the case

    assert Instant.from_datetime(with_offset) == Instant.from_datetime(naive)


@given(TICKS)
def test_iso_is_read_back_to_the_tick(instant):
    """Nothing is lost between an instant and its text."""
    assert Instant.from_iso(instant.iso) == instant


@given(TICKS, TICKS)
def test_text_sorts_as_time_does(first, second):
    """Row keys hold times as text, and a range of keys has to be a range of time."""
    assert (first.iso < second.iso) == (first < second)


@pytest.mark.parametrize("text", ["2025-04-02T09:11:03Z", "2025-04-02T09:11:03.7849436+02:00", "", "x" * 28])
def test_only_its_own_form_is_read_back(text):
    """`from_iso` reads what `iso` wrote; vendor times go through `read_instant`."""
    with pytest.raises(ValueError, match=r"seven fractional|Invalid isoformat|invalid literal"):
        Instant.from_iso(text)


def test_day_and_month_name_partitions_and_tables():
    """The forms in which they stand in keys and table names."""
    instant = Instant.from_iso("2025-04-02T09:11:03.7849436Z")

    assert (instant.day, instant.month) == ("20250402", "202504")
    assert repr(instant) == "Instant(2025-04-02T09:11:03.7849436Z)"
