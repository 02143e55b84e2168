r"""Ids as no charger should have them: every key is legal, no two ids share one, and short ids can be read back.

Table Storage refuses `/ \ # ?` and control characters in keys, and ends them at 512 UTF-16 units
(learn.microsoft.com, "Understanding the Table Service data model"); the escaping is that of docs/tables.md.
With HOSTILE_BODIES=5000 eight times as many random ids are tried as in `make test`.
"""

import itertools
import os
import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from shared.emabler.bodies import elements
from shared.errors import RowRefused
from shared.ingest.plan import current_state_changes, understand
from shared.instants import Instant
from shared.tables.keys import (
    MAX_ESCAPED_LENGTH,
    charger_row_key,
    decision_row_key,
    escape,
    event_row_key,
    measurement_row_key,
    polled_session_row_key,
    rows_of_charger,
    shard,
    socket_row_key,
    transaction_row_key,
    unescape,
)
from shared.tables.limits import check_key, utf16_units
from shared.tables.store import Kind, Operation
from tests.support.messages import deliver, documented

EXAMPLES = int(os.environ.get("HOSTILE_BODIES", "600")) // 5
WHEN = Instant.from_iso("2025-04-02T09:11:03.7849436Z")
EVENT_ID = "e" * 64

CONTROLS = [chr(code) for code in (*range(0x20), *range(0x7F, 0xA0))]
FORBIDDEN = ["/", "\\", "#", "?", *CONTROLS]
"""What the service's documentation forbids in keys, one by one."""
OURS = ["!", "~", "%", "'", ","]
"""What stands for something else in keys, in addresses, or in an emulator."""
HALVES = ["\ud800", "\udbff", "\udc00", "\udfff", "\ufffe", "\uffff"]

NEAR_MISSES = [
    "",
    "-",
    "~",
    "~~",
    "~2d",
    "~2f",
    "~u002f",
    "~ud83d",
    "/",
    "//",
    "!",
    "C1!charger",
    "C1",
    "c1",
    " C1",
    "C1 ",
    "C1\x00",
    "polled-C1",
    "~polled-C1",
    "charger",
    "socket-1",
    "😀",
    "\ud83d\ude00",
    "\ude00\ud83d",
    "\ud83d",
    "é",
    "e\u0301",
    "\ufeffC1",
    "\u202eC1",
    "x" * 128,
    "x" * 129,
    "x" * 10_000,
    "x" * 9_999 + "y",
    "/" * 42,
    "/" * 43,
    "😀" * 64,
    "😀" * 65,
    "\ud83d" * 10_000,
    "\ude00" * 10_000,
    "\ufffd" * 10_000,
    "?" * 10_000,
]
"""Texts that look like another once they are escaped, cut, folded or composed."""

PIECES = st.sampled_from(
    [*FORBIDDEN, *OURS, *HALVES, "a", "2", "d", "f", "u", "é", "😀", "\u2028", "~2f", "~~", "charger"]
)
IDS = (
    st.lists(PIECES, max_size=12).map("".join)
    | st.text(st.characters(), max_size=200)
    | st.sampled_from(NEAR_MISSES)
    | st.builds(lambda piece, count: piece * count, PIECES, st.integers(100, 1000))
)


@pytest.mark.parametrize("character", [*FORBIDDEN, *HALVES[:4]], ids=lambda character: f"U+{ord(character):04X}")
def test_each_forbidden_character_is_refused_bare_and_legal_escaped(character):
    """Wherever in the id it stands; the check that refuses it bare is the one every row passes."""
    for text in (character, f"{character}C1", f"C{character}1", f"C1{character}"):
        with pytest.raises(RowRefused):
            check_key("RowKey", text)

        assert check_key("RowKey", charger_row_key(text))
        assert unescape(escape(text)) == text


def test_no_two_of_the_near_misses_share_a_part():
    """Each with each."""
    for first, second in itertools.combinations(NEAR_MISSES, 2):
        assert escape(first) != escape(second), (first[:20], second[:20])


@settings(max_examples=EXAMPLES)
@given(IDS, IDS)
@example("\ud83d\ude00" * 100, "😀" * 100)
@example("~~" + "0" * 64, "x" * 10_000)
def test_escaping_is_injective_and_its_parts_are_short_legal_and_without_a_separator(first, second):
    """On random pairs of the worst there is."""
    parts = escape(first), escape(second)

    assert (parts[0] == parts[1]) == (first == second)
    for part in parts:
        assert check_key("RowKey", part) == part
        assert not re.search("[!%',]", part)
        assert utf16_units(part) <= MAX_ESCAPED_LENGTH


@settings(max_examples=EXAMPLES)
@given(st.lists(PIECES, max_size=20).map(lambda pieces: "".join(pieces)[: MAX_ESCAPED_LENGTH // 6]))
def test_a_short_id_is_read_back_from_its_key(text):
    """At six characters each at most, twenty-one fit whatever they are."""
    assert unescape(escape(text)) == text


@settings(max_examples=EXAMPLES)
@given(IDS, IDS)
def test_every_kind_of_row_key_is_legal_whatever_the_ids(charger_id, other_id):
    """The longest has two ids, a time and an event id."""
    for key in (
        event_row_key(charger_id, WHEN, EVENT_ID),
        event_row_key(charger_id, None, EVENT_ID),
        measurement_row_key(charger_id, other_id, WHEN, EVENT_ID),
        decision_row_key(charger_id, WHEN, EVENT_ID),
        transaction_row_key(charger_id, other_id),
        polled_session_row_key(charger_id, other_id),
        socket_row_key(charger_id, other_id),
        charger_row_key(charger_id),
    ):
        check_key("RowKey", key)
    assert re.fullmatch("0[0-3]", shard(charger_id, 4))


@settings(max_examples=EXAMPLES)
@given(IDS, IDS, IDS, IDS)
@example("C1", "2!3", "C1!2", "3")
@example("C1", "-", "C1", "~2d")
def test_two_sessions_or_sockets_never_share_a_row(charger_id, name, other_charger_id, other_name):
    """Keys are joined by a character that no part has; a session that only REST tells is never one that push told."""
    are_the_same = (charger_id, name) == (other_charger_id, other_name)

    for key in (transaction_row_key, socket_row_key, polled_session_row_key):
        assert (key(charger_id, name) == key(other_charger_id, other_name)) == are_the_same
    assert transaction_row_key(charger_id, name) != polled_session_row_key(other_charger_id, other_name)
    assert charger_row_key(charger_id) != socket_row_key(other_charger_id, name)


@settings(max_examples=EXAMPLES)
@given(IDS, IDS)
@example("C1", "C1!")
@example("C1", "C1\x00")
def test_the_range_of_a_charger_holds_all_its_rows_and_no_others(charger_id, other_id):
    """What an operator reads by `RowKey ge` and `lt`."""
    first, end = rows_of_charger(charger_id)
    keys_of = (charger_row_key, lambda id_: socket_row_key(id_, "1"), lambda id_: event_row_key(id_, WHEN, EVENT_ID))

    for key_of in keys_of:
        assert first <= key_of(charger_id) < end
        assert (first <= key_of(other_id) < end) == (charger_id == other_id)


@pytest.mark.parametrize("bad_id", NEAR_MISSES, ids=range(len(NEAR_MISSES)))
@pytest.mark.parametrize("name", ["charger_state", "charging_transaction", "measurements"])
def test_a_message_with_such_ids_is_an_event_whose_rows_can_be_stored(name, bad_id):
    """Charger, socket and transaction by the same bad id; one over 4,000 characters is not read and so not in a key."""
    written = bad_id.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")  # halves are no JSON text
    message = documented("mt", name) | dict.fromkeys(("chargerId", "socketId", "transactionId"), written)
    (planned,) = understand(deliver(message), 4, ()).planned.values()
    changed = [change.merged(None) for change in current_state_changes([planned.event], 4)]
    measured = [planned.measured.row] if planned.measured is not None else []

    rows = [planned.archived.row, *measured, *changed]

    assert all(Operation(Kind.INSERT, row).encoded.json for row in rows)
    assert {row["charger_id"] for row in rows} == {written if len(written) <= 4000 else ""}


@pytest.mark.parametrize("half", [r"\ud83d", r"\ude00", r"\ude00\ud83d"])
def test_half_a_character_in_an_id_never_reaches_a_key(half):
    """JSON can write it, UTF-8 cannot: it becomes the replacement character."""
    (element,) = elements(b'{"chargerId":"C%s","status":"Available"}' % half.encode())

    (planned,) = understand(deliver(element.raw), 4, ()).planned.values()

    assert planned.event.charger_id == "C" + "\ufffd" * half.count("u")
    assert planned.archived.row["RowKey"].startswith(planned.event.charger_id + "!")
