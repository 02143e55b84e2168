"""Schedules and what a timer is given."""

import json
from datetime import UTC, datetime

import pytest

from local.functions_host.errors import HostError
from local.functions_host.timers import Schedule, encode_timer, schedule_of


@pytest.mark.parametrize(
    ("expression", "next_time"),
    [
        ("30 */5 * * * *", datetime(2026, 3, 1, 0, 0, 30, tzinfo=UTC)),
        ("0 0 3 * * *", datetime(2026, 3, 1, 3, 0, 0, tzinfo=UTC)),
        ("15 2 * * *", datetime(2026, 3, 1, 2, 15, 0, tzinfo=UTC)),
        ("0 0 0 13 * Fri", datetime(2026, 3, 13, 0, 0, 0, tzinfo=UTC)),
    ],
)
def test_schedule_is_read_as_ncrontab(expression, next_time):
    """Seconds come first, five fields have none, and a day of month and a weekday must both match."""
    assert next_time == Schedule(expression).next_after(datetime(2026, 3, 1, tzinfo=UTC))


@pytest.mark.parametrize("expression", ["", "soon", "0 0 25 * * *", "00:05:00", "1 2 3 4 5 6 7", "0 0 0 30 2 *"])
def test_what_is_no_schedule_is_refused(expression):
    """A schedule that can never fire is an error at the start."""
    with pytest.raises(HostError, match="is no NCRONTAB schedule"):
        Schedule(expression)


def test_schedule_may_be_a_setting():
    """A `%SETTING%` in the binding is looked up in the environment."""
    schedule = schedule_of({"schedule": "%RETENTION_SCHEDULE%"}, {"RETENTION_SCHEDULE": "0 0 3 * * *"})

    assert schedule.expression == "0 0 3 * * *"


def test_timer_data_is_the_real_hosts():
    """The function sees the last run and the next one."""
    last, next_time = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 2, tzinfo=UTC)

    assert json.loads(encode_timer(last, next_time).json) == {
        "Schedule": {"AdjustForDST": True},
        "ScheduleStatus": {
            "Last": "2026-03-01T00:00:00+00:00",
            "Next": "2026-03-02T00:00:00+00:00",
            "LastUpdated": "2026-03-01T00:00:00+00:00",
        },
        "IsPastDue": False,
    }


def test_first_run_has_no_last():
    """Before the first run the last one is .NET's year 1, as in Azure."""
    data = json.loads(encode_timer(None, datetime(2026, 3, 2, tzinfo=UTC)).json)

    assert data["ScheduleStatus"]["Last"] == "0001-01-01T00:00:00"
