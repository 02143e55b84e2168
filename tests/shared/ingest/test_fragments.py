"""What a session's row keeps of its messages: all of it, once, the newest, and never more than a row may hold."""

from dataclasses import replace

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.events import Clock, FragmentKind, SessionFragment
from shared.ingest.fragments import (
    MAX_FRAGMENTS,
    MAX_FRAGMENTS_LENGTH,
    Fragment,
    fragment_of,
    fragments_json,
    newest,
    read_fragments,
    with_fragments,
)
from shared.instants import Instant
from tests.support.messages import documented, event_of

NINE = Instant.from_iso("2025-04-02T09:00:00.0000000Z")
START = event_of(documented("mt", "charging_transaction"))


def _fragment(event_id="e1", kind=FragmentKind.START, at=NINE, clock=Clock.PLATFORM, **told):
    return Fragment(SessionFragment(kind, **told), event_id, at, clock)


def _row(*fragments):
    return {"fragments": fragments_json(fragments)}


def _size_bytes(fragment):
    return len(fragments_json([fragment])) - len("[]")


texts = st.none() | st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
instants = st.none() | st.integers(0, Instant.now()).map(Instant)
whole_wh = st.none() | st.integers(-(2**63), 2**63 - 1)
fragments = st.builds(
    Fragment,
    told=st.builds(
        SessionFragment,
        kind=st.sampled_from(FragmentKind),
        transaction_id=st.none(),
        started_at=instants,
        ended_at=instants,
        meter_start_wh=whole_wh,
        meter_stop_wh=whole_wh,
        energy_wh=whole_wh,
        id_tag=texts,
        socket_name=texts,
    ),
    event_id=st.text("0123456789abcdef", min_size=1),
    occurred_at=instants,
    clock=st.sampled_from(Clock),
    socket_id=texts,
    site_id=texts,
    external_site_id=texts,
)


@given(st.lists(fragments, max_size=5))
def test_a_row_brings_its_fragments_back(kept):
    """Everything that they say; the transaction's id is the row's own."""
    assert read_fragments(_row(*kept)) == kept


def test_a_row_without_fragments_has_none():
    """There was no row, or none that push or REST made."""
    assert read_fragments(None) == read_fragments({}) == []


def test_a_fragment_is_kept_with_all_that_its_message_said():
    """And with nothing that it did not say, so that the row stays small."""
    assert orjson.loads(fragments_json([fragment_of(START)])) == [
        {
            "kind": "start",
            "event_id": START.event_id,
            "clock": "platform",
            "occurred_at": "2025-04-02T09:11:32.4951111Z",
            "started_at": "2025-04-02T09:11:32.3991208Z",
            "meter_start_wh": 0,
            "id_tag": "TAG123",
            "socket_id": "1",
            "socket_name": "1234",
            "site_id": "123",
            "external_site_id": "EXT-1",
        }
    ]


def test_a_fragment_that_tells_only_when_is_kept_with_no_more():
    """Where it was is not known, which is not a place without a name."""
    (written,) = orjson.loads(fragments_json([_fragment()]))

    assert written.keys() == {"kind", "event_id", "clock", "occurred_at"}


def test_an_event_of_another_kind_is_no_fragment():
    """Whoever asks has made a mistake, which must not end in a session."""
    with pytest.raises(TypeError, match="session fragments"):
        fragment_of(event_of(documented("mt", "charger_boot")))


@given(st.lists(st.tuples(st.sampled_from(Clock), st.integers(0, 3), st.sampled_from("abcd")), max_size=8))
def test_fragments_are_in_order_from_old_to_new(keys):
    """By the order of events: the platform's clock first, then the time, then the id."""
    unsorted = [_fragment(event_id, at=Instant(NINE + ticks), clock=clock) for clock, ticks, event_id in keys]

    ordered = [(each.clock is Clock.PLATFORM, each.occurred_at, each.event_id) for each in newest(unsorted)]

    assert ordered == sorted((clock is Clock.PLATFORM, Instant(NINE + ticks), name) for clock, ticks, name in keys)


def test_a_fragment_without_any_time_is_the_oldest():
    """It may be of any time, so it replaces nothing."""
    timeless, old = _fragment("b", at=None, clock=Clock.DEVICE), _fragment("a", at=Instant(1), clock=Clock.DEVICE)

    assert newest([old, timeless]) == [timeless, old]


def test_what_push_told_never_changes():
    """The same event again is the same word again."""
    told = _fragment(meter_start_wh=1)

    assert with_fragments(_row(told), [_fragment(meter_start_wh=2)]) is None


def test_what_rest_told_is_replaced_by_what_it_tells_now():
    """A session grows while it is polled."""
    before, now = _fragment("p", FragmentKind.POLL, energy_wh=1), _fragment("p", FragmentKind.POLL, energy_wh=2)

    assert with_fragments(_row(before), [now]) == [now]
    assert with_fragments(_row(before), [before]) is None


def test_what_rest_told_under_another_name_can_be_replaced():
    """It had no id of its own then; of what stays, nothing is lost."""
    start, before = _fragment("a"), _fragment("digest", FragmentKind.POLL)
    now = _fragment("p", FragmentKind.POLL)

    assert with_fragments(_row(start, before), [now], ["digest"]) == [start, now]
    assert with_fragments(_row(start, before), [], ["digest"]) == [start]
    assert with_fragments(_row(start, before), [before], ["digest"]) is None


def test_forty_fragments_are_kept():
    """The newest ones."""
    many = [_fragment(f"{number:03d}", at=Instant(NINE + number)) for number in range(MAX_FRAGMENTS + 1)]

    assert newest(many[1:]) == newest(many) == many[1:]
    assert len(many[1:]) == 40


def test_thirty_thousand_bytes_of_fragments_are_kept():
    """To the byte; one more, and the oldest goes."""
    old, new = _fragment("a", socket_name=""), _fragment("b", at=Instant(NINE + 1), socket_name="x" * 10_000)
    room = MAX_FRAGMENTS_LENGTH - _size_bytes(new) - _size_bytes(old)

    def grown(length):
        return replace(old, told=replace(old.told, socket_name="x" * length))

    assert newest([grown(room), new]) == [grown(room), new]
    assert newest([grown(room + 1), new]) == [new]
    assert MAX_FRAGMENTS_LENGTH == 30_000


def test_what_is_older_than_a_fragment_that_has_no_room_goes_too():
    """Else it would hang on the order of arrival what is kept."""
    small, large, new = (
        _fragment(name, at=Instant(NINE + at), socket_name="x" * length)
        for name, at, length in (("a", 0, 1), ("b", 1, 20_000), ("c", 2, 20_000))
    )

    assert newest([small, large, new]) == [new]


def test_the_newest_fragment_is_kept_however_large_it_is():
    """A session has to be made of something."""
    huge = _fragment(socket_name="x" * (MAX_FRAGMENTS_LENGTH + 1))

    assert newest([huge]) == [huge]
