"""A session as each side tells it: by what it is known again, where it is kept, and what is compared."""

from dataclasses import replace

import pytest

from shared.emabler.rest.answers import PolledSession
from shared.events import Clock, FragmentKind, SessionFragment
from shared.ingest.fragments import Fragment
from shared.ingest.sessions import SessionChange, assemble
from shared.instants import TICKS_PER_SECOND, Instant
from shared.polling.sessions_told import (
    KeptSession,
    Told,
    canonical_tag,
    own_row_key,
    polled_fragment,
    polled_id,
    spare_row_key,
    told_by,
    told_by_rest,
)
from shared.tables.store import StoredRow
from tests.support.messages import documented, event_of

NINE = Instant.from_iso("2025-04-02T09:00:00.0000000Z")
TEN = Instant.from_iso("2025-04-02T10:00:00.0000000Z")
SESSION = PolledSession(
    "C/1", socket_id="1", socket_name="Left", id_tag="tag1", started_at=NINE, ended_at=TEN, energy_wh=5000, site_id="7"
)
START = Fragment(SessionFragment(FragmentKind.START, started_at=NINE, id_tag="tag1"), "e1", NINE, Clock.PLATFORM, "1")
FULL = Fragment(
    SessionFragment(FragmentKind.FULL, started_at=NINE, ended_at=TEN, energy_wh=5000, meter_stop_wh=9000),
    "e2",
    TEN,
    Clock.PLATFORM,
)


def kept(*fragments, **columns):
    """A session as the tables have it."""
    return KeptSession(StoredRow({"PartitionKey": "00", "RowKey": "k", **columns} | assemble(list(fragments)), "etag"))


@pytest.mark.parametrize(
    "changes",
    [
        {"ended_at": None, "energy_wh": None},
        {"energy_wh": 7, "length_minutes": 3.0, "origin": "corrected"},
        {"id_tag": " TAG1"},
    ],
)
def test_a_session_without_an_id_is_known_again_by_where_when_and_who(changes):
    """What grows or is corrected does not make it another, nor does a tag's case."""
    assert polled_id(replace(SESSION, **changes)) == polled_id(SESSION)


@pytest.mark.parametrize(
    "changes",
    [
        {"charger_id": "C/2"},
        {"socket_id": "2"},
        {"started_at": Instant(NINE + 1)},
        {"id_tag": "TAG2"},
        {"id_tag": None},
        {"transaction_id": "900"},
        {"evse_transaction_id": "900"},
    ],
)
def test_another_charger_socket_start_tag_or_id_is_another_session(changes):
    """To the tick."""
    assert polled_id(replace(SESSION, **changes)) != polled_id(SESSION)


def test_a_session_with_an_id_is_known_again_whatever_was_corrected():
    """The id is all that counts."""
    first = replace(SESSION, transaction_id="900")
    corrected = replace(first, started_at=TEN, id_tag="OTHER", socket_id="2", evse_transaction_id="55")

    assert polled_id(first) == polled_id(corrected)


def test_the_two_kinds_of_ids_are_not_mixed_up():
    """Some charger's own number is another session's number at eMabler."""
    assert polled_id(replace(SESSION, transaction_id="7")) != polled_id(replace(SESSION, evse_transaction_id="7"))


def test_sessions_that_share_the_chargers_own_id_are_two():
    """Chargers use their ids again; eMabler does not."""
    one, other = (replace(SESSION, transaction_id=name, evse_transaction_id="1") for name in ("900", "901"))

    assert polled_id(one) != polled_id(other)


def test_nothing_personal_can_be_read_in_an_id():
    """It ends up in keys, in `fragments` and in the ledger's details."""
    assert "tag1" not in polled_id(SESSION).lower()
    assert len(polled_id(SESSION)) == len("polled-") + 32


@pytest.mark.parametrize("surrogate", ["\ud800", "C\udfff"])
def test_any_text_makes_an_id(surrogate):
    """JSON can hold what UTF-8 cannot."""
    assert polled_id(replace(SESSION, charger_id=surrogate)).startswith("polled-")


def test_a_session_is_kept_where_push_keeps_it_where_that_is_known():
    """So that its push, should it come late, finds the row without any joining."""
    start = documented("mt", "charging_transaction", chargerId="C/1", transactionId="55/1")
    change = SessionChange.of(event_of(start), 4)
    assert change is not None

    assert own_row_key(replace(SESSION, transaction_id="900", evse_transaction_id="55/1")) == change.row_key


@pytest.mark.parametrize("changes", [{}, {"transaction_id": "900"}])
def test_a_session_whose_id_push_may_not_use_is_kept_where_push_keeps_nothing(changes):
    """No transaction id of push's, whatever it is, makes such a key."""
    session = replace(SESSION, **changes)
    name = session.transaction_id or polled_id(session)

    assert own_row_key(session) == spare_row_key(session) == f"C~2f1!~polled-{name}"


def test_a_polled_fragment_says_what_rest_said():
    """It has no meter reads, and its time is the session's own."""
    fragment = polled_fragment(SESSION)

    assert fragment == Fragment(
        told=SessionFragment(
            FragmentKind.POLL, started_at=NINE, ended_at=TEN, energy_wh=5000, id_tag="tag1", socket_name="Left"
        ),
        event_id=polled_id(SESSION),
        occurred_at=TEN,
        clock=Clock.DEVICE,
        socket_id="1",
        site_id="7",
    )
    assert polled_fragment(replace(SESSION, ended_at=None)).occurred_at == NINE


def test_rest_completes_what_push_left_out_and_overrules_nothing():
    """Of one session: push's start and tag, REST's end and energy."""
    late = replace(SESSION, started_at=Instant(NINE + TICKS_PER_SECOND), id_tag="OTHER")

    columns = assemble([polled_fragment(late), START])

    assert (columns["started_at"], columns["id_tag"]) == (NINE, "tag1")
    assert (columns["ended_at"], columns["energy_wh"], columns["state"]) == (TEN, 5000, "complete")
    assert (columns["source"], columns["has_poll"]) == ("both", True)


def test_a_kept_session_tells_what_push_alone_said():
    """What REST said of it is no news to compare REST with."""
    session = kept(polled_fragment(replace(SESSION, energy_wh=1)), START, transaction_id="55")

    assert session.pushed == Told("1", "TAG1", NINE, None, None)
    assert session.pushed_fragments == [START]
    assert session.polled_ids == {polled_id(SESSION)}
    assert (session.row_key, session.transaction_id) == ("k", "55")


def test_a_kept_session_that_rest_alone_knows_has_no_pushed_side():
    """There is nothing to compare."""
    session = kept(polled_fragment(SESSION))

    assert (session.pushed, session.pushed_fragments, session.transaction_id) == (None, [], None)


def test_both_sides_are_told_alike():
    """Tags in one case, energy in whole Wh, however it was found."""
    assert told_by([START, FULL]) == told_by_rest(SESSION) == Told("1", "TAG1", NINE, TEN, 5000)
    assert told_by([]) is None


@pytest.mark.parametrize(("tag", "canonical"), [(None, None), (" aB1 ", "AB1"), ("AB1", "AB1"), ("", "")])
def test_a_tag_is_the_same_in_any_case(tag, canonical):
    """OCPP's tags do not know case."""
    assert canonical_tag(tag) == canonical
