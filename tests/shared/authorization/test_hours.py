"""Weekly hours in the tag's own time zone."""

import pytest

from shared.authorization.hours import WeeklyHours
from shared.errors import Unacceptable
from shared.instants import Instant


def _at(text):
    return Instant.from_iso(f"{text}:00.0000000Z")


DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
OFFICE = WeeklyHours.parse("Mon-Fri 07:00-19:00; Sat 8:00-12:00", "UTC")


@pytest.mark.parametrize(
    ("moment", "is_open"),
    [
        ("2026-11-16T07:00", True),  # a Monday
        ("2026-11-16T06:59", False),
        ("2026-11-20T18:59", True),  # Friday
        ("2026-11-20T19:00", False),
        ("2026-11-21T08:00", True),  # Saturday
        ("2026-11-21T12:00", False),
        ("2026-11-22T09:00", False),  # Sunday
    ],
)
def test_a_window_includes_its_first_minute_and_not_its_last(moment, is_open):
    """On the days that it names."""
    assert OFFICE.include(_at(moment)) is is_open


@pytest.mark.parametrize(
    ("moment", "is_open"),
    [
        ("2026-11-20T21:59", False),
        ("2026-11-20T22:00", True),
        ("2026-11-21T05:59", True),
        ("2026-11-21T06:00", False),
        ("2026-11-22T22:00", True),  # Sunday evening ...
        ("2026-11-23T05:59", True),  # ... to Monday morning, over the week's end
        ("2026-11-23T06:00", False),
        ("2026-11-24T05:59", False),
    ],
)
def test_a_window_may_go_past_midnight_and_past_sunday(moment, is_open):
    """It belongs to the day on which it begins."""
    assert WeeklyHours.parse("Fri 22:00-06:00; Sun 22:00-06:00", "UTC").include(_at(moment)) is is_open


@pytest.mark.parametrize("text", ["Mon-Sun 00:00-24:00", "Sat-Fri 00:00-24:00", "mon - sun 0:00 - 0:00"])
def test_the_whole_week_can_be_said(text):
    """Ranges of days wrap, and an end at the begin is a day later."""
    hours = WeeklyHours.parse(text, "UTC")

    assert all(hours.include(_at(f"2026-11-{day:02d}T{hour:02d}:30")) for day in range(16, 23) for hour in range(24))


def test_the_clock_is_that_of_the_tags_time_zone():
    """07:00 in Helsinki is 05:00 UTC in winter and 04:00 in summer."""
    hours = WeeklyHours.parse("Mon-Sun 07:00-08:00", "Europe/Helsinki")

    assert hours.include(_at("2026-11-21T05:00"))
    assert not hours.include(_at("2026-11-21T04:59"))
    assert hours.include(_at("2026-07-21T04:00"))
    assert not hours.include(_at("2026-07-21T05:00"))


def test_the_night_in_which_clocks_go_back_is_an_hour_longer():
    """Both times that the clock shows 03:30 are within 03:00-04:00."""
    hours = WeeklyHours.parse("Sun 03:00-04:00", "Europe/Helsinki")

    assert [hours.include(_at(f"2026-10-25T{utc}")) for utc in ("00:30", "01:30", "02:30")] == [True, True, False]


def test_the_last_hours_of_time_have_an_answer():
    """A clock ahead of UTC has no date for them."""
    assert WeeklyHours.parse("Mon-Sun 00:00-24:00", "Asia/Tokyo").include(_at("9999-12-31T20:00"))


@pytest.mark.parametrize(
    "text",
    [
        *("", "always", "Mon", "Mon 7-19", "Mon 07:00", "Mon 07:00-19:00;", "07:00-19:00", "Mon,Tue 07:00-19:00"),
        *("Mon-Fri 25:00-26:00", "Mon 07:60-08:00", "Mon 07:00-24:01", "Mon 24:00-24:00", "Xyz 07:00-08:00"),
    ],
)
def test_other_texts_are_refused_with_what_would_be_right(text):
    """Nothing is guessed, because a guess opens or closes chargers."""
    with pytest.raises(
        Unacceptable, match=r"^(not weekly hours; write them|the days are Mon Tue|times are|hours begin)"
    ) as caught:
        WeeklyHours.parse(text, "UTC")

    assert caught.value.reason == "bad-hours"


@pytest.mark.parametrize("name", ["", "Mars/Olympus", "../etc/passwd", "Europe/"])
def test_an_unknown_time_zone_is_refused(name):
    """With an example of a good one."""
    with pytest.raises(Unacceptable, match="Europe/Helsinki") as caught:
        WeeklyHours.parse("Mon 07:00-08:00", name)

    assert caught.value.reason == "bad-time-zone"


def test_hours_keep_the_text_that_they_were_given_as():
    """A list that is written out again says what somebody once wrote."""
    hours = WeeklyHours.parse("mon-fri  7:00 - 19:00", "Europe/Helsinki")

    assert (hours.text, hours.time_zone) == ("mon-fri  7:00 - 19:00", "Europe/Helsinki")


NOONS = {day: _at(f"2026-11-{number}T12:00") for day, number in zip(DAYS, range(16, 23), strict=True)}


def _open_days(text):
    hours = WeeklyHours.parse(text, "UTC")
    return {day for day, noon in NOONS.items() if hours.include(noon)}


@pytest.mark.parametrize("day", DAYS)
def test_every_day_can_be_named(day):
    """In letters of either case."""
    assert _open_days(f"{day} 08:00-18:00") == _open_days(f"{day.upper()} 08:00-18:00") == {day}


def test_a_range_of_days_goes_forwards():
    """Sat-Mon are three days, and Mon-Wed are three others."""
    assert _open_days("Mon-Wed 08:00-18:00") == {"Mon", "Tue", "Wed"}
    assert _open_days("Sat-Mon 08:00-18:00") == {"Sat", "Sun", "Mon"}
