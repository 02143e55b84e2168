"""A session's row is the same whatever order and however often its fragments come."""

import itertools

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.events import Clock, FragmentKind, SessionFragment
from shared.ingest.fragments import MAX_FRAGMENTS, Fragment, fragment_of
from shared.ingest.sessions import SessionChange, assemble
from shared.instants import Instant
from shared.tables.store import Int64
from tests.support.messages import documented, event_of


def _start(**changes):
    return event_of(documented("mt", "charging_transaction", **changes))


def _stop(**changes):
    return event_of(documented("mt", "charging_transaction", **({"action": "transaction_stop"} | changes)))


def _full(**changes):
    return event_of(documented("mt", "full_charging_transaction", **changes))


START = _start(meterRead=1000)
STOP = _stop(receivedTimestamp="2025-04-02T10:00:01Z", deviceTimeStamp="2025-04-02T10:00:00Z", meterRead=9000)
FULL = _full(
    receivedTimestamp="2025-04-02T10:00:02Z",
    deviceTimeStampEnd="2025-04-02T10:00:00Z",
    meterReadStart=1000,
    meterReadEnd=9100,
    consumptionWh=8100,
)
CORRECTION = _full(
    receivedTimestamp="2025-04-02T11:00:00Z",
    deviceTimeStampEnd="2025-04-02T10:00:00Z",
    meterReadStart=1000,
    meterReadEnd=9150,
    consumptionWh=8150,
)
LATER_START = _start(
    receivedTimestamp="2025-04-09T08:00:00Z",
    deviceTimeStamp="2025-04-09T08:00:00Z",
    meterRead=9150,
    authorizedIdTag="OTHER",
)
LATER_FULL = _full(
    receivedTimestamp="2025-04-09T09:00:00Z",
    deviceTimeStampStart="2025-04-09T08:00:00Z",
    deviceTimeStampEnd="2025-04-09T09:00:00Z",
    meterReadStart=9150,
    meterReadEnd=9950,
    consumptionWh=800,
)
SIX = (START, STOP, FULL, CORRECTION, LATER_START, LATER_FULL)


def _assembled(events, batches=None):
    """The row after the events, one batch each or cut as told."""
    row = None
    for batch in batches or [[event] for event in events]:
        change = SessionChange.of(batch[0], 4)
        change.events.extend(batch[1:])
        row = change.merged(row) or row
    return row


def test_a_session_has_the_columns_that_are_documented():
    """Of three messages, each with its part; what they said is beside it."""
    row = _assembled([START, STOP, FULL])

    assert SessionChange.of(START, 4).table == "Transactions"
    assert {name: value for name, value in row.items() if name != "fragments"} == {
        "PartitionKey": "02",
        "RowKey": "ID_OF_CHARGER!1032427936",
        "charger_id": "ID_OF_CHARGER",
        "transaction_id": "1032427936",
        "socket_id": "1",
        "socket_name": "1234",
        "site_id": "123",
        "external_site_id": "EXT-1",
        "id_tag": "TAG123",
        "state": "complete",
        "started_at": Instant.from_iso("2025-04-02T09:11:32.4000000Z"),
        "ended_at": Instant.from_iso("2025-04-02T10:00:00.0000000Z"),
        "meter_start_wh": 1000,
        "meter_stop_wh": 9100,
        "energy_wh": 8100,
        "has_start": True,
        "has_stop": True,
        "has_full": True,
        "has_poll": False,
        "id_reused": False,
        "last_occurred_at": Instant.from_iso("2025-04-02T10:00:02.0000000Z"),
        "last_event_id": FULL.event_id,
        "source": "push",
    }
    assert {type(row[name]) for name in ("meter_start_wh", "meter_stop_wh", "energy_wh")} == {Int64}
    assert [fragment["event_id"] for fragment in orjson.loads(row["fragments"])] == [
        event.event_id for event in (START, STOP, FULL)
    ]


def test_a_start_opens_a_session():
    """What is known so far, and that it is not over."""
    row = _assembled([START])

    assert (row["state"], row["meter_start_wh"], row["ended_at"], row["id_tag"]) == ("open", 1000, None, "TAG123")
    assert (row["has_start"], row["has_stop"], row["has_full"]) == (True, False, False)


def test_a_stop_without_a_start_is_a_session_too():
    """Its start may be late or lost; nothing is guessed."""
    row = _assembled([STOP])

    assert (row["state"], row["started_at"], row["meter_stop_wh"], row["energy_wh"]) == ("ended", None, 9000, None)


def test_start_and_stop_give_the_energy():
    """Without a full transaction the difference of the meter reads is what was charged."""
    row = _assembled([STOP, START])

    assert (row["energy_wh"], row["started_at"].iso) == (8000, "2025-04-02T09:11:32.3991208Z")


def test_the_full_transaction_has_the_last_word():
    """Its numbers count before those of start and stop."""
    row = _assembled([FULL, STOP, START])

    assert (row["state"], row["energy_wh"], row["meter_stop_wh"]) == ("complete", 8100, 9100)


def test_the_full_transactions_energy_counts_before_the_difference_of_its_reads():
    """What is billed is what the vendor calls the consumption."""
    assert _assembled([_full(meterReadStart=1000, meterReadEnd=9100, consumptionWh=8050)])["energy_wh"] == 8050


def test_a_session_without_energy_charged_nothing():
    """The car was full: that is known, and not nothing known."""
    stop = _stop(receivedTimestamp="2025-04-02T10:00:01Z", meterRead=1000)

    assert _assembled([START, stop])["energy_wh"] == 0


def test_a_correction_replaces_what_it_corrects():
    """The later received of two full transactions counts."""
    assert _assembled([CORRECTION, START, FULL])["energy_wh"] == 8150


@pytest.mark.parametrize("count", range(1, 7))
def test_all_orders_end_in_the_same_row(count):
    """All 720 orders of six messages, and those of their beginnings."""
    expected = _assembled(SIX[:count])

    for order in itertools.permutations(SIX[:count]):
        assert _assembled(order) == expected


@settings(max_examples=200)
@given(st.data())
def test_repeats_and_any_cutting_into_batches_change_nothing(data):
    """One at a time, all at once, and again."""
    order = data.draw(st.permutations(SIX * 2))
    cuts = sorted(data.draw(st.sets(st.integers(1, len(order) - 1))))
    batches = [order[start:end] for start, end in itertools.pairwise([0, *cuts, len(order)])]

    assert _assembled(order, batches) == _assembled(SIX)


def test_an_id_used_again_is_flagged_and_tells_the_later_session():
    """Two sessions a week apart are not one of a week; both are in the row's fragments."""
    row = _assembled(SIX)

    assert (row["id_reused"], row["energy_wh"], row["started_at"].iso) == (True, 800, "2025-04-09T08:00:00.0000000Z")
    assert all(event.event_id in row["fragments"] for event in SIX)


def test_an_id_used_again_does_not_borrow_from_the_session_before():
    """The later session has only started: the earlier one's end and energy are not its own."""
    row = _assembled([START, STOP, FULL, LATER_START])

    assert (row["id_reused"], row["state"], row["ended_at"], row["energy_wh"]) == (True, "open", None, None)


def test_a_day_apart_is_still_one_session():
    """Clocks are corrected and days are long; more than a day is what makes it another."""
    day_later = _full(deviceTimeStampStart="2025-04-03T09:11:32.3991208Z", consumptionWh=5)

    assert _assembled([START, day_later])["id_reused"] is False
    assert _assembled([START, _full(deviceTimeStampStart="2025-04-03T09:11:32.3991209Z")])["id_reused"] is True


def test_a_charger_whose_clock_was_wrong_at_the_start_does_not_hide_its_finished_session():
    """The newest fragment says which session is shown; the other is flagged and kept."""
    row = _assembled([_start(deviceTimeStamp="2080-01-01T00:00:00Z"), FULL])

    assert (row["state"], row["energy_wh"], row["id_reused"]) == ("complete", 8100, True)


def test_a_stop_long_before_the_start_is_another_session_and_gives_no_energy():
    """The start of the first session was lost."""
    early_stop = _stop(receivedTimestamp="2025-04-02T10:00:01Z", deviceTimeStamp="2025-04-02T10:00:00Z", meterRead=9000)

    row = _assembled([early_stop, LATER_START])

    assert (row["id_reused"], row["state"], row["ended_at"], row["energy_wh"]) == (True, "open", None, None)


def test_a_stop_at_the_very_moment_of_a_start_ends_that_session():
    """And not the one a week before."""
    stop = _stop(receivedTimestamp="2025-04-09T08:00:01Z", deviceTimeStamp="2025-04-09T08:00:00Z", meterRead=9150)

    row = _assembled([START, LATER_START, stop])

    assert (row["started_at"], row["meter_start_wh"], row["state"], row["energy_wh"]) == (
        Instant.from_iso("2025-04-09T08:00:00.0000000Z"),
        9150,
        "ended",
        0,
    )


def test_a_session_of_which_no_message_tells_a_time_is_one_session():
    """No clock is no reason to take its parts for two."""
    timeless = {"receivedTimestamp": None, "deviceTimeStamp": None}

    row = _assembled([_start(meterRead=1000, **timeless), _stop(meterRead=9000, **timeless)])

    assert (row["id_reused"], row["state"], row["energy_wh"], row["last_occurred_at"]) == (False, "ended", 8000, None)


def test_a_session_may_last_for_days():
    """A stop belongs to the last start before it, however long that is ago."""
    stop = _stop(receivedTimestamp="2025-04-07T10:00:01Z", deviceTimeStamp="2025-04-07T10:00:00Z", meterRead=9000)

    row = _assembled([START, stop])

    assert (row["id_reused"], row["energy_wh"]) == (False, 8000)


def test_a_meter_that_runs_backwards_gives_no_energy():
    """The reads are kept; their difference means nothing."""
    assert _assembled([START, _stop(receivedTimestamp="2025-04-02T10:00:01Z", meterRead=1)])["energy_wh"] is None


def test_long_texts_do_not_push_the_fragments_past_a_column():
    """The newest that fit are kept, whatever the order."""
    corrections = [
        _full(receivedTimestamp=f"2025-04-02T10:00:{number:02d}Z", socketName=str(number) * 3000)
        for number in range(20)
    ]

    forwards, backwards = _assembled(corrections), _assembled(corrections[::-1])

    assert forwards == backwards
    assert len(forwards["fragments"]) < 32_000


def test_nothing_new_writes_nothing():
    """A repeat costs no write."""
    change = SessionChange.of(START, 4)

    assert change.merged(change.merged(None)) is None


def test_an_id_repeated_for_ever_keeps_its_newest_fragments():
    """A broken charger must not grow a row without end; which are kept does not depend on the order."""
    starts = [
        _start(receivedTimestamp=f"2025-04-02T09:{number // 60:02d}:{number % 60:02d}Z", meterRead=number)
        for number in range(MAX_FRAGMENTS + 20)
    ]

    forwards, backwards = _assembled(starts), _assembled(starts[::-1])

    assert forwards == backwards
    assert forwards["fragments"].count('"event_id"') == MAX_FRAGMENTS


def test_a_fragment_without_an_id_belongs_to_no_session():
    """Guessing would put it on somebody's bill; it stays in the archive and is counted in Drift."""
    assert SessionChange.of(_start(transactionId=None), 4) is None


def test_only_a_start_alone_is_likely_to_be_the_first_of_its_session():
    """An insert that meets a row costs more than a read."""
    changes = [SessionChange.of(event, 4) for event in (START, STOP, FULL)]
    both = SessionChange.of(START, 4)
    both.events.append(STOP)

    assert [change.is_likely_new for change in [*changes, both]] == [True, False, False, False]


# ---- What REST tells -----------------------------------------------------------------------------------------------

NINE, TEN = Instant.from_iso("2025-04-02T09:11:32.4000000Z"), Instant.from_iso("2025-04-02T10:00:00.0000000Z")


def _polled(ended_at=TEN, energy_wh=7777):
    told = SessionFragment(FragmentKind.POLL, started_at=NINE, ended_at=ended_at, energy_wh=energy_wh)
    return Fragment(told, "poll-1", NINE, Clock.PLATFORM)


@pytest.mark.parametrize(
    ("events", "polled", "state", "source"),
    [
        ([], _polled(), "complete", "poll"),
        ([], _polled(ended_at=None), "open", "poll"),
        ([START], _polled(), "complete", "both"),
        ([START], _polled(ended_at=None), "open", "both"),
        ([STOP], _polled(), "complete", "both"),
        ([STOP], _polled(ended_at=None), "ended", "both"),
        ([FULL], _polled(ended_at=None), "complete", "both"),
    ],
)
def test_a_session_is_complete_where_rest_tells_its_end(events, polled, state, source):
    """Also where no full transaction came; and who told of it is said."""
    row = assemble([polled, *map(fragment_of, events)])

    assert (row["state"], row["source"], row["has_poll"]) == (state, source, True)


@pytest.mark.parametrize(
    ("events", "energy_wh"), [([FULL], 8100), ([START, STOP], 8000), ([START], 7777), ([STOP], 7777), ([], 7777)]
)
def test_rests_energy_counts_where_push_tells_none(events, energy_wh):
    """After push's word and after the difference of the meter reads."""
    assert assemble([_polled(), *map(fragment_of, events)])["energy_wh"] == energy_wh


def test_who_told_counts_for_all_fragments_of_an_id_that_was_used_again():
    """The columns tell of the later session, of which only push told."""
    row = assemble([_polled(), fragment_of(LATER_START)])

    assert (row["id_reused"], row["has_poll"], row["source"], row["energy_wh"]) == (True, False, "both", None)


KINDS = [FragmentKind.FULL, FragmentKind.STOP, FragmentKind.START, FragmentKind.POLL]


@pytest.mark.parametrize(("first", "second"), [*itertools.combinations(KINDS, 2)])
def test_whose_word_counts_does_not_hang_on_who_is_newer(first, second):
    """The full transaction's before the stop's, that before the start's, and that before what REST tells."""
    counting = Fragment(SessionFragment(first, started_at=NINE, id_tag="COUNTS"), "a", NINE, Clock.PLATFORM)
    newer = Fragment(SessionFragment(second, started_at=NINE, id_tag="NEWER"), "b", TEN, Clock.PLATFORM)

    assert assemble([counting, newer])["id_tag"] == "COUNTS"
