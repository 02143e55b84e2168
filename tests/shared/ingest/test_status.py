"""Current state: the newest event wins, by the platform's clock, whatever order they come in."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.events import Clock
from shared.ingest.status import StatusChange
from shared.ingest.words import CONFIRMED_WITHIN_TICKS
from shared.instants import Instant
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


def _without_empty(row):
    return {name: value for name, value in row.items() if value is not None}


def test_a_sockets_row_has_the_columns_that_are_documented():
    """The state, which event says so, and what that event says of the whole."""
    event = _state("Charging", "2025-04-02T09:00:00.0000002Z", socketId=7, errorCode="GroundFailure")

    assert _without_empty(_merged([event])) == {
        "PartitionKey": "02",
        "RowKey": "ID_OF_CHARGER!socket-7",
        "charger_id": "ID_OF_CHARGER",
        "socket_id": "7",
        "status": "Charging",
        "error_code": "GroundFailure",
        "message": "eMabler Simulator Status Update",
        "status_occurred_at": Instant.from_iso("2025-04-02T09:00:00.0000002Z"),
        "status_clock": "platform",
        "status_event_id": event.event_id,
        "status_device_at": Instant.from_iso("2025-04-02T09:11:03.6809050Z"),
        "source": "push",
        "connection": "online",
        "last_occurred_at": Instant.from_iso("2025-04-02T09:00:00.0000002Z"),
        "last_clock": "platform",
        "last_event_id": event.event_id,
        "site_id": "123",
        "external_site_id": "EXT-1",
    }


def test_the_row_of_a_charger_that_booted_has_the_columns_that_are_documented():
    """What it is; a serial number `NotSet` is none."""
    boot = event_of(documented("mt", "charger_boot", serialNumber="S1", receivedTimestamp="2025-04-02T09:30:00Z"))
    booted_at = Instant.from_iso("2025-04-02T09:30:00.0000000Z")

    assert _without_empty(_merged([boot])) == {
        "PartitionKey": "02",
        "RowKey": "ID_OF_CHARGER!charger",
        "charger_id": "ID_OF_CHARGER",
        "serial_number": "S1",
        "charger_model": "eMablerSIM",
        "manufacturer": "eMabler",
        "firmware_version": "1.1",
        "iccid": "ICCID123",
        "imsi": "IMSI123",
        "meter_serial_number": "METER123",
        "meter_type": "S0 Meter",
        "boot_occurred_at": booted_at,
        "boot_clock": "platform",
        "boot_event_id": boot.event_id,
        "source": "push",
        "connection": "online",
        "last_occurred_at": booted_at,
        "last_clock": "platform",
        "last_event_id": boot.event_id,
        "site_id": "123",
        "external_site_id": "EXT-1",
    }
    assert "serial_number" not in _without_empty(_merged([BOOT]))


@pytest.mark.parametrize(
    ("event", "row_key"),
    [
        (EARLY, "socket-1"),
        (MAIN, "charger"),
        (_state("Error", None, socketId=None), "charger"),
        (BOOT, "charger"),
    ],
)
def test_socket_0_and_no_socket_are_the_charger(event, row_key):
    """Socket 0 is the main controller."""
    change = StatusChange.of(event, 4)

    assert (change.table, change.row_key) == ("ChargerStatus", f"ID_OF_CHARGER!{row_key}")
    assert not change.is_likely_new


def test_what_is_no_state_changes_no_row():
    """A transaction says nothing of what a socket does now, as far as is documented."""
    assert StatusChange.of(event_of(documented("mt", "charging_transaction")), 4) is None


@pytest.mark.parametrize(
    ("row_of", "event"), [([LATE], LATE), ([LATE], EARLY), ([BOOT, MAIN], BOOT), ([BOOT, MAIN], MAIN)]
)
def test_what_says_nothing_newer_writes_nothing(row_of, event):
    """A repeat and a late message cost no write."""
    assert StatusChange.of(event, 4).merged(_merged(row_of)) is None


def test_an_older_boot_says_nothing_of_the_whole():
    """It is the newest of its kind all the same."""
    row = _merged([MAIN, event_of(documented("mt", "charger_boot", receivedTimestamp="2025-04-02T09:00:00Z"))])

    assert (row["boot_occurred_at"].iso, row["last_event_id"]) == ("2025-04-02T09:00:00.0000000Z", MAIN.event_id)
    assert "site_id" not in _without_empty(row)


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


def test_any_time_is_newer_than_none():
    """Also the charger's own; of two states without a time the event id decides."""
    timeless, other = (_state(status, None, deviceTimeStamp=None) for status in ("Error", "Preparing"))
    by_device = _state("Charging", None, deviceTimeStamp="1970-01-01T00:00:00Z")

    assert _merged([timeless, by_device])["status"] == _merged([by_device, timeless])["status"] == "Charging"
    assert _merged([timeless, other]) == _merged([other, timeless])


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


# ---- Where a poll was quicker --------------------------------------------------------------------------------------

NINE = Instant.from_iso("2025-04-02T09:00:00.0000000Z")


def _polled(**columns):
    """A row as a poll left it, which dated the state at nine."""
    return {
        "status": "Charging",
        "status_occurred_at": NINE,
        "status_clock": str(Clock.PLATFORM),
        "status_event_id": "",
        "source": "poll",
        "connection": "online",
    } | columns


def _told(status, ticks_before_nine, **changes):
    return _state(status, Instant(NINE - ticks_before_nine).iso, **changes)


@pytest.mark.parametrize(
    ("ticks_before_nine", "is_confirmed"),
    [(-1, True), (0, True), (1, True), (CONFIRMED_WITHIN_TICKS, True), (CONFIRMED_WITHIN_TICKS + 1, False)],
)
def test_the_event_of_a_state_that_a_poll_saw_first_makes_it_pushs_word(ticks_before_nine, is_confirmed):
    """A poll may date a state up to 15 minutes after its event; what is older was another time of the same state."""
    event = _told("Charging", ticks_before_nine)

    row = _merged([event], _polled())

    assert row["source"] == ("push" if is_confirmed else "poll")
    assert row["status_event_id"] == (event.event_id if is_confirmed else "")
    assert CONFIRMED_WITHIN_TICKS == 15 * 60 * 10_000_000


@pytest.mark.parametrize(
    ("row", "event"),
    [
        (_polled(), _told("Preparing", 1)),
        (_polled(source="push", status_event_id="0" * 64), _told("Charging", 1)),
        (_polled(), event_of(documented("mt", "charger_boot", receivedTimestamp=Instant(NINE - 1).iso))),
        (_polled(), _state("Charging", None, deviceTimeStamp=Instant(NINE - 1).iso)),
    ],
    ids=["another state", "a state that push told", "a boot", "the charger's own clock"],
)
def test_nothing_else_that_is_older_confirms_a_state(row, event):
    """The state stays as it was told."""
    merged = _merged([event], row)

    assert {name: merged[name] for name in ("status", "status_occurred_at", "source", "status_event_id")} == {
        name: row[name] for name in ("status", "status_occurred_at", "source", "status_event_id")
    }


@pytest.mark.parametrize(("seen_after_ticks", "connection"), [(1, "offline"), (0, "offline"), (-1, "online")])
def test_what_rest_heard_after_an_event_says_whether_the_charger_is_connected(seen_after_ticks, connection):
    """Or at the same moment, whichever of the two was here first; until an event comes that is newer than that."""
    seen_at = Instant(NINE + seen_after_ticks)
    row = _polled(status_occurred_at=Instant(NINE - 1), connection="offline", connection_seen_at=seen_at)

    merged = _merged([_told("Finishing", 0)], row)

    assert (merged["status"], merged["connection"]) == ("Finishing", connection)
    assert merged["connection_seen_at"] == (seen_at if seen_after_ticks >= 0 else None)


def test_an_event_without_any_time_is_older_than_all_that_rest_heard():
    """It may be of any time."""
    timeless = _state("Charging", None, deviceTimeStamp=None)
    first = Instant(1)

    merged = _merged([timeless], {"connection": "offline", "connection_seen_at": first})

    assert (merged["connection"], merged["connection_seen_at"]) == ("offline", first)
