"""The inbox of unknown tags: it counts, over many processes, and survives what somebody wrote into a row."""

import pytest

from shared.authorization.unknown_tags import MAX_CHARGERS, UnknownTagChange, chargers_of
from shared.instants import Instant
from shared.tables.keys import shard

NINE = Instant.from_iso("2025-04-02T09:00:00.0000000Z")
TEN = Instant.from_iso("2025-04-02T10:00:00.0000000Z")


def _tap(charger_id="C1", at=NINE):
    return UnknownTagChange.of_tap("04A2/B3", charger_id, at)


def test_the_first_tap_makes_the_row():
    """With the columns that are documented."""
    assert _tap().merged(None) == {
        "PartitionKey": shard("04A2/B3", 8),
        "RowKey": "04A2~2fB3",
        "id_tag": "04A2/B3",
        "first_seen_at": NINE,
        "last_seen_at": NINE,
        "taps": 1,
        "chargers": '["C1"]',
    }


@pytest.mark.parametrize(("first", "second"), [(NINE, TEN), (TEN, NINE)])
def test_taps_are_counted_in_any_order_together_or_one_by_one(first, second):
    """The first and the last time, and where."""
    together = _tap("C2", first)
    together.absorb(_tap("C1", second))
    one_by_one = _tap("C1", second).merged(_tap("C2", first).merged(None))

    assert together.merged(None) == one_by_one
    assert {name: one_by_one[name] for name in ("first_seen_at", "last_seen_at", "taps", "chargers")} == {
        "first_seen_at": NINE,
        "last_seen_at": TEN,
        "taps": 2,
        "chargers": '["C1","C2"]',
    }


def test_a_row_names_twenty_chargers_at_most():
    """A tag that is tried everywhere must not grow a row without end."""
    row = None
    for number in range(MAX_CHARGERS + 5):
        row = _tap(f"C{number:02d}").merged(row)

    assert chargers_of(row) == [f"C{number:02d}" for number in range(MAX_CHARGERS)]
    assert row["taps"] == MAX_CHARGERS + 5


@pytest.mark.parametrize("broken", ["", "C1", "{}", '"C1"', "null", 7, None])
def test_chargers_that_cannot_be_read_are_none(broken):
    """The row goes on counting."""
    row = {"chargers": broken, "taps": "many", "first_seen_at": "then", "last_seen_at": None}

    assert chargers_of(row) == []
    assert _tap().merged(row) == _tap().merged(None)
