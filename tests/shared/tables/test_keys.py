"""Keys: legal whatever comes in, never two texts under one, and sorted as the rows are read."""

import hashlib
import re
from zlib import crc32

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.instants import Instant
from shared.tables.keys import (
    CHARGER_STATUS,
    MAX_ESCAPED_LENGTH,
    POLL_STATE,
    charger_row_key,
    day_partition,
    decision_row_key,
    escape,
    event_row_key,
    measurement_row_key,
    month_table,
    polled_session_row_key,
    push_partition,
    rows_of_charger,
    seen_partition,
    shard,
    socket_row_key,
    transaction_row_key,
    unescape,
)
from shared.tables.limits import check_key

WHEN = Instant.from_iso("2025-04-02T09:11:03.7849436Z")
NASTY = st.text(alphabet=st.sampled_from("ab/\\#?%!~',\x00\x1f\x7f\x9f-\ud800\udfff\ufffeé€😀 2d"), max_size=40)
ANY_TEXT = NASTY | st.text(max_size=255)


@given(ANY_TEXT)
def test_an_escaped_part_is_a_legal_key_without_our_separator(text):
    """Table Storage refuses some characters, and `!` is ours."""
    part = escape(text)

    check_key("RowKey", part)
    assert "!" not in part
    assert len(part) <= MAX_ESCAPED_LENGTH


@given(ANY_TEXT)
def test_what_was_escaped_comes_back(text):
    """Escaping is one to one; texts too long for a key are known by their digest."""
    part = escape(text)

    if not part.startswith("~~"):
        assert unescape(part) == text


@given(ANY_TEXT, ANY_TEXT)
def test_two_texts_never_share_a_part(first, second):
    """Not even where one is what the other looks like when it is escaped."""
    assert (escape(first) == escape(second)) == (first == second)
    assert escape(escape(first)) == escape(first) or "~" in escape(first)


def test_ordinary_ids_stay_as_they_are():
    """All of a 6,077 charger fleet's ids are of these characters."""
    assert escape("EMABLER_Charger-12345.a") == "EMABLER_Charger-12345.a"


def test_a_text_too_long_for_a_key_becomes_its_digest():
    """The column beside it has the text."""
    assert re.fullmatch("~~[0-9a-f]{64}", escape("x" * 200))
    assert escape("é" * 200) == "~~" + hashlib.sha256(("é" * 200).encode()).hexdigest()


@pytest.mark.parametrize(("unit", "most"), [("x", 128), ("😀", 64), ("/", 42)])
def test_a_part_of_a_key_has_128_utf16_units_at_most(unit, most):
    """Counted as they are in the key: two for a character past U+FFFF, three for one that is escaped."""
    assert unescape(escape(unit * most)) == unit * most
    assert escape(unit * (most + 1)).startswith("~~")


def test_what_is_not_legal_is_written_as_a_tilde_and_hex_digits():
    """Others build keys from this form: two digits, and `u` with four where two are not enough."""
    assert escape("a/b!c") == "a~2fb~21c"
    assert escape("\x00\x9f") == "~00~9f"
    assert escape("\ud800\uffff") == "~ud800~uffff"


def test_half_characters_have_a_key_and_a_shard_too():
    """JSON can bring them, and an id that is one is an id."""
    halves = "\ud800" * 200

    check_key("RowKey", escape(halves))
    assert escape(halves) != escape(halves[1:])
    assert shard("\ud800", 97) == f"{crc32(bytes.fromhex('eda080')) % 97}"


def test_a_digest_is_not_taken_for_a_text():
    """Whoever wants the text of a long id is sent to its column."""
    with pytest.raises(ValueError, match="read its column"):
        unescape(escape("x" * 200))


@given(ANY_TEXT, ANY_TEXT)
def test_the_longest_row_key_is_legal(charger_id, transaction_id):
    """A row key ends at 512 UTF-16 units."""
    check_key("RowKey", measurement_row_key(charger_id, transaction_id, WHEN, "e" * 64))


def test_keys_read_as_documented():
    """Others rely on these forms."""
    assert (CHARGER_STATUS, POLL_STATE) == ("ChargerStatus", "PollState")
    assert month_table("PushEvents", WHEN) == "PushEvents202504"
    assert month_table("PushEvents", None) == "PushEventsUndated"
    assert day_partition(WHEN, "C1", 4) == f"20250402-{shard('C1', 4)}"
    assert day_partition(None, "C1", 4) == f"undated-{shard('C1', 4)}"
    assert event_row_key("C1", WHEN, "e1") == "C1!2025-04-02T09:11:03.7849436Z!e1"
    assert measurement_row_key("C1", None, None, "e1") == "C1!-!-!e1"
    assert transaction_row_key("C1", "17") == "C1!17"
    assert measurement_row_key("C1", "17", WHEN, "e1") == "C1!17!2025-04-02T09:11:03.7849436Z!e1"
    assert decision_row_key("C1", WHEN, "d1") == "C1!2025-04-02T09:11:03.7849436Z!d1"
    assert polled_session_row_key("C1", "17") == "C1!~polled-17"
    assert charger_row_key("C1") == "C1!charger"
    assert socket_row_key("C1", "1829181") == "C1!socket-1829181"
    assert (push_partition("03"), seen_partition("03")) == ("push-03", "seen-03")


ROW_KEYS = [
    lambda charger_id, text: event_row_key(charger_id, WHEN, text),
    lambda charger_id, text: measurement_row_key(charger_id, text, None, text),
    lambda charger_id, text: decision_row_key(charger_id, WHEN, text),
    transaction_row_key,
    polled_session_row_key,
    lambda charger_id, _: charger_row_key(charger_id),
    socket_row_key,
]


@given(ANY_TEXT, ANY_TEXT, st.text(alphabet="0123456789abcdef", min_size=1))
def test_the_range_of_a_charger_holds_its_rows_and_no_others(charger_id, other, text):
    """Queries read it; of two ids, one may begin with the other."""
    first, end = rows_of_charger(charger_id)

    for row_key in ROW_KEYS:
        assert first <= row_key(charger_id, text) < end
        assert (first <= row_key(other, text) < end) == (other == charger_id)
        assert not any(first <= row_key(charger_id + after, text) < end for after in ("0", '"', "!", " "))


@given(ANY_TEXT, ANY_TEXT)
def test_a_session_that_only_rest_told_has_a_key_that_no_pushed_one_can_have(name, transaction_id):
    """Whatever a charger calls its transactions."""
    assert polled_session_row_key("C1", name) != transaction_row_key("C1", transaction_id)


def test_a_transaction_called_dash_is_not_outside_any_session():
    """`-` stands for "no session" in the keys of measurements."""
    assert measurement_row_key("C1", "-", WHEN, "e") != measurement_row_key("C1", None, WHEN, "e")
    assert unescape(transaction_row_key("C1", "-").split("!")[1]) == "-"


def test_the_shard_is_stable_and_spreads():
    """It decides where rows are for ever, so its values are pinned here."""
    assert [shard(charger, 4) for charger in ("ID_OF_CHARGER", "ChargerId1234", "")] == ["02", "02", "00"]
    counts = [sum(shard(f"CP{number:04d}", 4) == f"{place:02d}" for number in range(1000)) for place in range(4)]
    assert min(counts) > 200
