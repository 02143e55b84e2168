"""Polled states in the rows of the pushed ones: the newest wins, whoever told it, in whatever order it came."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.emabler.rest.answers import ChargerSeen, SocketSeen
from shared.ingest.status import StatusChange
from shared.instants import TICKS_PER_SECOND, Instant
from shared.polling.statuses import MOST_AHEAD_TICKS, polled_statuses
from tests.support.messages import documented, event_of

CHARGER = "ID_OF_CHARGER"
NINE = Instant.from_iso("2025-04-02T09:00:00.0000000Z")
NOON = Instant.from_iso("2025-04-02T12:00:00.0000000Z")
WORDS = ("Available", "Preparing", "Charging", "SuspendedCAR", "Finishing", "Reserved", "Error", "Unavailable")


def at(seconds):
    """A moment after nine o'clock."""
    return Instant(NINE + round(seconds * TICKS_PER_SECOND))


def pushed(status, moment=None, kind="charger_state", **changes):
    """The change that a pushed event makes; without a moment it tells no time at all."""
    times = {"receivedTimestamp": moment.iso if moment is not None else None, "deviceTimeStamp": None}
    words = {"status": status} if kind == "charger_state" else {}
    change = StatusChange.of(event_of(documented("mt", kind, **(words | times | changes))), 4)
    assert change is not None
    return change


def seen(**fields):
    """A charger as REST shows it."""
    return ChargerSeen(CHARGER, **({"is_connected": True} | fields))


def polled(charger, asked_at=NOON):
    """The changes that a polled charger makes, by what they are about."""
    return {change.row_key.split("!")[1]: change for change in polled_statuses(charger, asked_at, 4)}


def polled_socket(status, moment=None, *, last_seen_at=None, is_connected=True):
    """The change that a poll makes to socket 1."""
    socket = SocketSeen("1", status=status, updated_at=moment)
    return polled(seen(sockets=(socket,), last_seen_at=last_seen_at, is_connected=is_connected))["socket-1"]


def after(*changes, row=None):
    """The row after changes, one after the other."""
    for change in changes:
        row = change.merged(row) or row
    return row


def test_a_polled_state_makes_the_row_that_push_did_not():
    """With its time, whose clock that is, and that it was a poll that told it."""
    charger = seen(sockets=(SocketSeen("1", status="Charging", updated_at=NINE),), site_id="7", last_seen_at=at(5))

    row = polled(charger)["socket-1"].merged(None)

    assert {name: value for name, value in row.items() if value is not None} == {
        "PartitionKey": pushed("Charging").partition_key,
        "RowKey": "ID_OF_CHARGER!socket-1",
        "charger_id": CHARGER,
        "socket_id": "1",
        "site_id": "7",
        "status": "Charging",
        "status_occurred_at": NINE,
        "status_clock": "platform",
        "status_event_id": "",
        "source": "poll",
        "connection": "online",
        "connection_seen_at": at(5),
    }


def test_both_sides_write_the_same_rows():
    """Keys are made in two places and must never differ."""
    changes = polled(seen(sockets=(SocketSeen("0", status="Error"), SocketSeen("1", status="Error"))))

    for name, socket_id in (("charger", 0), ("socket-1", 1)):
        by_push = pushed("Error", NINE, socketId=socket_id)
        assert (changes[name].partition_key, changes[name].row_key) == (by_push.partition_key, by_push.row_key)


def test_a_poll_never_replaces_a_newer_push():
    """Nor one of the same time: then push's word counts."""
    row = after(pushed("Charging", at(1), socketId=1))

    for older in (at(0), at(1)):
        unchanged = after(polled_socket("Available", older, last_seen_at=older), row=row)
        assert (unchanged["status"], unchanged["source"]) == ("Charging", "push")


def test_a_newer_polled_state_replaces_all_that_belongs_to_the_pushed_one():
    """An error code or a device time of the old state would be wrong beside the new one."""
    error = pushed("Error", at(0), socketId=1, errorCode="GroundFailure", message="x", deviceTimeStamp=at(0).iso)

    row = after(error, polled_socket("Available", at(1)))

    assert (row["status"], row["source"], row["status_occurred_at"]) == ("Available", "poll", at(1))
    assert (row["error_code"], row["message"], row["status_device_at"]) == (None, None, None)


@pytest.mark.parametrize(("pushed_at", "status"), [(at(1), "Charging"), (at(3), "Finishing")])
def test_a_push_that_comes_after_the_poll_wins_where_it_is_newer(pushed_at, status):
    """When it was received by eMabler counts, and not when it came."""
    row = after(polled_socket("Charging", at(2)), pushed("Finishing", pushed_at, socketId=1))

    assert row["status"] == status
    assert row["source"] == ("push" if status == "Finishing" else "poll")


def test_a_state_that_both_tell_stays_as_push_told_it():
    """REST's time of a state is a little later than push's; the row keeps who told it first, and costs no write."""
    row = after(pushed("Charging", at(1), socketId=1))

    assert polled_socket("Charging", at(2), last_seen_at=at(2)).merged(row) is None


def test_what_a_poll_tells_twice_is_written_once():
    """A fleet that stands still costs no writes, though v1's only time, that of the last message, moves on."""
    row = after(polled_socket("Available", None, last_seen_at=at(1)))

    assert polled_socket("Available", None, last_seen_at=at(301)).merged(row) is None
    assert row["status_occurred_at"] == at(1)


@pytest.mark.parametrize(("seconds_later", "source"), [(0, "push"), (0.2, "push"), (900, "push"), (901, "poll")])
def test_a_state_that_both_tell_is_pushs_although_the_poll_was_faster(seconds_later, source):
    """A poll dates a state later than push; left as the poll's, it would look like one that was never pushed."""
    push = pushed("Charging", at(0), socketId=1)
    poll = polled_socket("Charging", None, last_seen_at=at(seconds_later))

    row = after(poll, push)

    assert (row["status"], row["source"]) == ("Charging", source)
    if source == "push":
        parts = ("status_occurred_at", "status_clock", "status_event_id", "error_code")
        assert [row[part] for part in parts] == [after(push, poll)[part] for part in parts]


def test_a_late_old_push_does_not_make_an_offline_charger_online():
    """REST has heard of the charger after that event, and says that the connection is lost since."""
    poll = polled_socket("Charging", at(20), last_seen_at=at(20), is_connected=False)

    assert after(poll, pushed("Charging", at(10), socketId=1))["connection"] == "offline"


@given(st.data())
def test_any_order_of_pushed_and_polled_states_ends_in_the_same_row(data):
    """Where times differ, and every state is another one than those before."""
    words = data.draw(st.permutations(WORDS))
    is_polled = data.draw(st.lists(st.booleans(), min_size=len(words), max_size=len(words)))
    changes = [
        polled_socket(word, at(number), last_seen_at=at(number)) if by_poll else pushed(word, at(number), socketId=1)
        for number, (word, by_poll) in enumerate(zip(words, is_polled, strict=True))
    ]

    row, in_time_order = after(*data.draw(st.permutations(changes))), after(*changes)

    parts = ("status", "status_occurred_at", "status_clock", "status_event_id", "error_code", "source")
    assert {part: row.get(part) for part in parts} == {part: in_time_order.get(part) for part in parts}
    assert row["status"] == words[-1]


@given(
    st.lists(
        st.tuples(st.sampled_from(WORDS[:3]), st.booleans(), st.integers(0, 50)),
        min_size=1,
        max_size=8,
        unique_by=lambda one: one[2],
    ).flatmap(lambda told: st.tuples(st.just(told), st.permutations(told)))
)
def test_after_one_more_poll_the_newest_state_shows_whatever_came_when(told_and_order):
    """States come back: REST repeats what it said last, so a late old push cannot hide it for long."""
    told, order = told_and_order

    def change(word, by_poll, seconds):
        return polled_socket(word, at(seconds)) if by_poll else pushed(word, at(seconds), socketId=1)

    polls = [one for one in told if one[1]]
    repeated = [max(polls, key=lambda one: one[2])] if polls else []

    row = after(*(change(*one) for one in [*order, *repeated]))

    assert row["status"] == max(told, key=lambda one: one[2])[0]


def test_a_state_without_a_socket_time_is_as_old_as_the_last_message():
    """v1 tells no other time."""
    assert after(polled_socket("Charging", None, last_seen_at=at(7)))["status_occurred_at"] == at(7)


def test_a_polled_state_without_any_time_is_shown_until_push_tells_one():
    """It is all there is; even a pushed state without a time counts more."""
    row = after(polled_socket("Charging"))

    assert (row["status"], row["status_occurred_at"], row["status_clock"]) == ("Charging", None, "none")
    assert after(pushed("Error", socketId=1), row=row)["status"] == "Error"


@pytest.mark.parametrize("told", [pushed("Error", socketId=1), pushed("Error", at(-9), socketId=1)])
def test_a_polled_state_without_any_time_replaces_nothing(told):
    """Nobody knows whether it is newer."""
    row = after(told, polled_socket("Charging"))

    assert (row["status"], row["source"]) == ("Error", "push")


def test_a_polled_state_counts_before_one_that_has_the_chargers_time_only():
    """A charger whose clock is in 2080 cannot freeze its row."""
    runaway = pushed("Error", socketId=1, deviceTimeStamp="2080-01-01T00:00:00Z")

    for order in ((runaway, polled_socket("Charging", at(1))), (polled_socket("Charging", at(1)), runaway)):
        assert after(*order)["status"] == "Charging"


def test_a_polled_time_in_the_future_is_bounded():
    """Otherwise it would keep out every event until then."""
    future = Instant.from_iso("2080-01-01T00:00:00.0000000Z")

    row = after(polled_socket("Charging", future, last_seen_at=future))

    assert row["status_occurred_at"] == NOON + MOST_AHEAD_TICKS
    assert after(pushed("Finishing", Instant(NOON + MOST_AHEAD_TICKS + 1), socketId=1), row=row)["status"] == (
        "Finishing"
    )


def test_a_time_a_little_ahead_of_ours_is_taken_as_it_is():
    """Clocks differ: eMabler's may be ahead by that much."""
    ahead = Instant(NOON + MOST_AHEAD_TICKS)

    assert after(polled_socket("Charging", ahead))["status_occurred_at"] == ahead


@pytest.mark.parametrize(
    ("is_connected", "last_seen_at", "connection"),
    [
        (False, at(11), "offline"),
        (False, at(10), "offline"),
        (False, at(9), "online"),
        (True, at(11), "online"),
        (None, at(11), "online"),
        (False, None, "online"),
    ],
)
def test_the_connection_is_as_rest_says_where_the_charger_was_not_heard_of_since(
    is_connected, last_seen_at, connection
):
    """Every pushed event comes from a message, so a last message before it is older news."""
    row = after(pushed("Charging", at(10), socketId=1))

    poll = polled_socket("Charging", last_seen_at=last_seen_at, is_connected=is_connected)

    assert after(poll, row=row)["connection"] == connection


def test_a_charger_that_came_back_is_online_again():
    """Push told that it went offline; nothing but REST tells that it is back."""
    row = after(pushed("Offline", at(10), socketId=1))

    assert after(polled_socket("Charging", at(20), last_seen_at=at(20)), row=row)["connection"] == "online"


def test_when_the_charger_was_last_heard_of_stays_pushs_word():
    """`last_*` is what push told last: what freshness and gaps are about."""
    row = after(pushed("Charging", at(10), socketId=1), polled_socket("Finishing", at(20), last_seen_at=at(30)))

    assert row["last_occurred_at"] == at(10)


def test_a_boot_keeps_its_part():
    """The charger's row has the boot as push told it, and the state as REST does."""
    boot = pushed(None, at(10), kind="charger_boot")
    state = polled(seen(sockets=(SocketSeen("0", status="Unavailable", updated_at=at(20)),)))["charger"]

    for order in ((boot, state), (state, boot)):
        row = after(*order)
        assert (row["status"], row["source"], row["charger_model"]) == ("Unavailable", "poll", "eMablerSIM")
        assert (row["boot_occurred_at"], row["last_occurred_at"]) == (at(10), at(10))


def test_a_row_that_has_a_boot_only_is_still_pushs_where_the_poll_tells_no_state():
    """`source` tells who told the state; a connection alone makes no state."""
    row = after(pushed(None, at(10), kind="charger_boot"))

    changed = polled(seen(last_seen_at=at(20), is_connected=False))["charger"].merged(row)

    assert (changed["source"], changed["connection"]) == ("push", "offline")


def test_the_sum_of_the_sockets_states_is_nobodys_state():
    """REST shows one for the whole charger; push tells of sockets and of the controller."""
    whole = polled(seen(status="Charging", last_seen_at=at(20), sockets=(SocketSeen("1", status="Charging"),)))

    assert whole["charger"].merged(None).get("status") is None
    row = after(pushed("Error", at(10), socketId=0), whole["charger"])
    assert (row["status"], row["source"]) == ("Error", "push")


@pytest.mark.parametrize("word", ["Info", None])
def test_what_is_no_state_replaces_none(word):
    """`Info` is a report, in REST as in push; it would hide what the socket does."""
    row = after(pushed("Charging", at(10), socketId=1), polled_socket(word, at(20), last_seen_at=at(20)))

    assert (row["status"], row["source"]) == ("Charging", "push")


def test_socket_0_is_the_charger_itself():
    """The main controller's state is the charger's own."""
    changes = polled(seen(status="Available", sockets=(SocketSeen("0", status="Error"), SocketSeen("2"))))

    assert set(changes) == {"charger", "socket-2"}
    assert changes["charger"].status == "Error"


def test_a_socket_that_is_listed_twice_is_one_change():
    """A batch may change a row only once; the last word counts."""
    charger = seen(sockets=(SocketSeen("1", status="Available"), SocketSeen("1", status="Charging")))

    changes = list(polled_statuses(charger, NOON, 4))

    assert [(change.row_key, change.status) for change in changes if change.row_key.endswith("socket-1")] == [
        ("ID_OF_CHARGER!socket-1", "Charging")
    ]
    assert len({change.row_key for change in changes}) == len(changes)


def test_a_charger_that_never_had_contact_makes_a_row_that_says_little():
    """No sockets, no times, no state."""
    row = polled(ChargerSeen(CHARGER))["charger"].merged(None)

    assert row is not None
    assert (row.get("status"), row.get("connection"), row["source"]) == (None, None, "poll")
    assert polled(ChargerSeen(CHARGER))["charger"].merged(row) is None
