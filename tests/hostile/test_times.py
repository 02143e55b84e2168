"""Times as nobody should write them, and clocks that nobody should trust: what each comes to, by docs/decisions/0002.

The expected results are from the documents: eMabler's (UTC without an offset, .NET's year 1 for "never"), ISO 8601, the
reach of Edm.DateTime (1601 to 9999), and docs/tables.md for where a row is.
"""

import itertools

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from shared.emabler.times import read_instant
from shared.events import Clock, NoveltyKind
from shared.ingest.freshness import Told
from shared.ingest.plan import current_state_changes, understand
from shared.instants import TICKS_PER_SECOND, Instant
from shared.tables.store import Kind, Operation
from tests.support.messages import RECEIVED_AT, deliver, documented, event_of

PLATFORM = "2026-01-15T11:59:59.1234567Z"
"""A second before our own clock in these tests, `RECEIVED_AT`."""
DAY_TICKS = 24 * 3600 * TICKS_PER_SECOND

FRACTIONS = [
    ("2025-04-02T09:11:03Z", "2025-04-02T09:11:03.0000000Z"),
    ("2025-04-02T09:11:03.1Z", "2025-04-02T09:11:03.1000000Z"),
    ("2025-04-02T09:11:03.12Z", "2025-04-02T09:11:03.1200000Z"),
    ("2025-04-02T09:11:03.123Z", "2025-04-02T09:11:03.1230000Z"),
    ("2025-04-02T09:11:03.1234Z", "2025-04-02T09:11:03.1234000Z"),
    ("2025-04-02T09:11:03.12345Z", "2025-04-02T09:11:03.1234500Z"),
    ("2025-04-02T09:11:03.123456Z", "2025-04-02T09:11:03.1234560Z"),
    ("2025-04-02T09:11:03.1234567Z", "2025-04-02T09:11:03.1234567Z"),
    ("2025-04-02T09:11:03.0000001Z", "2025-04-02T09:11:03.0000001Z"),
    ("2025-04-02T09:11:03.12345678Z", "2025-04-02T09:11:03.1234567Z"),
    ("2025-04-02T09:11:03.123456789Z", "2025-04-02T09:11:03.1234567Z"),
    ("2025-04-02T09:11:03.99999999999999999999Z", "2025-04-02T09:11:03.9999999Z"),
    ("2025-04-02T09:11:03,1234567Z", "2025-04-02T09:11:03.1234567Z"),
]
"""Digits past the seventh are cut, never rounded: rounding could carry an event into the next month's table."""

OFFSETS = [
    ("2025-04-02T09:11:03.1234567+14:00", "2025-04-01T19:11:03.1234567Z"),
    ("2025-04-02T09:11:03.1234567-12:00", "2025-04-02T21:11:03.1234567Z"),
    ("2025-04-02T09:11:03+05:30", "2025-04-02T03:41:03.0000000Z"),
    ("2025-04-02T09:11:03+0530", "2025-04-02T03:41:03.0000000Z"),
    ("2025-04-02T09:11:03.1234567+0530", "2025-04-02T03:41:03.1234567Z"),
    ("2025-04-02T09:11:03-00:00", "2025-04-02T09:11:03.0000000Z"),
    ("2025-04-02T09:11:03z", "2025-04-02T09:11:03.0000000Z"),
    ("2025-04-02t09:11:03.1234567z", "2025-04-02T09:11:03.1234567Z"),
    ("2025-04-02 09:11:03.1234567Z", "2025-04-02T09:11:03.1234567Z"),
    (" 2025-04-02T09:11:03Z\r\n", "2025-04-02T09:11:03.0000000Z"),
    ("2025-04-02T09:11:03", "2025-04-02T09:11:03.0000000Z"),
    ("2025-04-02T09:11:03.1234567", "2025-04-02T09:11:03.1234567Z"),
]
"""ISO 8601 in both formats of the offset; without any it is UTC."""

BORDERS = [
    ("1601-01-01T00:00:00Z", "1601-01-01T00:00:00.0000000Z"),
    ("1601-01-01T14:00:00+14:00", "1601-01-01T00:00:00.0000000Z"),
    ("1969-12-31T23:59:59.9999999Z", "1969-12-31T23:59:59.9999999Z"),
    ("1970-01-01T00:00:00Z", "1970-01-01T00:00:00.0000000Z"),
    ("2038-01-19T03:14:08Z", "2038-01-19T03:14:08.0000000Z"),
    ("9999-12-31T23:59:59.9999999Z", "9999-12-31T23:59:59.9999999Z"),
    ("9999-12-31T23:59:59.9999999+14:00", "9999-12-31T09:59:59.9999999Z"),
    ("2000-02-29T00:00:00Z", "2000-02-29T00:00:00.0000000Z"),
    ("2024-02-29T23:59:59.9999999Z", "2024-02-29T23:59:59.9999999Z"),
    ("2024-03-01T00:30:00+01:00", "2024-02-29T23:30:00.0000000Z"),
    ("2025-01-31T23:59:59.9999999Z", "2025-01-31T23:59:59.9999999Z"),
    ("2025-02-01T00:00:00Z", "2025-02-01T00:00:00.0000000Z"),
    ("2025-02-01T00:30:00+01:00", "2025-01-31T23:30:00.0000000Z"),
    ("2025-12-31T23:30:00-01:00", "2026-01-01T00:30:00.0000000Z"),
]

LEAP_SECONDS = [
    ("2016-12-31T23:59:60Z", "2017-01-01T00:00:00.0000000Z"),
    ("2016-12-31T23:59:60.9999999Z", "2017-01-01T00:00:00.9999999Z"),
    ("2017-01-01T00:59:60+01:00", "2017-01-01T00:00:00.0000000Z"),
    ("2016-12-31t23:59:60z", "2017-01-01T00:00:00.0000000Z"),
    ("2024-02-29T23:59:60Z", "2024-03-01T00:00:00.0000000Z"),
]
"""The second after 23:59:59, as POSIX and every clock without leap seconds has it."""

NEVER = ["0001-01-01T00:00:00Z", "0001-01-01T00:00:00", "0001-01-01T00:00:00.0000000Z", "0001-01-01T00:00:00+02:00"]
""".NET's DateTime.MinValue, which is no time and nothing new either."""

UNREADABLE = [
    "0002-01-01T00:00:00Z",
    "1600-12-31T23:59:59.9999999Z",
    "1601-01-01T00:00:00+00:01",
    "9999-12-31T23:59:59.9999999-00:01",
    "9999-12-31T23:59:60Z",
    "10000-01-01T00:00:00Z",
    "0000-00-00T00:00:00Z",
    "-2025-04-02T09:11:03Z",
    "2023-02-29T00:00:00Z",
    "1900-02-29T00:00:00Z",
    "2100-02-29T00:00:00Z",
    "2025-04-31T00:00:00Z",
    "2025-00-10T00:00:00Z",
    "2025-13-10T00:00:00Z",
    "2025-04-02T24:00:00Z",  # RFC 3339 has no hour 24, .NET never writes it, and ISO 8601 took it out and in again
    "2025-04-02T24:00:01Z",
    "2025-04-02T25:00:00Z",
    "2025-04-02T09:60:00Z",
    "2025-04-02T09:11:61Z",
    "2025-04-02T09:11:03+24:00",
    "2025-04-02T09:11:03ZZ",
    "2025-04-02T09:11:03 CET",
    "0",
    "-1",
    "1743585063",
    "1743585063.784",
    "1743585063784",
    "17435850637849436",
    "638791890637849436",
    "/Date(1743585063784)/",
    "Wed, 02 Apr 2025 09:11:03 GMT",
    "04/02/2025 09:11:03",
    "02.04.2025 09:11:03",
    "\u0662\u0660\u0662\u0665-04-02T09:11:03Z",
    "2025-04-02T09:11:03\u221202:00",
    "yesterday",
    "null",
    "NaN",
    " ",
    "\x00",
    "9" * 4000,
]
"""Outside the tables' reach, no day of the calendar, a number of seconds, milliseconds or ticks, or junk."""


def _state(**times):
    return event_of(documented("mt", "charger_state", **{"receivedTimestamp": None, "deviceTimeStamp": None} | times))


def _noted(event):
    return [novelty.name for novelty in event.novelties if novelty.kind is NoveltyKind.UNREADABLE]


@pytest.mark.parametrize(("written", "iso"), [*FRACTIONS, *OFFSETS, *BORDERS, *LEAP_SECONDS])
@pytest.mark.parametrize(("field", "clock"), [("receivedTimestamp", "platform"), ("deviceTimeStamp", "device")])
def test_a_time_is_read_to_100_ns_and_decides_where_the_event_is(field, clock, written, iso):
    """Its UTC day is the partition, its UTC month the table, and the row can be stored."""
    (planned,) = understand(deliver(documented("mt", "charger_state") | _only(field, written)), 4, ()).planned.values()
    row = planned.archived.row

    assert (row["occurred_at"].iso, row["clock"], _noted(planned.event)) == (iso, clock, [])
    assert planned.archived.table == f"PushEvents{iso[:4]}{iso[5:7]}"
    assert row["PartitionKey"] == f"{iso[:4]}{iso[5:7]}{iso[8:10]}-02"
    assert row["RowKey"] == f"ID_OF_CHARGER!{iso}!{planned.event.event_id}"
    assert Operation(Kind.INSERT, row).encoded.json


def _only(field, written):
    return {"receivedTimestamp": None, "deviceTimeStamp": None} | {field: written}


@pytest.mark.parametrize("written", [*NEVER, *UNREADABLE, "", None])
def test_what_is_no_time_goes_to_the_undated_partition(written):
    """One fixed place, so that its repeats still meet; what cannot be read is counted in Drift, "never" is not."""
    message = documented("mt", "charger_state") | {"receivedTimestamp": written, "deviceTimeStamp": written}
    (planned,) = understand(deliver(message), 4, ()).planned.values()
    row = planned.archived.row

    assert (row["occurred_at"], row["clock"]) == (None, "none")
    assert (planned.archived.table, row["PartitionKey"]) == ("PushEventsUndated", "undated-02")
    assert row["RowKey"] == f"ID_OF_CHARGER!-!{planned.event.event_id}"
    fields = ["ChargerState.deviceTimeStamp", "ChargerState.receivedTimestamp"] if written in UNREADABLE else []
    assert sorted(_noted(planned.event)) == fields


@pytest.mark.parametrize("written", [1743585063, 1743585063.784, 1743585063784, True, [], {}, ["2025-04-02T09:11:03Z"]])
def test_a_time_is_text(written):
    """A number could be seconds, milliseconds or ticks, of several epochs: guessing would misplace the event."""
    event = _state(receivedTimestamp=written, deviceTimeStamp="2025-04-02T09:11:03Z")

    assert (event.clock, event.occurred_at.iso) == (Clock.DEVICE, "2025-04-02T09:11:03.0000000Z")
    assert _noted(event) == ["ChargerState.receivedTimestamp"]


@pytest.mark.parametrize("written", UNREADABLE)
def test_an_unreadable_device_time_costs_nothing_else(written):
    """The platform's time still dates the event."""
    event = _state(receivedTimestamp=PLATFORM, deviceTimeStamp=written)

    assert (event.clock, event.occurred_at.iso, event.device_at) == (Clock.PLATFORM, PLATFORM, None)
    assert event.content.status == "Available"


@settings(max_examples=300)
@given(st.integers(504_911_232_000_000_000 + DAY_TICKS, 3_155_378_976_000_000_000 - DAY_TICKS), st.integers(-840, 840))
@example(Instant.from_iso("2025-01-31T23:59:59.9999999Z"), 60)
def test_every_instant_is_read_back_from_every_offset(ticks, offset_minutes):
    """To the tick, from 1601 to 9999 and from fourteen hours before UTC to fourteen after it."""
    local = Instant(ticks + offset_minutes * 60 * TICKS_PER_SECOND).iso.removesuffix("Z")
    hours, minutes = divmod(abs(offset_minutes), 60)
    sign = "-" if offset_minutes < 0 else "+"

    event = _state(deviceTimeStamp=f"{local}{sign}{hours:02d}:{minutes:02d}")

    assert event.device_at == ticks


# Each is (its receive time, its device time), from the oldest to the newest by decision 2.
ORDERED = [
    (None, None),
    (None, "1970-01-01T00:00:00Z"),
    (None, "2026-01-15T12:05:00Z"),  # the charger runs five minutes ahead of us
    (None, "2080-01-01T00:00:00Z"),  # and decades ahead
    (None, "9999-12-31T23:59:59.9999999Z"),
    ("2025-04-02T09:11:03.0000000Z", "2080-01-01T00:00:00Z"),
    ("2025-04-02T09:11:03.0000001Z", None),
    ("2025-04-02T09:11:03.0000002Z", "1970-01-01T00:00:00Z"),
    (PLATFORM, "2026-01-15T12:05:00Z"),
    ("2026-01-15T12:03:00Z", None),  # the platform runs three minutes ahead of us
    ("2026-01-15T14:10:00+02:00", "0001-01-01T00:00:00Z"),
    ("2080-01-01T00:00:00Z", None),  # it is the one clock of the fleet: believed, however far ahead
]


@pytest.mark.parametrize(("older", "newer"), list(itertools.combinations(ORDERED, 2)))
def test_the_platforms_clock_decides_and_the_chargers_only_among_its_own_kind(older, newer):
    """In the order of events, and in the row of the current state whichever comes first."""
    old = _state(receivedTimestamp=older[0], deviceTimeStamp=older[1])
    new = event_of(
        documented("mt", "charger_state", status="Charging")
        | dict(zip(("receivedTimestamp", "deviceTimeStamp"), newer, strict=True))
    )

    assert old.precedence < new.precedence
    assert _current_state(old, new)["status"] == _current_state(new, old)["status"] == "Charging"
    assert _current_state(old, new) == _current_state(new, old)


def _current_state(*events):
    row = None
    for event in events:
        (change,) = current_state_changes([event], 4)
        row = change.merged(row) or row
    return {column: value for column, value in row.items() if value is not None}


@pytest.mark.parametrize(
    ("received", "device", "table", "day", "clock"),
    [
        (PLATFORM, "2026-01-15T12:05:00Z", "PushEvents202601", "20260115", "platform"),
        (PLATFORM, "2080-01-01T00:00:00Z", "PushEvents202601", "20260115", "platform"),
        (None, "2026-01-15T12:05:00Z", "PushEvents202601", "20260115", "device"),
        (None, "2080-01-01T00:00:00Z", "PushEvents208001", "20800101", "device"),
        ("2026-02-01T00:00:00.0000001Z", "2026-01-31T23:59:59Z", "PushEvents202602", "20260201", "platform"),
        ("2031-01-15T12:00:00Z", PLATFORM, "PushEvents203101", "20310115", "platform"),
        ("soon", "2026-01-15T12:05:00Z", "PushEvents202601", "20260115", "device"),
        ("9999-12-31T23:59:59.9999999Z", None, "PushEvents999912", "99991231", "platform"),
    ],
)
def test_a_clock_that_runs_ahead_is_data_and_the_event_is_where_its_own_time_says(received, device, table, day, clock):
    """Our own clock has no say: a repeat a month later must meet its original."""
    message = documented("mt", "charger_state") | {"receivedTimestamp": received, "deviceTimeStamp": device}

    (planned,) = understand(deliver(message), 4, ()).planned.values()

    assert (planned.archived.table, planned.archived.row["PartitionKey"]) == (table, f"{day}-02")
    assert (planned.archived.row["clock"], planned.archived.row["first_received_at"]) == (clock, RECEIVED_AT)


@pytest.mark.parametrize(
    ("received", "device", "told_at"),
    [
        (PLATFORM, "2080-01-01T00:00:00Z", PLATFORM),
        ("2026-01-15T12:03:00Z", None, RECEIVED_AT.iso),
        ("2080-01-01T00:00:00Z", None, RECEIVED_AT.iso),
        (None, "2080-01-01T00:00:00Z", RECEIVED_AT.iso),
        (None, None, RECEIVED_AT.iso),
    ],
)
def test_nothing_was_told_later_than_it_reached_us(received, device, told_at):
    """Else a clock that runs ahead would hide that push fell silent."""
    event = _state(receivedTimestamp=received, deviceTimeStamp=device)

    assert Told.of(event, RECEIVED_AT).at.iso == told_at


STARTED = "2026-01-15T09:00:00.0000000Z"
ENDED = "2026-01-15T11:00:00.0000000Z"


@pytest.mark.parametrize(
    ("full_started", "full_ended", "is_reused", "started_at", "ended_at"),
    [
        (STARTED, ENDED, None, STARTED, ENDED),
        ("2026-01-15T09:05:00.0000000Z", ENDED, None, "2026-01-15T09:05:00.0000000Z", ENDED),
        ("2026-01-16T09:00:00.0000000Z", ENDED, None, "2026-01-16T09:00:00.0000000Z", ENDED),
        ("2026-01-16T09:00:00.0000001Z", ENDED, True, "2026-01-16T09:00:00.0000001Z", ENDED),
        ("2080-01-01T00:00:00.0000000Z", ENDED, True, "2080-01-01T00:00:00.0000000Z", ENDED),
        (None, "2026-01-19T11:00:00.0000000Z", None, STARTED, "2026-01-19T11:00:00.0000000Z"),
        ("soon", ENDED, None, STARTED, ENDED),
    ],
)
def test_a_charger_whose_clock_jumps_splits_a_session_past_a_day_and_the_row_says_so(
    full_started, full_ended, is_reused, started_at, ended_at
):
    """The newest fragment by the platform's clock is shown: the driver is billed for what the charger says."""
    ids = {"transactionId": "17", "evseTransactionId": None}
    start = event_of(
        documented("mt", "charging_transaction", **ids, receivedTimestamp=STARTED, deviceTimeStamp=STARTED)
    )
    times = {"deviceTimeStampStart": full_started, "deviceTimeStampEnd": full_ended}
    full = event_of(documented("mt", "full_charging_transaction", **ids, receivedTimestamp=PLATFORM, **times))

    row = _current_state(start, full)

    assert row == _current_state(full, start)
    assert (row["started_at"].iso, row["ended_at"].iso) == (started_at, ended_at)
    assert (row["id_reused"] or None, row["last_occurred_at"].iso) == (is_reused, PLATFORM)


@pytest.mark.parametrize(
    ("device_times", "measured_at"),
    [
        (["2080-01-01T00:00:00Z", "2025-04-02T09:11:03Z"], "2080-01-01T00:00:00.0000000Z"),
        (["soon", "2025-04-02T09:11:03.0000001Z"], "2025-04-02T09:11:03.0000001Z"),
        (["0001-01-01T00:00:00Z", None], None),
    ],
)
def test_values_are_dated_by_the_newest_readable_device_time_and_their_row_by_the_platform(device_times, measured_at):
    """The charger's clock is a column; the place is the platform's day."""
    items = [{"deviceTimeStamp": at, "value": str(number)} for number, at in enumerate(device_times)]
    message = documented("mt", "measurements", receivedTimestamp=PLATFORM, measurements=items)

    (planned,) = understand(deliver(message), 4, ()).planned.values()

    kept = planned.measured.row["measured_at"]
    assert (kept.iso if kept is not None else None) == measured_at
    assert (planned.measured.table, planned.measured.row["PartitionKey"]) == ("Measurements202601", "20260115-02")


@pytest.mark.parametrize("text", ["1712010201040", "1712010201", " 20250402 ", "2025-04-02T09:00:00Z" + " " * 100])
def test_a_count_of_something_and_a_text_without_end_are_no_times(text):
    """Milliseconds since 1970 can look like a year, a month and a day; what they are is not said."""
    with pytest.raises(ValueError, match="ISO 8601"):
        read_instant(text)


def test_a_leap_second_is_read_with_a_space_in_the_middle_too():
    """As other times are."""
    assert read_instant("2016-12-31 23:59:60Z") == read_instant("2016-12-31T23:59:60Z")
