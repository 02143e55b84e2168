"""Every way eMabler is known to write a time, and some it may."""

import pytest

from shared.emabler.times import read_instant


@pytest.mark.parametrize(
    ("text", "iso"),
    [
        ("2025-04-02T09:11:32Z", "2025-04-02T09:11:32.0000000Z"),
        ("2025-04-02T09:11:32.4Z", "2025-04-02T09:11:32.4000000Z"),
        ("2025-04-02T09:11:32.45Z", "2025-04-02T09:11:32.4500000Z"),
        ("2025-04-02T09:11:32.456Z", "2025-04-02T09:11:32.4560000Z"),
        ("2025-04-02T09:11:32.4567Z", "2025-04-02T09:11:32.4567000Z"),
        ("2022-03-18T14:25:40.23181Z", "2022-03-18T14:25:40.2318100Z"),
        ("2025-04-02T09:11:43.700944Z", "2025-04-02T09:11:43.7009440Z"),
        ("2025-04-02T09:11:03.7849436Z", "2025-04-02T09:11:03.7849436Z"),
        ("2025-04-02T09:11:03.78494361Z", "2025-04-02T09:11:03.7849436Z"),
        ("2022-03-07T09:35:25.475575+02:00", "2022-03-07T07:35:25.4755750Z"),
        ("2022-03-07T09:35:25.4755759+02:00", "2022-03-07T07:35:25.4755759Z"),
        ("2022-03-07T09:35:25", "2022-03-07T09:35:25.0000000Z"),
        (" 2022-03-07t09:35:25z ", "2022-03-07T09:35:25.0000000Z"),
        ("2016-12-31T23:59:60Z", "2017-01-01T00:00:00.0000000Z"),
        ("2016-12-31T23:59:60.5Z", "2017-01-01T00:00:00.5000000Z"),
        ("1970-01-01T00:00:00Z", "1970-01-01T00:00:00.0000000Z"),
        ("2024-02-29T23:59:59.9999999Z", "2024-02-29T23:59:59.9999999Z"),
    ],
)
def test_times_are_read_to_the_last_digit(text, iso):
    """No, one to seven and more fractional digits, `Z`, offsets, none at all, leap seconds and sloppy writing."""
    assert read_instant(text).iso == iso


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00Z", "0001-01-01T00:00:00", "0001-01-01T00:00:00+02:00"])
def test_the_year_one_means_never(text):
    """.NET's DateTime.MinValue is sent where there is no time."""
    assert read_instant(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "yesterday",
        "2025-13-01T00:00:00Z",
        "2025-04-02T25:00:00Z",
        "1600-12-31T00:00:00Z",
        "9999-12-31T23:59:59-02:00",
        "9999-12-31T23:59:60Z",
        "1601-01-01T00:00:00+05:00",
        "2025-04-02T09:60:00Z",
    ],
)
def test_what_is_no_time_in_the_tables_reach_is_an_error(text):
    """The caller notes it and goes on without a time."""
    with pytest.raises(ValueError, match=r"."):
        read_instant(text)
