"""Quiet is not broken: when push is silent about a charger that does something, and when it only has nothing to say."""

from dataclasses import replace

import orjson
import pytest

from shared.emabler.rest.answers import ChargerSeen, SocketSeen
from shared.ingest.freshness import HEARD_AT
from shared.instants import TICKS_PER_SECOND, Instant
from shared.polling.gaps import GAPS_PARTITION, Evidence, Gap, Untold, Witnessed, is_catching_up, judge, untold_of
from shared.polling.statuses import MOST_AHEAD_TICKS
from shared.tables.edm import decode_row
from shared.tables.store import Kind, Operation

NINE = Instant.from_iso("2025-04-02T09:00:00.0000000Z")
MINUTE = 60 * TICKS_PER_SECOND
SILENCE = 30 * MINUTE


def at(minutes):
    """A moment after nine o'clock."""
    return Instant(NINE + round(minutes * MINUTE))


FIRST_POLLED = {"first_polled_at": at(-1000)}


def charger(status="Available", *, is_connected=True):
    """A charger with one socket, as REST shows it."""
    return ChargerSeen("C/1", is_connected=is_connected, last_seen_at=at(0), sockets=(SocketSeen("1", status=status),))


def status_row(status, since, source="poll", socket_id="1"):
    """A row of `ChargerStatus`."""
    return {"status": status, "status_occurred_at": since, "source": source, "socket_id": socket_id}


def told(minutes, column="charger_state_at"):
    """When push told something last."""
    return {column: at(minutes)}


def untold(since=0.0, last_told=-10.0, **changes):
    """A charger with a state that push did not tell."""
    row = status_row("Unavailable", at(since))
    return replace(Witnessed(charger("Unavailable"), [row], told(last_told), FIRST_POLLED), **changes)


def judged(witnessed, minutes, gap=None, noticed=0.0):
    """The gap at that time, of a charger that was also polled five minutes ago, and at nine or when `noticed` says."""
    if witnessed.seen is None:
        return judge(witnessed, gap, at(minutes), SILENCE)
    untold = untold_of(witnessed, at(noticed))
    seen = witnessed.seen | {"polled_at": at(minutes - 5)} | (untold.columns if untold is not None else {})
    return judge(replace(witnessed, seen=seen), gap, at(minutes), SILENCE)


def test_a_charger_that_nobody_uses_is_no_gap():
    """It has told its last state days ago, and nothing happened since."""
    idle = Witnessed(charger(), [status_row("Available", at(0), "push")], told(0), FIRST_POLLED)

    assert judged(idle, 60 * 24 * 30) is None


def test_a_charger_that_push_never_told_of_and_that_stands_still_is_no_gap():
    """What was there at the first poll was there before anybody listened."""
    first_polled = {"first_polled_at": at(0)}

    assert judged(Witnessed(charger(), [status_row("Available", at(-5))], None, first_polled), 60 * 24) is None


@pytest.mark.parametrize("ahead_ticks", [0, 1, MOST_AHEAD_TICKS])
def test_what_the_first_poll_tells_is_no_gap_though_emablers_clock_is_ahead_of_ours(ahead_ticks):
    """Its times can then be later than that of the poll."""
    first_polled, since = {"first_polled_at": at(0)}, Instant(at(0) + ahead_ticks)

    assert judged(Witnessed(charger(), [status_row("Available", since)], None, first_polled), 60 * 24) is None


def test_the_first_poll_itself_judges_nothing():
    """It is what later ones are compared with."""
    assert judged(untold(seen=None), 1000) is None


@pytest.mark.parametrize("last_told", [-10.0, None])
def test_a_state_that_push_did_not_tell_is_a_gap_after_the_silence(last_told):
    """To the tick, whether push told of the charger before or never."""
    silent = untold(told=None if last_told is None else told(last_told))

    assert judged(silent, 30) is None

    gap = judged(silent, 30 + 1 / MINUTE)
    assert gap == Gap(
        "C/1",
        Evidence.STATE,
        since=at(0),
        found_at=Instant(at(30) + 1),
        last_told_at=None if last_told is None else at(last_told),
        last_seen_at=at(0),
    )


def test_a_busy_charger_is_a_gap_although_no_state_of_it_lasts():
    """What counts is how long push has told none of them."""
    seen = FIRST_POLLED
    for minutes in range(0, 35, 5):
        witnessed = untold(statuses=[status_row("Available", at(minutes))], seen=seen)
        found = judge(witnessed, None, at(minutes + 1), SILENCE)
        assert found is None
        seen = FIRST_POLLED | {"polled_at": at(minutes + 1)} | untold_of(witnessed, at(minutes + 1)).columns

    assert judge(untold(statuses=[status_row("Charging", at(32))], seen=seen), None, at(32), SILENCE).since == at(0)


def test_the_count_begins_anew_with_every_word_of_push():
    """What it tells is between two silences."""
    before = untold_of(untold(), at(1))
    later = untold(statuses=[status_row("Available", at(20))], seen=FIRST_POLLED | before.columns, last_told=10)

    assert untold_of(later, at(21)) == Untold(at(20), at(21))
    assert untold_of(replace(later, told=told(-10)), at(21)) == Untold(at(0), at(1))


def test_an_outage_of_ours_is_no_silence_of_push():
    """Hours after the last poll, its messages still wait in the queue: they have as long as push may be silent."""
    assert judged(untold(), 300, noticed=300) is None
    assert judge(charging(seen=FIRST_POLLED | {"polled_at": at(0)}), None, at(300), SILENCE) is None


@pytest.mark.parametrize(
    ("push", "is_gap"),
    [
        (None, True),
        (told(-5000), True),
        (told(100, "full_charging_transaction_at"), False),
        (told(100, "full_charging_transaction_at") | told(-10), True),
        (told(60 * 24 * 8, "full_charging_transaction_at") | told(-10), False),
    ],
)
def test_states_are_expected_where_push_tells_states_at_all(push, is_gap):
    """An operator may have chosen sessions alone; but one whom push never told anything did not choose that."""
    assert (judged(untold(push=push), 60 * 24 * 8) is not None) is is_gap


@pytest.mark.parametrize("gap", [None, Gap("C/1", Evidence.STATE, at(0), at(31))])
def test_a_charger_whose_push_is_switched_off_has_no_gap(gap):
    """As eMabler says itself."""
    switched_off = replace(charger("Unavailable"), is_push_enabled=False)

    assert judged(untold(charger=switched_off), 1000, gap) is None


def test_the_oldest_of_several_untold_states_counts():
    """Of a charger with two sockets."""
    rows = [status_row("Finishing", at(20), socket_id="2"), status_row("Charging", at(0))]

    assert judged(untold(statuses=rows), 31).since == at(0)


@pytest.mark.parametrize("newer", ["charger_boot_at", "measurements_at", "real_time_auth_at", "unknown_at"])
def test_any_later_word_of_push_explains_a_state(newer):
    """Push works; the one state was lost, and the row shows it all the same."""
    assert judged(untold(told=told(-10) | told(1, newer)), 1000) is None


def test_a_word_of_push_that_only_the_archive_has_explains_a_state_too():
    """The times by charger may be a minute behind."""
    assert judged(untold(archived_at=at(0)), 1000) is None
    assert judged(untold(archived_at=at(-1)), 1000).last_told_at == at(-1)


def test_a_state_that_push_told_is_no_gap():
    """However long it lasts and however old the rest is."""
    assert judged(untold(statuses=[status_row("Unavailable", at(0), "push")]), 1000) is None


def test_a_polled_state_without_a_time_is_no_evidence():
    """Nobody knows whether it is older than push's last word."""
    assert judged(untold(statuses=[status_row("Unavailable", None)]), 1000) is None


def test_a_state_of_the_charger_as_a_whole_is_no_evidence():
    """Push tells of sockets and of the main controller, so it will never tell that one."""
    whole, controller = status_row("Online", at(0), socket_id=None), status_row("Error", at(0), socket_id="0")

    assert judged(untold(statuses=[whole]), 1000) is None
    assert judged(untold(statuses=[controller]), 1000) is not None


@pytest.mark.parametrize("is_connected", [False, None])
def test_a_charger_that_rest_does_not_say_is_connected_is_no_gap(is_connected):
    """Offline for REST too is silence with a reason; not known is no evidence."""
    assert judged(untold(charger=charger("Unavailable", is_connected=is_connected)), 1000) is None


def charging(pushed=("measurements_at",), last_told=0.0, **changes):
    """A charger that charges since nine o'clock, as push told."""
    words = {column: at(last_told) for column in ("charger_state_at", *pushed)}
    witnessed = Witnessed(charger("Charging"), [status_row("Charging", at(0), "push")], words, FIRST_POLLED)
    return replace(witnessed, **changes)


def test_charging_without_a_word_is_a_gap_where_measurements_are_pushed():
    """A minute or so apart, they would have come."""
    assert judged(charging(), 30) is None

    gap = judged(charging(), 31)
    assert (gap.evidence, gap.since, gap.last_told_at) == (Evidence.CHARGING, at(0), at(0))


def test_charging_in_silence_is_no_gap_where_measurements_are_not_pushed():
    """Many operators do not have them switched on: hours of charging tell nothing then."""
    assert judged(charging(pushed=()), 1000) is None
    assert judged(charging(told=None), 1000) is None


def test_charging_counts_from_the_last_word():
    """Measurements came until they did not come any more."""
    assert judged(charging(last_told=45), 75) is None
    assert judged(charging(last_told=45), 76).since == at(45)


def test_charging_counts_from_its_begin():
    """The last word before may be of last week, and the charge is new."""
    assert judged(charging(last_told=-5000), 30) is None
    assert judged(charging(last_told=-5000), 31).since == at(0)


def test_a_car_that_has_stopped_charging_is_no_gap():
    """The row may still say so: what REST says now counts."""
    assert judged(charging(charger=charger("SuspendedCAR")), 1000) is None


def test_charging_since_nobody_knows_when_is_no_evidence():
    """A state without a time."""
    assert judged(charging(statuses=[status_row("Charging", None, "push")]), 1000) is None


GAP = Gap("C/1", Evidence.STATE, since=at(0), found_at=at(31), last_told_at=at(-10), last_seen_at=at(0))


def test_an_open_gap_stays_as_it_was_found_when_the_state_changes_by_poll_only():
    """It is the same silence."""
    later = untold(statuses=[status_row("Available", at(100))], charger=charger())

    assert judged(later, 101, GAP) is GAP


def test_an_open_gap_closes_when_push_turns_out_to_have_told_the_state():
    """Late, and with its own time, which may be before that of REST: the row is push's again."""
    told_after_all = untold(statuses=[status_row("Unavailable", at(-1), "push")], last_told=-1)

    assert judged(told_after_all, 101, GAP) is None


@pytest.mark.parametrize(("minutes", "closes"), [(-10, False), (-5, False), (0, True), (1 / 60, True)])
def test_an_open_gap_closes_when_push_tells_something_newer(minutes, closes):
    """A late event from before the gap is no sign that push works again."""
    assert (judged(untold(last_told=minutes), 101, GAP) is None) is closes


def test_an_open_gap_about_a_charger_that_push_never_told_of_closes_too():
    """With the first word."""
    never_told = replace(GAP, last_told_at=None)

    assert judged(untold(told=None), 101, never_told) is never_told
    assert judged(untold(last_told=5), 101, never_told) is None


def test_an_open_gap_closes_when_rest_says_that_the_charger_is_offline():
    """Then the silence has its reason."""
    offline = untold(charger=charger(is_connected=False))

    assert judged(offline, 101, GAP) is GAP, "a bad connection for a moment"
    assert judged(replace(offline, seen=FIRST_POLLED | {"is_connected": False}), 101, GAP) is None


def test_an_open_gap_stays_when_rest_does_not_say_whether_the_charger_is_connected():
    """An answer that leaves it out is no all-clear."""
    assert judged(untold(charger=charger(is_connected=None)), 101, GAP) is GAP


def test_a_gap_that_was_closed_is_not_found_again_for_the_same_state():
    """Push told something after it."""
    assert judged(untold(last_told=5), 1000) is None


@pytest.mark.parametrize("gap", [GAP, Gap("C/1", Evidence.CHARGING, at(0), at(31))])
def test_a_gap_is_read_from_its_row_as_it_was_written(gap):
    """Through the table's encoding, under a key that any id fits in."""
    row = gap.row

    assert (row.table, row.row["PartitionKey"], row.row["RowKey"]) == ("PollState", GAPS_PARTITION, "C~2f1")
    stored = decode_row(orjson.loads(Operation(Kind.INSERT, row.row).encoded.json))
    assert Gap.of_row(stored) == gap


@pytest.mark.parametrize(
    ("newest", "heard", "is_behind"),
    [
        (0, 5, False),  # as late as a message may be
        (0, 5.1, True),
        (0, 300, True),
        (299, 300, False),
        (0, None, False),  # a row from before this was written down
        (None, 300, False),
    ],
)
def test_push_catches_up_where_even_the_newest_that_comes_is_old(newest, heard, is_behind):
    """Within minutes of what was heard last, and no longer: then push is silent again."""
    row = {} if newest is None else told(newest)
    row |= {} if heard is None else {HEARD_AT: at(heard)}

    assert is_catching_up(row, at((heard or 300) + 9)) is is_behind
    assert not is_catching_up(row, at((heard or 300) + 10))


def test_push_that_never_told_anything_is_not_catching_up():
    """There is no row of the fleet then."""
    assert not is_catching_up(None, at(0))
