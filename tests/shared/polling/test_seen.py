"""What a poll leaves of a charger for the next one."""

import orjson
import pytest

from shared.emabler.rest.answers import ChargerSeen, SocketSeen
from shared.instants import Instant
from shared.polling.seen import asked_at, failed_row, first_polled_at, polled_at, seen_row
from shared.tables.edm import decode_row
from shared.tables.keys import shard
from shared.tables.store import Kind, Operation

NINE = Instant.from_iso("2025-04-02T09:00:00.0000000Z")
TEN = Instant.from_iso("2025-04-02T10:00:00.0000000Z")
ELEVEN = Instant.from_iso("2025-04-02T11:00:00.0000000Z")
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


def _polled(before, at, **states):
    sockets = tuple(SocketSeen(socket_id, status=status) for socket_id, status in states.items())
    return stored(seen_row(ChargerSeen("C/1", last_seen_at=at, sockets=sockets), at, before, {}, 4))


def test_what_rest_tells_of_a_socket_is_kept_with_when_it_told_something_else():
    """Of a socket that is told of for the first time it told nothing else; what it does not say stays as it was."""
    first = _polled(None, NINE, s1="Available", s2="Charging")
    second = _polled(first, TEN, s1="Charging", s2="Charging", s3="Error")
    third = _polled(second, ELEVEN, s1="Charging", s2=None, s3="Available")

    assert [orjson.loads(row["states"]) for row in (first, second, third)] == [
        {"s1": ["Available", NINE.iso, None], "s2": ["Charging", NINE.iso, None]},
        {
            "s1": ["Charging", TEN.iso, NINE.iso],
            "s2": ["Charging", TEN.iso, None],
            "s3": ["Error", TEN.iso, None],
        },
        {
            "s1": ["Charging", ELEVEN.iso, NINE.iso],
            "s2": ["Charging", TEN.iso, None],
            "s3": ["Available", ELEVEN.iso, TEN.iso],
        },
    ]


def test_a_state_is_dated_by_the_socket_and_never_later_than_by_our_clock():
    """v2 says when it was changed; without any time it is as of the poll."""
    sockets = (SocketSeen("1", status="Error", updated_at=NINE), SocketSeen("2", status="Error", updated_at=ELEVEN))
    dated = stored(seen_row(ChargerSeen("C/1", sockets=(*sockets, SocketSeen("3", status="Error"))), TEN, None, {}, 4))

    assert {name: told[1] for name, told in orjson.loads(dated["states"]).items()} == {
        "1": NINE.iso,
        "2": TEN.iso,
        "3": TEN.iso,
    }


@pytest.mark.parametrize("spoiled", ["{", "[]", '{"1": 5}', '{"1": ["Error", "yesterday", null]}', 5])
def test_what_somebody_spoiled_is_told_for_the_first_time(spoiled):
    """A poll goes on."""
    row = _polled({"states": spoiled}, NINE, s1="Error")

    assert orjson.loads(row["states"]) == {"s1": ["Error", NINE.iso, None]}
