"""Current state: the newest event wins, by the platform's clock, whatever order they come in."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.ingest.status import StatusChange
from tests.support.messages import documented, event_of


def _state(status, at, **changes):
    return event_of(documented("mt", "charger_state", status=status, receivedTimestamp=at, **changes))


def _merged(events, row=None):
    for event in events:
        change = StatusChange.of(event, 4)
        row = change.merged(row) or row
    return row


EARLY = _state("Preparing", "2025-04-02T09:00:00.0000001Z")
LATE = _state("Charging", "2025-04-02T09:00:00.0000002Z")
OFFLINE = _state("Offline", "2025-04-02T10:00:00Z", deviceTimeStamp=None)
BOOT = event_of(documented("mt", "charger_boot", receivedTimestamp="2025-04-02T09:30:00Z"))
MAIN = _state("Unavailable", "2025-04-02T09:20:00Z", socketId=0, siteId=None)


def test_a_late_old_state_never_replaces_a_newer_one():
    """A hundred nanoseconds decide."""
    assert _merged([LATE, EARLY])["status"] == _merged([EARLY, LATE])["status"] == "Charging"


def test_of_two_states_at_one_time_the_event_id_decides():
    """Some order there has to be, and it must not be that of arrival."""
    one, other = (_state("Charging", "2025-04-02T09:00:00Z"), _state("Finishing", "2025-04-02T09:00:00Z"))

    assert _merged([one, other]) == _merged([other, one])


def test_info_is_a_report_and_no_state():
    """It would hide what the socket does."""
    assert StatusChange.of(_state("Info", "2025-04-02T11:00:00Z"), 4) is None


def test_a_device_clock_in_the_future_cannot_freeze_a_row():
    """A platform time counts before any device time."""
    runaway = _state("Error", None, deviceTimeStamp="2080-01-01T00:00:00Z")

    assert _merged([runaway, LATE])["status"] == _merged([LATE, runaway])["status"] == "Charging"


def test_a_state_without_any_time_is_shown_until_a_better_one_comes():
    """It is all there is."""
    timeless = _state("Error", None, deviceTimeStamp=None)

    assert _merged([timeless])["status"] == "Error"
    assert _merged([timeless, EARLY])["status"] == _merged([EARLY, timeless])["status"] == "Preparing"


def test_a_boot_and_the_main_controllers_state_share_the_chargers_row():
    """Each keeps its own part; the newest of the two says when the charger was last seen."""
    rows = [_merged(order) for order in itertools.permutations([BOOT, MAIN])]

    assert rows[0] == rows[1]
    assert (rows[0]["RowKey"], rows[0]["status"], rows[0]["charger_model"]) == (
        "ID_OF_CHARGER!charger",
        "Unavailable",
        "eMablerSIM",
    )
    assert (rows[0]["last_occurred_at"].iso, rows[0]["site_id"]) == ("2025-04-02T09:30:00.0000000Z", "123")


@pytest.mark.parametrize(
    ("events", "connection"), [([LATE], "online"), ([LATE, OFFLINE], "offline"), ([BOOT], "online")]
)
def test_the_connection_is_told_by_the_newest_event(events, connection):
    """The platform sends Offline when it loses the charger."""
    assert _merged(events)["connection"] == connection


def test_a_newer_state_clears_what_it_does_not_say():
    """An error code belongs to its state."""
    quiet = _state("Available", "2025-04-02T12:00:00Z", errorCode=None, message=None)

    assert _merged([LATE, quiet])["error_code"] is None


@settings(max_examples=200)
@given(
    st.permutations(
        [MAIN, BOOT, _state("Error", None, socketId=0), _state("Offline", "2025-04-02T09:40:00Z", socketId=0)]
    )
)
def test_any_order_ends_in_the_same_row(events):
    """With device times, platform times, boots and states mixed."""
    assert _merged(events) == _merged(sorted(events, key=lambda event: event.event_id))
