"""Whose word a row of the current state shows, for every way in which push's and REST's can differ."""

import orjson
import pytest

from shared.events import Clock, Precedence
from shared.ingest.words import (
    CONFIRMED_WITHIN_TICKS,
    Connection,
    polled_connection,
    polled_state,
    precedence_of,
    pushed_connection,
    pushed_state,
    show_connection,
    show_state,
    told_by_poll,
)
from shared.instants import Instant

NINE = Instant.from_iso("2025-04-02T09:00:00.0000000Z")


def _at(ticks):
    return Instant(NINE + ticks)


def _pushed(status="Charging", at=NINE, clock=Clock.PLATFORM, event_id="e1", **columns):
    told = {"status": status, "status_occurred_at": at, "status_clock": str(clock), "status_event_id": event_id}
    return {name: value for name, value in (told | columns).items() if value is not None}


def _shown(pushed, polled):
    row = {}
    show_state(row, pushed, polled)
    return {name: value for name, value in row.items() if value is not None}


def test_a_part_that_nobody_told_is_older_than_every_event():
    """Even than one without any time."""
    timeless = {"status_event_id": "", "status_clock": "none"}

    assert precedence_of({}, "status") < precedence_of(timeless, "status") < Precedence(False, Instant(0), "a")


def test_an_event_stands_where_its_columns_say():
    """By clock, time and id, each of its own part."""
    row = _pushed(at=_at(5), event_id="abc") | {"boot_event_id": "b", "boot_occurred_at": NINE, "boot_clock": "device"}

    assert precedence_of(row, "status") == Precedence(True, _at(5), "abc")
    assert precedence_of(row, "boot") == Precedence(False, NINE, "b")


def test_what_rest_tells_has_its_time_and_no_event():
    """Without a time no clock told it either."""
    assert told_by_poll("Charging", NINE) == _pushed(event_id="")
    assert told_by_poll("Charging", None) == {
        "status": "Charging",
        "status_occurred_at": None,
        "status_clock": "none",
        "status_event_id": "",
    }


@pytest.mark.parametrize(
    ("pushed", "polled", "source"),
    [
        (_pushed("Charging"), {}, "push"),
        (_pushed("Charging"), told_by_poll("Error", _at(1)), "poll"),
        (_pushed("Charging"), told_by_poll("Error", NINE), "push"),
        (_pushed("Charging"), told_by_poll("Error", _at(-1)), "push"),
        (_pushed("Charging"), told_by_poll("Error", None), "push"),
        (_pushed("Charging"), told_by_poll("Charging", _at(CONFIRMED_WITHIN_TICKS)), "push"),
        (_pushed("Charging"), told_by_poll("Charging", _at(CONFIRMED_WITHIN_TICKS + 1)), "poll"),
        (_pushed("Charging", clock=Clock.DEVICE), told_by_poll("Charging", _at(1)), "poll"),
        (_pushed("Charging", clock=Clock.DEVICE, at=_at(9)), told_by_poll("Error", NINE), "poll"),
        (_pushed("Charging", clock=Clock.NONE, at=None), told_by_poll("Charging", None), "push"),
        ({}, told_by_poll("Charging", None), "poll"),
        ({}, told_by_poll("Charging", NINE), "poll"),
    ],
)
def test_the_newer_one_is_shown_and_pushs_where_both_say_the_same(pushed, polled, source):
    """At the same time it is push's. By a charger's clock nothing is newer, or the same, for sure."""
    row = _shown(pushed, polled)
    shown = polled if source == "poll" else pushed
    told = {name: value for name, value in shown.items() if value is not None}

    assert row["source"] == source
    assert {name: value for name, value in row.items() if name not in {"source", "pushed_state"}} == told
    assert ("pushed_state" in row) == (source == "poll" and bool(pushed))


def test_a_quarter_of_an_hour_is_a_little():
    """In ticks."""
    assert CONFIRMED_WITHIN_TICKS == 15 * 60 * 10_000_000


def test_both_can_be_read_back_from_the_row():
    """To the hundred nanoseconds, whichever is shown."""
    pushed = _pushed(at=_at(3), status_device_at=_at(2), error_code="GroundFailure", message="x")
    polled = told_by_poll("Available", _at(9))
    by_poll, by_push = _shown(pushed, polled), _shown(pushed, {})

    assert (pushed_state(by_poll), polled_state(by_poll)) == (pushed, polled)
    assert (pushed_state(by_push), polled_state(by_push)) == (pushed, {})
    assert (pushed_state(_shown({}, polled)), pushed_state({}), polled_state({})) == ({}, {}, {})
    assert orjson.loads(by_poll["pushed_state"])["status_occurred_at"] == _at(3).iso


def test_a_row_of_a_boot_alone_has_no_state():
    """Whoever its source is said to be."""
    assert (pushed_state({"source": "push", "boot_event_id": "b"}), polled_state({"source": "poll"})) == ({}, {})


@pytest.mark.parametrize("spoiled", ["{", "[]", '{"status_occurred_at": 5}', '{"status_device_at": "yesterday"}', 5])
def test_what_somebody_spoiled_is_as_if_push_had_told_nothing(spoiled):
    """The next push, or a rebuild, makes it good."""
    assert pushed_state(told_by_poll("Error", NINE) | {"source": "poll", "pushed_state": spoiled}) == {}


def _heard(word, at=NINE):
    return {"connection": word, "last_event_id": "e1", "last_occurred_at": at, "last_clock": "platform"}


@pytest.mark.parametrize(
    ("row", "pushed", "polled"),
    [
        ({}, None, None),
        ({"connection": "online", "connection_seen_at": NINE}, None, Connection("online", NINE)),
        ({"connection": "offline"}, None, Connection("offline", None)),
        (_heard("online"), "online", None),
        (_heard("online") | {"connection_seen_at": NINE}, "offline", Connection("online", NINE)),
        (_heard("offline") | {"connection_seen_at": NINE}, "online", Connection("offline", NINE)),
        ({"last_event_id": "e1", "connection_seen_at": NINE}, None, None),
    ],
)
def test_whose_word_a_connection_is_can_be_read_back(row, pushed, polled):
    """REST's is shown only where push's is the other one."""
    assert (pushed_connection(row), polled_connection(row)) == (pushed, polled)


@pytest.mark.parametrize(
    ("pushed", "polled", "shown"),
    [
        ("online", None, ("online", None)),
        ("online", Connection("offline", _at(1)), ("offline", _at(1))),
        ("online", Connection("offline", NINE), ("offline", NINE)),
        ("online", Connection("offline", _at(-1)), ("online", None)),
        ("online", Connection("offline", None), ("online", None)),
        ("online", Connection("online", _at(1)), ("online", None)),
        (None, Connection("offline", None), ("offline", None)),
        (None, Connection("offline", NINE), ("offline", NINE)),
    ],
)
def test_a_connection_is_rests_word_where_that_is_another_and_not_older(pushed, polled, shown):
    """What REST has heard counts from the same moment on."""
    row = _heard("", NINE) if pushed is not None else {}

    show_connection(row, pushed, polled)

    assert (row["connection"], row["connection_seen_at"]) == shown


def test_what_rest_heard_is_newer_than_what_only_a_chargers_clock_dates():
    """That clock may be years ahead; and what nobody dated is older than all."""
    row = _heard("online", _at(10**15)) | {"last_clock": "device"}
    show_connection(row, "online", Connection("offline", NINE))
    undated = {"last_event_id": "e1", "last_clock": "none"}
    show_connection(undated, "online", Connection("offline", None))

    assert (row["connection"], undated["connection"]) == ("offline", "offline")
