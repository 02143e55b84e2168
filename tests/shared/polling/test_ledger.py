"""The account of a day: what push and REST say of the same sessions, each session once, and nobody's tag in it."""

from dataclasses import replace

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.emabler.rest.answers import PolledSession
from shared.events import Clock, FragmentKind, SessionFragment
from shared.ingest.fragments import Fragment
from shared.ingest.sessions import assemble
from shared.instants import TICKS_PER_SECOND, Instant
from shared.polling.joining import ChargerSessions, join
from shared.polling.ledger import (
    DAY_TICKS,
    ENERGY_TOLERANCE_WH,
    TIME_TOLERANCE_TICKS,
    Entry,
    Ledger,
    Verdict,
    compare,
    ledger_of,
    unexplained,
)
from shared.polling.sessions_told import KeptSession, Told, polled_fragment
from shared.tables.keys import shard, transaction_row_key
from shared.tables.store import Kind, Operation, StoredRow

DAY = Instant.from_iso("2025-04-02T00:00:00.0000000Z")
NINE = Instant(DAY + 9 * 3600 * TICKS_PER_SECOND)
TEN = Instant(DAY + 10 * 3600 * TICKS_PER_SECOND)
BOTH = Told("1", "TAG1", NINE, TEN, 5000)


def polled(name="900", **changes):
    """A session as REST tells it."""
    fields = {
        "socket_id": "1",
        "transaction_id": f"rest-{name}",
        "evse_transaction_id": name,
        "id_tag": "TAG1",
        "started_at": NINE,
        "ended_at": TEN,
        "energy_wh": 5000,
    }
    return PolledSession("C", **(fields | changes))


def pushed(name="900", *more, started_at=NINE, ended_at=TEN, energy_wh=5000, tag="TAG1"):
    """A session as the tables have it from push, and what `more` says of it."""
    kind = FragmentKind.FULL if ended_at is not None else FragmentKind.START
    told = SessionFragment(kind, started_at=started_at, ended_at=ended_at, energy_wh=energy_wh, id_tag=tag)
    fragment = Fragment(told, f"event-{name}", ended_at or started_at, Clock.PLATFORM, "1")
    return kept(transaction_row_key("C", name), *more, fragment, transaction_id=name)


def kept(row_key, *fragments, **columns):
    """A row of `Transactions`."""
    return KeptSession(StoredRow({"PartitionKey": "00", "RowKey": row_key, **columns} | assemble(list(fragments)), "e"))


def ledger(polled_sessions=(), kept_sessions=(), day=DAY):
    """The charger's account."""
    sessions, rows = list(polled_sessions), list(kept_sessions)
    return ledger_of(ChargerSessions("C", sessions, rows, join(sessions, rows)), day)


def the_entry(polled_sessions=(), kept_sessions=()):
    """The only one."""
    (entry,) = ledger(polled_sessions, kept_sessions).entries
    return entry


def test_what_both_say_alike_is_equal():
    """With the energy of both sides."""
    assert the_entry([polled()], [pushed()]) == Entry("C!900", Verdict.EQUAL, (), 5000, 5000)


@pytest.mark.parametrize(
    ("field", "value", "difference"),
    [
        ("energy_wh", 5000 + ENERGY_TOLERANCE_WH, None),
        ("energy_wh", 5000 - ENERGY_TOLERANCE_WH, None),
        ("energy_wh", 5000 + ENERGY_TOLERANCE_WH + 1, "energy"),
        ("energy_wh", 0, "energy"),
        ("started_at", Instant(NINE + TIME_TOLERANCE_TICKS), None),
        ("started_at", Instant(NINE - TIME_TOLERANCE_TICKS - 1), "start"),
        ("ended_at", Instant(TEN - TIME_TOLERANCE_TICKS), None),
        ("ended_at", Instant(TEN + TIME_TOLERANCE_TICKS + 1), "end"),
        ("id_tag", "TAG2", "tag"),
        ("socket_id", "2", None),
    ],
)
def test_each_field_has_its_tolerance(field, value, difference):
    """To the tick and the Wh, and whichever side says more."""
    other = replace(BOTH, **{field: value})
    expected = (Verdict.EQUAL, ()) if difference is None else (Verdict.DIFFERENT, (difference,))

    assert compare(BOTH, other) == compare(other, BOTH) == expected


def test_all_differences_are_named():
    """Names of fields only: a tag is personal data."""
    other = Told("1", "TAG2", Instant(NINE - DAY_TICKS), Instant(TEN + DAY_TICKS), 7)

    assert compare(BOTH, other) == (Verdict.DIFFERENT, ("energy", "start", "end", "tag"))


@pytest.mark.parametrize("field", ["energy_wh", "started_at", "ended_at", "id_tag"])
def test_what_rest_does_not_know_is_no_difference(field):
    """Only what both know can differ."""
    assert compare(BOTH, replace(BOTH, **{field: None})) == (Verdict.EQUAL, ())


@pytest.mark.parametrize(
    ("field", "verdict"),
    [
        ("energy_wh", Verdict.COMPLETED),
        ("ended_at", Verdict.COMPLETED),
        ("started_at", Verdict.EQUAL),
        ("id_tag", Verdict.EQUAL),
    ],
)
def test_what_push_left_out_and_rest_knows_is_completed(field, verdict):
    """End and energy are what makes a session complete."""
    assert compare(replace(BOTH, **{field: None}), BOTH) == (verdict, ())


@pytest.mark.parametrize("field", ["energy_wh", "ended_at"])
def test_what_neither_side_knows_is_completed_by_nobody(field):
    """The account must not say that something was repaired."""
    unknown = replace(BOTH, **{field: None})

    assert compare(unknown, unknown) == (Verdict.EQUAL, ())


def test_a_difference_counts_before_a_completion():
    """Somebody has to look at it."""
    assert compare(replace(BOTH, energy_wh=None), replace(BOTH, id_tag="TAG2")) == (Verdict.DIFFERENT, ("tag",))


def test_a_session_that_only_rest_tells_is_polled_only():
    """It is in the table from now on, in a row of its own, so its energy counts as kept."""
    account = ledger([polled()])

    assert account.entries == (Entry("C!900", Verdict.POLLED_ONLY, (), None, 5000),)
    assert (account.pushed_wh, account.polled_wh, account.kept_wh, account.unexplained) == (0, 5000, 5000, 0)


def test_a_session_that_only_push_tells_is_pushed_only():
    """Nobody knows why REST does not have it."""
    account = ledger([], [pushed()])

    assert account.entries == (Entry("C!900", Verdict.PUSHED_ONLY, (), 5000, None),)
    assert (account.pushed_wh, account.polled_wh, account.kept_wh, account.unexplained) == (5000, 0, 5000, 1)


def test_sessions_that_could_be_each_other_are_ambiguous():
    """Each of them is in the account, and somebody has to look at them."""
    tries = [polled(name, started_at=Instant(NINE + 10 * number)) for number, name in enumerate(("8", "9"))]
    account = ledger(tries, [pushed("A"), pushed("B")])

    assert account.counts == {Verdict.AMBIGUOUS: 2, Verdict.PUSHED_ONLY: 2}
    assert account.unexplained == 4


def test_a_session_that_rest_told_earlier_counts_as_told():
    """Its window is over, and the row remembers."""
    assert the_entry([], [pushed("900", polled_fragment(polled()))]).verdict is Verdict.EQUAL
    assert the_entry([], [kept("C!900", polled_fragment(polled()))]).verdict is Verdict.POLLED_ONLY


def test_what_was_repaired_yesterday_is_the_same_account_today():
    """The second run sees REST's own words in the table, and must not take them for push's."""
    first = ledger([polled()], [pushed(ended_at=None, energy_wh=None)])
    repaired = pushed("900", polled_fragment(polled()), ended_at=None, energy_wh=None)

    assert ledger([polled()], [repaired]) == first
    assert first.entries == (Entry("C!900", Verdict.COMPLETED, (), None, 5000),)


def test_a_row_of_its_own_is_not_counted_beside_its_session():
    """Neither where it stays alone, nor where it is given up for the pushed one's."""
    own = kept("C!~polled-rest-900", polled_fragment(polled()))

    assert the_entry([polled()], [own]).verdict is Verdict.POLLED_ONLY
    assert the_entry([polled()], [own, pushed()]).verdict is Verdict.EQUAL


@pytest.mark.parametrize(
    ("ended_at", "is_in"),
    [(Instant(DAY - 1), False), (DAY, True), (Instant(DAY + DAY_TICKS - 1), True), (Instant(DAY + DAY_TICKS), False)],
)
def test_a_session_belongs_to_the_day_it_ended_on(ended_at, is_in):
    """In UTC, to the tick, wherever it began and whoever tells it."""
    began = Instant(DAY - DAY_TICKS // 2)

    for account in (
        ledger([polled(started_at=began, ended_at=ended_at)]),
        ledger([], [pushed(started_at=began, ended_at=ended_at)]),
        ledger([polled(started_at=began, ended_at=None)], [pushed(started_at=began, ended_at=ended_at)]),
        ledger([polled(started_at=began, ended_at=ended_at)], [pushed(started_at=began, ended_at=None)]),
    ):
        assert len(account.entries) == is_in


def test_pushs_end_decides_the_day_where_both_tell_one():
    """So that a session is in one day's account only."""
    midnight = Instant(DAY + DAY_TICKS)
    session, row = polled(ended_at=midnight), pushed(ended_at=Instant(midnight - 1))

    assert len(ledger([session], [row]).entries) == 1
    assert ledger([session], [row], day=midnight).entries == ()


def test_an_open_session_belongs_to_no_day():
    """It is in the account of the day it ends on."""
    is_open = {"ended_at": None, "energy_wh": None}

    assert ledger([polled(**is_open)], [pushed(**is_open)]).entries == ()
    assert ledger([polled(**is_open)]).entries == ledger([], [pushed(**is_open)]).entries == ()


ENERGIES = st.none() | st.integers(0, 10**12)


@given(st.lists(st.tuples(st.sampled_from(Verdict), ENERGIES, ENERGIES), max_size=20))
def test_the_sums_are_those_of_the_entries(told):
    """To the Wh; push's word counts in what is kept, as it does in the table of sessions."""
    entries = tuple(
        Entry(str(number), verdict, (), by_push, by_rest) for number, (verdict, by_push, by_rest) in enumerate(told)
    )
    row = Ledger("C", DAY, entries).row(TEN, 4).row

    assert row["pushed_wh"] == sum(by_push or 0 for _, by_push, _ in told)
    assert row["polled_wh"] == sum(by_rest or 0 for _, _, by_rest in told)
    assert row["kept_wh"] == sum(by_rest or 0 if by_push is None else by_push for _, by_push, by_rest in told)
    assert sum(row[f"{verdict.replace('-', '_')}_sessions"] for verdict in Verdict) == row["sessions"] == len(told)
    unexplained_verdicts = {Verdict.DIFFERENT, Verdict.PUSHED_ONLY, Verdict.AMBIGUOUS}
    assert row["unexplained_sessions"] == sum(verdict in unexplained_verdicts for verdict, *_ in told)


def test_a_row_names_what_is_not_equal():
    """By the session's key, so that an operator finds it."""
    account = ledger(
        [polled("1"), polled("2", energy_wh=4000), polled("3")], [pushed("1"), pushed("2"), pushed("4", started_at=DAY)]
    )

    row = account.row(TEN, 4)

    assert row.table == "Reconciliation"
    assert (row.row["PartitionKey"], row.row["RowKey"]) == (f"20250402-{shard('C', 4)}", "C")
    assert (row.row["day"], row.row["reconciled_at"], row.row["sessions"]) == ("20250402", TEN, 4)
    assert orjson.loads(row.row["details"]) == [
        {"session": "C!2", "verdict": "different", "differences": ["energy"], "pushed_wh": 5000, "polled_wh": 4000},
        {"session": "C!3", "verdict": "polled-only", "differences": [], "pushed_wh": None, "polled_wh": 5000},
        {"session": "C!4", "verdict": "pushed-only", "differences": [], "pushed_wh": 5000, "polled_wh": None},
    ]


def test_a_row_has_no_details_where_all_is_equal():
    """Most days of most chargers."""
    assert ledger([polled()], [pushed()]).row(TEN, 4).row["details"] is None


def test_nobodys_tag_is_in_the_account():
    """Not even where tags differ, or where a session's key is made of a tag."""
    secret, other = "TAG-OF-ALICE", "TAG-OF-BOB"
    without_ids = {"transaction_id": None, "evse_transaction_id": None}
    account = ledger(
        [polled(id_tag=secret), polled(id_tag=secret, started_at=DAY, **without_ids)],
        [pushed(tag=other), pushed("5", started_at=DAY, tag=other)],
    )

    assert account.counts == {Verdict.DIFFERENT: 1, Verdict.POLLED_ONLY: 1, Verdict.PUSHED_ONLY: 1}
    written = Operation(Kind.INSERT, account.row(TEN, 4).row).encoded.json
    assert secret.encode() not in written
    assert other.encode() not in written


def test_the_longest_account_fits_into_its_row():
    """A charger that counts thousands of sessions under the longest ids; the counts are of all."""
    entries = tuple(
        Entry(f"{'C' * 128}!{number:0128}", Verdict.DIFFERENT, ("energy", "start", "end", "tag"), 10**12, 10**12)
        for number in range(3000)
    )

    row = Ledger("C" * 128, DAY, entries).row(TEN, 4).row

    assert Operation(Kind.INSERT, row).encoded
    assert row["different_sessions"] == 3000
    assert len(orjson.loads(row["details"])) > 50


def test_a_fleets_drift_is_the_sum_of_its_chargers():
    """For the alert."""
    accounts = [ledger([], [pushed()]), ledger([polled()]), ledger([polled(id_tag="TAG2")], [pushed()])]

    assert unexplained(accounts) == 2
