"""Keys: legal whatever comes in, never two texts under one, and sorted as the rows are read."""

import re

from hypothesis import given
from hypothesis import strategies as st

from shared.instants import Instant
from shared.tables.keys import (
    MAX_ESCAPED_LENGTH,
    day_partition,
    escape,
    event_row_key,
    measurement_row_key,
    month_table,
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


@given(ANY_TEXT, ANY_TEXT)
def test_the_longest_row_key_is_legal(charger_id, transaction_id):
    """A row key ends at 512 UTF-16 units."""
    check_key("RowKey", measurement_row_key(charger_id, transaction_id, WHEN, "e" * 64))


def test_keys_read_as_documented():
    """Others rely on these forms."""
    assert month_table("PushEvents", WHEN) == "PushEvents202504"
    assert month_table("PushEvents", None) == "PushEventsUndated"
    assert day_partition(WHEN, "C1", 4) == f"20250402-{shard('C1', 4)}"
    assert day_partition(None, "C1", 4) == f"undated-{shard('C1', 4)}"
    assert event_row_key("C1", WHEN, "e1") == "C1!2025-04-02T09:11:03.7849436Z!e1"
    assert measurement_row_key("C1", None, None, "e1") == "C1!-!-!e1"
    assert transaction_row_key("C1", "17") == "C1!17"
    assert socket_row_key("C1", "1829181") == "C1!socket-1829181"


def test_a_transaction_called_dash_is_not_outside_any_session():
    """`-` stands for "no session" in the keys of measurements."""
    assert measurement_row_key("C1", "-", WHEN, "e") != measurement_row_key("C1", None, WHEN, "e")


def test_the_shard_is_stable_and_spreads():
    """It decides where rows are for ever, so its values are pinned here."""
    assert [shard(charger, 4) for charger in ("ID_OF_CHARGER", "ChargerId1234", "")] == ["02", "02", "00"]
    counts = [sum(shard(f"CP{number:04d}", 4) == f"{place:02d}" for number in range(1000)) for place in range(4)]
    assert min(counts) > 200
