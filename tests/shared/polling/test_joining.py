"""Polled sessions find their pushed ones, and only those: by what was joined before, by ids, by where, when and who."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.emabler.rest.answers import PolledSession
from shared.events import Clock, FragmentKind, SessionFragment
from shared.ingest.fragments import Fragment
from shared.ingest.sessions import assemble
from shared.instants import TICKS_PER_SECOND, Instant
from shared.polling.joining import START_TOLERANCE_TICKS, join
from shared.polling.sessions_told import KeptSession, own_row_key, polled_fragment, polled_id
from shared.tables.keys import polled_session_row_key, transaction_row_key
from shared.tables.store import StoredRow

NINE = Instant.from_iso("2025-04-02T09:00:00.0000000Z")
DAY_SECONDS = 86_400


def at(seconds):
    """A moment after nine o'clock."""
    return Instant(NINE + round(seconds * TICKS_PER_SECOND))


def polled(start=0.0, end=3600.0, **changes):
    """A session as v1 tells it, without ids."""
    fields = {
        "charger_id": "C",
        "socket_id": "1",
        "id_tag": "TAG1",
        "started_at": at(start) if start is not None else None,
        "ended_at": at(end) if end is not None else None,
        "energy_wh": 5000 if end is not None else None,
    }
    return PolledSession(**(fields | changes))


def pushed(start=0.0, end=3600.0, *, name="P1", energy_wh=5000, tag="TAG1", socket_id="1"):
    """A fragment of push's: a full transaction, or a start where there is no end."""
    is_over = end is not None
    told = SessionFragment(
        kind=FragmentKind.FULL if is_over else FragmentKind.START,
        started_at=at(start) if start is not None else None,
        ended_at=at(end) if is_over else None,
        energy_wh=energy_wh if is_over else None,
        id_tag=tag,
    )
    return Fragment(told, f"event of {name}", at(end or start or 0), Clock.PLATFORM, socket_id)


def kept(transaction_id, *fragments):
    """A row of `Transactions` that is made of these."""
    row = {"PartitionKey": "00", "RowKey": transaction_row_key("C", transaction_id), "transaction_id": transaction_id}
    in_order = sorted(fragments, key=lambda fragment: fragment.precedence)
    return KeptSession(StoredRow(row | assemble(in_order), 'W/"1"'))


def alone(session, row_key=None):
    """The row of its own that a polled session has."""
    row = {"PartitionKey": "00", "RowKey": row_key or own_row_key(session)}
    return KeptSession(StoredRow(row | assemble([polled_fragment(session)]), 'W/"1"'))


def told(joined):
    """Which row each polled session is in, and whether it was joined there."""
    return {(polled_id(one.session), one.row_key, one.kept is not None, one.is_ambiguous) for one in joined}


def the_one(polled_sessions, kept_sessions):
    """The only joined session."""
    (one,) = join(polled_sessions, kept_sessions)
    return one


def test_nothing_stored_leaves_a_session_of_its_own():
    """Under its digest, as v1 has no id."""
    session = polled()

    one = the_one([session], [])

    assert (one.session, one.kept, one.given_up, one.is_ambiguous) == (session, None, (), False)
    assert one.row_key == polled_session_row_key("C", polled_id(session))


def test_a_session_stays_where_it_was_joined_before():
    """Though nothing else about it fits any more: somebody corrected it, on one side or the other."""
    session = polled(transaction_id="900")
    row = kept("P1", pushed(), polled_fragment(session))
    corrected = replace(session, started_at=at(9000), id_tag="OTHER", socket_id="7")

    one = the_one([corrected], [row, kept("P2", pushed(9000, tag="OTHER", socket_id="7", name="P2"))])

    assert (one.kept, one.row_key) == (row, row.row_key)


def test_the_chargers_own_id_joins_whatever_else_differs():
    """Tag, socket and times may be wrong on one side."""
    session = polled(900, 4000, transaction_id="900", evse_transaction_id="55", id_tag="OTHER", socket_id="7")
    row = kept("55", pushed())

    assert the_one([session], [row]).kept is row


def test_the_chargers_own_id_counts_before_emablers():
    """Only the first is documented to be the same on both sides."""
    session = polled(transaction_id="900", evse_transaction_id="55")
    by_emablers_id, by_its_own = kept("900", pushed(name="900")), kept("55", pushed(name="55"))

    assert the_one([session], [by_emablers_id, by_its_own]).kept is by_its_own


@pytest.mark.parametrize(
    ("changes", "is_joined"),
    [
        ({}, True),
        ({"id_tag": "OTHER"}, True),
        ({"socket_id": None}, True),
        ({"started_at": None}, True),
        ({"socket_id": "2"}, False),
        ({"started_at": None, "ended_at": at(7200)}, False),
        ({"started_at": at(-120)}, True),
        ({"started_at": Instant(at(-120) - 1)}, False),
    ],
)
def test_emablers_id_joins_where_start_and_socket_do_not_contradict(changes, is_joined):
    """It may be another number space, so that it fits a stranger by accident."""
    session = replace(polled(transaction_id="900"), **changes)

    assert (the_one([session], [kept("900", pushed())]).kept is not None) is is_joined


@pytest.mark.parametrize(
    ("start_ticks", "is_joined"),
    [(0, True), (START_TOLERANCE_TICKS, True), (-START_TOLERANCE_TICKS, True), (START_TOLERANCE_TICKS + 1, False)],
)
def test_where_when_and_who_join_within_120_seconds(start_ticks, is_joined):
    """To the tick."""
    session = polled(started_at=Instant(at(0) + start_ticks))

    assert (the_one([session], [kept("P1", pushed())]).kept is not None) is is_joined


@pytest.mark.parametrize(
    ("changes", "is_joined"),
    [
        ({"id_tag": " tag1 "}, True),
        ({"id_tag": None}, True),
        ({"id_tag": "TAG2"}, False),
        ({"socket_id": "2"}, False),
        ({"started_at": None}, False),
        ({"transaction_id": "900", "evse_transaction_id": "55"}, True),
    ],
)
def test_where_when_and_who_must_agree(changes, is_joined):
    """A tag's case does not count; a missing tag contradicts nothing; other ids need not be push's."""
    session = replace(polled(), **changes)

    assert (the_one([session], [kept("P1", pushed())]).kept is not None) is is_joined


def test_a_tag_that_push_does_not_tell_contradicts_nothing():
    """Free charging has none."""
    assert the_one([polled()], [kept("P1", pushed(tag=None))]).kept is not None


def test_a_row_that_has_its_polled_session_takes_no_other_by_where_when_and_who():
    """Else a second try would be swallowed by the first."""
    first, second = polled(0, 30), polled(60, 90)
    row = kept("P1", pushed(0, 30), polled_fragment(first))

    assert the_one([second], [row]).kept is None


def test_two_tries_within_a_minute_are_told_apart_by_their_ends():
    """One tag, one socket: the first try failed."""
    tries = [polled(0, 30, energy_wh=0), polled(60, 7200)]
    rows = [kept("P1", pushed(1, 31, energy_wh=0)), kept("P2", pushed(61, 7201, name="P2"))]

    by_session = {one.session.started_at: one.kept for one in join(tries, rows)}

    assert by_session == {at(0): rows[0], at(60): rows[1]}


@pytest.mark.parametrize("known_end", [None, 40.0])
def test_two_tries_without_ends_to_tell_them_apart_join_nobody(known_end):
    """No end, or ends that fit both: a guess would put one on the other's bill."""
    tries = [polled(0, known_end), polled(60, known_end)]
    rows = [kept("P1", pushed(5, known_end)), kept("P2", pushed(65, known_end, name="P2"))]

    assert [(one.kept, one.is_ambiguous) for one in join(tries, rows)] == [(None, True), (None, True)]


def test_two_tries_are_told_apart_by_the_moment_of_their_starts():
    """Whatever else is missing: one clock told both sides."""
    tries = [polled(0, None), polled(60, None)]
    rows = [kept("P1", pushed(1, None)), kept("P2", pushed(61, None, name="P2"))]

    assert {one.session.started_at: one.kept for one in join(tries, rows)} == {at(0): rows[0], at(60): rows[1]}


def test_a_try_that_is_not_listed_any_more_is_a_rival_still():
    """Its pushed start must not go to the next try because the first has left the window."""
    first, second = polled(0, 30, energy_wh=0), polled(100, 7200)
    rows = [kept("P1", pushed(50, None)), kept("own", polled_fragment(first))]

    assert [(one.kept, one.is_ambiguous) for one in join([second], rows)] == [(None, True)]
    assert the_one([second], rows[:1]).kept is rows[0]


@pytest.mark.parametrize(
    ("earlier", "is_one"),
    [
        ({"started_at": at(1)}, True),
        ({"id_tag": None}, True),
        ({"started_at": at(121)}, False),
        ({"started_at": at(1), "ended_at": at(3500)}, False),
        ({"started_at": at(1), "ended_at": None}, False),
        ({"socket_id": "2"}, False),
        ({"id_tag": "OTHER"}, False),
    ],
)
@pytest.mark.parametrize("of_push", [[], [pushed()]])
def test_what_rest_corrects_of_a_session_without_an_id_stays_one_session(earlier, is_one, of_push):
    """Start and tag are all it is known by; its earlier word is replaced."""
    before = replace(polled(), **earlier)
    row = kept("R", polled_fragment(before), *of_push)

    joined = the_one([polled()], [row])

    assert (joined.row_key == row.row_key) is is_one
    assert joined.replaced_ids == ({polled_id(before)} if is_one else set())


def test_a_session_that_is_listed_beside_its_like_is_no_correction_of_it():
    """REST tells both."""
    before = polled(1)
    row = kept("R", polled_fragment(before))

    by_start = {one.session.started_at: one.row_key for one in join([before, polled()], [row])}

    assert by_start[at(1)] == row.row_key != by_start[at(0)]


def test_an_id_that_chargers_use_again_does_not_join_the_row_of_another_polled_session():
    """Nine hours later, when the first one is not listed any more."""
    first, second = (
        polled(evse_transaction_id="1", transaction_id="900"),
        polled(32_400, 36_000, evse_transaction_id="1", transaction_id="901"),
    )
    row = kept("1", pushed(), polled_fragment(first))

    assert the_one([second], [row]).kept is None
    assert the_one([first], [row]).kept is row


def test_the_second_try_is_told_when_the_first_is_clear():
    """What is left over fits nothing else."""
    tries = [polled(0, 30, energy_wh=0), polled(60, None)]
    rows = [kept("P1", pushed(1, 31, energy_wh=0)), kept("P2", pushed(61, None, name="P2"))]

    assert {one.session.started_at: one.kept for one in join(tries, rows)} == {at(0): rows[0], at(60): rows[1]}


def test_another_try_is_not_taken_for_a_session_that_push_lost():
    """Of two tries push told the first, and REST's list has the second: end and energy contradict."""
    one = the_one([polled(60, 7200, energy_wh=8000)], [kept("P1", pushed(0, 30, energy_wh=0))])

    assert (one.kept, one.is_ambiguous) == (None, False)


@pytest.mark.parametrize(
    "changes", [{"energy_wh": 4000}, {"ended_at": at(9000)}, {"ended_at": at(9000), "energy_wh": None}]
)
def test_a_difference_in_one_of_end_and_energy_is_a_difference_of_opinions(changes):
    """It is the same session, and the ledger says what differs."""
    assert the_one([replace(polled(), **changes)], [kept("P1", pushed())]).kept is not None


def test_a_session_that_only_started_is_joined():
    """Its end is what push lost."""
    assert the_one([polled(10)], [kept("P1", pushed(0, None))]).kept is not None


def test_a_session_of_its_own_is_joined_when_its_push_arrives_late_and_gives_its_row_up():
    """Its own row was under another key."""
    session = polled()
    own, late = alone(session), kept("P1", pushed())

    one = the_one([session], [own, late])

    assert (one.kept, one.row_key, one.given_up) == (late, late.row_key, (own,))


def test_a_session_of_its_own_whose_push_arrives_in_its_own_row_gives_nothing_up():
    """The charger's own id was known, so both used the same key."""
    session = polled(transaction_id="900", evse_transaction_id="55")
    row = kept("55", pushed(), polled_fragment(session))

    one = the_one([session], [row])

    assert (one.kept, one.given_up) == (row, ())


def test_a_session_of_its_own_stays_in_the_row_it_has():
    """Though its own key would be another one by now: the charger's id became known."""
    session = polled(transaction_id="900")
    own = alone(session)

    one = the_one([replace(session, evse_transaction_id="55")], [own])

    assert (one.kept, one.row_key, one.given_up) == (None, own.row_key, ())


def test_an_id_used_again_joins_the_session_that_began_when_it_did():
    """A charger that counts from 1 again: the other session is no correction of this one."""
    earlier = polled(-3 * DAY_SECONDS, transaction_id="900", evse_transaction_id="1")
    later = polled(transaction_id="901", evse_transaction_id="1")
    row = kept("1", pushed())

    by_id = {one.session.transaction_id: one for one in join([earlier, later], [row])}

    assert by_id["901"].kept is row
    assert (by_id["900"].kept, by_id["900"].row_key) == (None, polled_session_row_key("C", "900"))


def test_an_id_used_again_on_the_same_day_loses_no_session():
    """Both are kept, each in a row of its own, and the one that push told of is joined."""
    first = polled(0, 600, transaction_id="900", evse_transaction_id="1")
    second = polled(7200, 9000, transaction_id="901", evse_transaction_id="1")
    row = kept("1", pushed(7200, 9000))

    for order in ([first, second], [second, first]):
        joined = {one.session.transaction_id: one for one in join(order, [row])}
        assert joined["901"].kept is row
        assert joined["900"].row_key == polled_session_row_key("C", "900")

    assert len({one.row_key for one in join([first, second], [])}) == 2


def test_a_pushed_row_that_is_not_the_sessions_is_never_its_own():
    """Its key is what the session's own would be, but it is a stranger's."""
    session = polled(9 * DAY_SECONDS, transaction_id="900", evse_transaction_id="1")

    assert the_one([session], [kept("1", pushed())]).row_key == polled_session_row_key("C", "900")


def test_a_row_that_two_polled_sessions_share_is_not_given_up():
    """It is the only place where the other one is."""
    session = polled(transaction_id="900", evse_transaction_id="1")
    other = polled(-5 * DAY_SECONDS, transaction_id="800", evse_transaction_id="1")
    row = {"PartitionKey": "00", "RowKey": own_row_key(session)}
    shared = KeptSession(StoredRow(row | assemble([polled_fragment(other), polled_fragment(session)]), 'W/"1"'))

    one = the_one([session], [shared, kept("P1", pushed())])

    assert (one.row_key, one.given_up) == (transaction_row_key("C", "P1"), ())


SESSIONS = st.builds(
    polled,
    start=st.sampled_from([0.0, 60.0, 120.0, 121.0, 3 * DAY_SECONDS, None]),
    end=st.sampled_from([30.0, 200.0, 3600.0, None]),
    id_tag=st.sampled_from(["TAG1", "tag1", "TAG2", None]),
    socket_id=st.sampled_from(["1", "2", None]),
    transaction_id=st.sampled_from(["900", "901", None]),
    evse_transaction_id=st.sampled_from(["1", "2", "900", None]),
)
FRAGMENTS = st.builds(
    pushed,
    start=st.sampled_from([0.0, 60.0, 120.0, 3 * DAY_SECONDS, None]),
    end=st.sampled_from([30.0, 200.0, 3600.0, None]),
    tag=st.sampled_from(["TAG1", "TAG2", None]),
    socket_id=st.sampled_from(["1", "2", None]),
)


@st.composite
def chargers(draw):
    """Polled and kept sessions of one charger, some joined or alone since an earlier poll, and all of it shuffled."""
    sessions = draw(st.lists(SESSIONS, max_size=5, unique_by=polled_id))
    rows = {}
    for transaction_id in draw(st.lists(st.sampled_from(["1", "2", "900", "P1"]), max_size=3, unique=True)):
        one = kept(transaction_id, draw(FRAGMENTS))
        rows[one.row_key] = one
    for session in draw(st.lists(st.sampled_from(sessions), max_size=2, unique=True)) if sessions else []:
        before = rows.get(own_row_key(session))
        if before is not None and before.polled_ids:
            continue
        fragments = [*before.fragments, polled_fragment(session)] if before is not None else []
        one = kept(before.transaction_id, *fragments) if before and before.transaction_id else alone(session)
        rows[one.row_key] = one
    return sessions, list(rows.values()), draw(st.permutations(sessions)), draw(st.permutations(list(rows.values())))


@given(chargers())
def test_the_order_of_what_was_polled_and_stored_does_not_matter(charger):
    """REST's order is not promised, and neither is that of rows with the same key part."""
    sessions, rows, shuffled_sessions, shuffled_rows = charger

    assert told(join(sessions, rows)) == told(join(shuffled_sessions, shuffled_rows))


@given(chargers())
def test_every_polled_session_has_one_place_and_no_two_have_the_same(charger):
    """Nobody is left out, nobody is taken twice, and what is given up is nobody's place."""
    sessions, rows, *_ = charger

    joined = join(sessions, rows)

    places = [one.row_key for one in joined]
    assert [one.session for one in joined] == sessions
    assert len(set(places)) == len(places)
    assert not {row.row_key for one in joined for row in one.given_up} & set(places)


@given(chargers())
def test_what_was_joined_or_alone_is_found_there_again(charger):
    """A second poll, after the first was stored, moves nothing that was joined."""
    sessions, rows, *_ = charger
    joined = join(sessions, rows)

    stored = {row.row_key: row for row in rows}
    for one in joined:
        before = stored.get(one.row_key)
        fragments = [*(before.fragments if before is not None else []), polled_fragment(one.session)]
        by_id = {fragment.event_id: fragment for fragment in fragments}
        row = {"PartitionKey": "00", "RowKey": one.row_key, "transaction_id": before and before.transaction_id}
        in_order = sorted(by_id.values(), key=lambda fragment: fragment.precedence)
        stored[one.row_key] = KeptSession(StoredRow(row | assemble(in_order), 'W/"2"'))
    for row_key in {row.row_key for one in joined for row in one.given_up}:
        del stored[row_key]

    again = join(sessions, list(stored.values()))

    now_in = {polled_id(one.session): one for one in again}
    for one in joined:
        later = now_in[polled_id(one.session)]
        # What was alone may be clear by now, because it is known where another belongs.
        assert later.row_key == one.row_key or (one.kept is None and later.kept is not None)
