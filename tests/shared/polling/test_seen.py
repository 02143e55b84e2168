"""What a poll leaves of a charger for the next one."""

import orjson

from shared.emabler.rest.answers import ChargerSeen, SocketSeen
from shared.instants import Instant
from shared.polling.seen import asked_at, failed_row, first_polled_at, polled_at, seen_row
from shared.tables.edm import decode_row
from shared.tables.keys import shard
from shared.tables.store import Kind, Operation

NINE = Instant.from_iso("2025-04-02T09:00:00.0000000Z")
TEN = Instant.from_iso("2025-04-02T10:00:00.0000000Z")
CHARGER = ChargerSeen(
    "C/1",
    name="North",
    status="Charging",
    is_connected=True,
    last_seen_at=NINE,
    site_id="7",
    model="M",
    manufacturer="Maker",
    firmware_version="1.2",
    serial_number="S",
    is_push_enabled=True,
    sockets=(SocketSeen("1"), SocketSeen("2")),
)


def stored(row):
    """As the table gives it back."""
    return decode_row(orjson.loads(Operation(Kind.INSERT, row.row).encoded.json))


def test_a_row_has_what_rest_says_of_the_charger():
    """By shard, under a key that any id fits in, and without its sockets' states, which `ChargerStatus` has."""
    row = seen_row(CHARGER, NINE, None, {}, 4)

    assert row.table == "PollState"
    assert stored(row) == {
        "PartitionKey": f"seen-{shard('C/1', 4)}",
        "RowKey": "C~2f1",
        "charger_id": "C/1",
        "first_polled_at": NINE,
        "polled_at": NINE,
        "is_connected": True,
        "last_seen_at": NINE,
        "status": "Charging",
        "sockets": 2,
        "name": "North",
        "site_id": "7",
        "charger_model": "M",
        "manufacturer": "Maker",
        "firmware_version": "1.2",
        "is_push_enabled": True,
    }


def test_the_first_time_stays_and_the_last_moves():
    """What was there before anybody listened is judged by the first."""
    first = stored(seen_row(CHARGER, NINE, None, {}, 4))

    second = stored(seen_row(CHARGER, TEN, first, {}, 4))

    assert (first_polled_at(second), polled_at(second)) == (NINE, TEN)


def test_what_rest_does_not_say_any_more_is_gone():
    """A row is how REST shows the charger now."""
    first = stored(seen_row(CHARGER, NINE, None, {}, 4))

    second = stored(seen_row(ChargerSeen("C/1"), TEN, first, {}, 4))

    assert set(second) == {"PartitionKey", "RowKey", "charger_id", "first_polled_at", "polled_at", "sockets"}


def test_a_charger_that_was_never_polled_was_polled_at_the_beginning_of_time():
    """So it is the first to be asked for."""
    assert polled_at(None) == polled_at({}) == 0
    assert first_polled_at(None) is first_polled_at({}) is None


def test_a_charger_without_an_answer_was_asked_all_the_same():
    """So that it is not the first again; what is known of it stays."""
    polled = stored(seen_row(CHARGER, NINE, None, {}, 4))
    failed = stored(failed_row("C/1", TEN, polled, 4))

    assert (asked_at(None), asked_at(polled), asked_at(failed), polled_at(failed)) == (Instant(0), NINE, TEN, NINE)
    assert failed.items() >= {name: value for name, value in polled.items() if value is not None}.items()
    assert asked_at(stored(failed_row("NEW", TEN, None, 4))) == TEN


def test_what_push_has_not_told_is_kept_for_the_next_poll():
    """And gone when nothing is."""
    row = stored(seen_row(CHARGER, NINE, None, {"untold_since": NINE}, 4))

    assert row["untold_since"] == NINE
    assert "untold_since" not in stored(seen_row(CHARGER, TEN, row, {}, 4))


def _polled(before, **states):
    sockets = tuple(SocketSeen(socket_id, status=status) for socket_id, status in states.items())
    return stored(seen_row(ChargerSeen("C/1", sockets=sockets), NINE, before, {}, 4))


def test_what_rest_told_first_of_a_socket_is_kept_until_it_tells_something_else():
    """Then it told of a change, and no later word is the first; a socket that is new has its own first word."""
    first = _polled(None, s1="Available", s2="Charging")
    second = _polled(first, s1="Charging", s2="Charging", s3="Error")
    third = _polled(second, s1="Available", s2=None, s3="Error")

    assert [orjson.loads(row["first_states"]) for row in (first, second, third)] == [
        {"s1": "Available", "s2": "Charging"},
        {"s1": None, "s2": "Charging", "s3": "Error"},
        {"s1": None, "s2": "Charging", "s3": "Error"},
    ]
