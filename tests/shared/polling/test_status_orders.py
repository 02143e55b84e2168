"""Pushes and polls about one charger in every order: after the next poll the rows are the same."""

from itertools import permutations

import pytest

from tests.shared.polling.test_statuses import after, at, polled, polled_socket, pushed, seen

LATER = 3600


def _ends(pushes, polls, last_poll):
    """Every way in which the row can end, and the orders that end so; polls are one after the other, as they are."""
    ends = {}
    changes = {f"push {n}": change for n, change in enumerate(pushes)} | {f"poll {n}": p for n, p in enumerate(polls)}
    for order in permutations(changes):
        asked = [name for name in order if name.startswith("poll")]
        if asked == sorted(asked):
            row = after(*(changes[name] for name in order), last_poll)
            ends.setdefault(repr(_comparable(row)), []).append(order)
    return ends


def _comparable(row):
    """Without the times of what polls told, which are those of the first poll that told it (docs/tables.md)."""
    times = {"connection_seen_at"} | ({"status_occurred_at"} if row["source"] == "poll" else set())
    told = {name: value for name, value in row.items() if value is not None}
    return sorted((name, "some time" if name in times else value) for name, value in told.items())


STATES = {
    "in time": [("Available", 0), ("Offline", 10), ("Charging", 20)],
    "the same again": [("Available", 0), ("Charging", 10), ("Available", 20)],
    "gone last": [("Charging", 0), ("Available", 10), ("Offline", 20)],
    "at one time": [("Available", 10), ("Charging", 10), ("Offline", 10)],
}
POLLS = {
    "agrees": [("Charging", 20, True), ("Charging", 20, True)],
    "knows of something newer": [("Charging", 20, True), ("Available", 30, True)],
    "is gone": [("Charging", 10, True), ("Charging", 10, False)],
    "comes back": [("Available", 0, False), ("Available", 30, True)],
    "tells no time": [("Error", None, True), ("Available", None, False)],
    "tells an old state": [("Reserved", -5, True), ("Reserved", -5, True)],
}


@pytest.mark.parametrize("polls", POLLS.values(), ids=POLLS)
@pytest.mark.parametrize("states", STATES.values(), ids=STATES)
def test_a_sockets_row_is_the_same_after_the_next_poll(states, polls):
    """Three pushes and two polls, and then one that says what the last one said."""
    pushes = [pushed(status, at(seconds), socketId=1) for status, seconds in states]
    told = [
        polled_socket(status, None if seconds is None else at(seconds), last_seen_at=at(LATER), is_connected=connected)
        for status, seconds, connected in polls
    ]
    for poll in told:
        is_first_word = poll is told[0] or len({word for word, _, _ in polls}) == 1
        poll.other_told_at = None if is_first_word else told[0].told_at

    ends = _ends(pushes, told, told[-1])

    assert len(ends) == 1, ends


@pytest.mark.parametrize("last_seen", [-5, 0, 5, 10, 15, None])
@pytest.mark.parametrize("status", [None, "Available", "Error"])
def test_a_chargers_row_is_the_same_after_the_next_poll(last_seen, status):
    """A boot, states of the main controller by two clocks, and polls that know of them or not."""
    pushes = [
        pushed(None, at(0), kind="charger_boot"),
        pushed("Available", at(10), socketId=0),
        pushed("Unavailable", None, deviceTimeStamp=at(5).iso, socketId=0),
    ]
    told = polled(seen(status=status, last_seen_at=None if last_seen is None else at(last_seen)))["charger"]

    ends = _ends(pushes, [told], told)

    assert len(ends) == 1, ends
