"""A tag as a row of a list, and back: nothing is lost, and nothing that restricts is read past."""

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.authorization.hours import WeeklyHours
from shared.authorization.tag_rows import TAG_SHARDS, read_tag, tag_keys, tag_row
from shared.authorization.tags import Places, Tag
from shared.errors import Unacceptable
from shared.instants import Instant
from shared.tables.edm import decode_row, encode_row
from shared.tables.keys import escape, shard

JANUARY, DECEMBER = Instant.from_iso("2026-01-01T00:00:00.0000001Z"), Instant.from_iso("2026-12-01T00:00:00.0000000Z")
FULL = Tag(
    "04A2/B3",
    tag_type="ISO14443",
    is_blocked=True,
    valid_from=JANUARY,
    valid_until=DECEMBER,
    allowed=Places(frozenset({"C2", "C1"}), frozenset({"18", "17"}), ("FI-", "EE-")),
    denied=Places(frozenset({"C9"}), frozenset({"99"}), ("SE-",)),
    hours=WeeklyHours.parse("Mon-Fri 07:00-19:00", "Europe/Helsinki"),
    name="Somebody",
    note="A note",
)
FULL_ROW = {
    "PartitionKey": shard("04A2/B3", 8),
    "RowKey": "04A2~2fB3",
    "id_tag": "04A2/B3",
    "tag_type": "ISO14443",
    "blocked": True,
    "valid_from": JANUARY,
    "valid_until": DECEMBER,
    "hours": "Mon-Fri 07:00-19:00",
    "time_zone": "Europe/Helsinki",
    "name": "Somebody",
    "note": "A note",
    "allow_chargers": '["C1","C2"]',
    "allow_sites": '["17","18"]',
    "allow_prefixes": '["EE-","FI-"]',
    "deny_chargers": '["C9"]',
    "deny_sites": '["99"]',
    "deny_prefixes": '["SE-"]',
}
BARE_ROW = {"PartitionKey": "00", "RowKey": "T", "id_tag": "T"}


def _stored(row):
    """The row after its way through storage."""
    return decode_row(orjson.loads(encode_row(row).json))


def test_a_tag_has_the_columns_that_are_documented():
    """Operators read them, and others may write them."""
    assert tag_row(FULL) == FULL_ROW


def test_what_a_tag_does_not_say_has_no_column():
    """A list has as many rows as there are cards, and most of them restrict nothing."""
    assert _stored(tag_row(Tag("T"))) == {"PartitionKey": shard("T", 8), "RowKey": "T", "id_tag": "T"}


texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)
instants = st.integers(Instant.from_iso("1601-01-01T00:00:00.0000000Z"), Instant.now()).map(Instant)
places = st.builds(
    Places,
    st.frozensets(texts, max_size=3),
    st.frozensets(texts, max_size=3),
    st.frozensets(texts, max_size=3).map(sorted).map(tuple),
)
tags = st.builds(
    Tag,
    id_tag=texts,
    tag_type=st.none() | texts,
    is_blocked=st.booleans(),
    valid_from=st.none() | instants,
    valid_until=st.none() | instants,
    allowed=places,
    denied=places,
    hours=st.none() | st.sampled_from([FULL.hours, WeeklyHours.parse("Sat 22:00-02:00; Sun 00:00-24:00", "UTC")]),
    name=st.none() | texts,
    note=st.none() | texts,
)


@given(tags)
def test_a_tag_comes_back_from_storage_as_it_went(tag):
    """With everything that it says, and nothing that it does not."""
    row = tag_row(tag)

    assert read_tag(_stored(row)) == tag
    assert (
        (row["PartitionKey"], row["RowKey"])
        == tag_keys(tag.id_tag)
        == (shard(tag.id_tag, TAG_SHARDS), escape(tag.id_tag))
    )


def test_hours_without_a_time_zone_are_those_of_utc():
    """Somebody may have written them by hand."""
    assert read_tag(BARE_ROW | {"hours": "Mon 07:00-19:00"}).hours == WeeklyHours.parse("Mon 07:00-19:00", "UTC")


@pytest.mark.parametrize(("blocked", "is_blocked"), [(None, False), (False, False), (True, True), ("yes", True)])
def test_anything_but_no_blocks_a_tag(blocked, is_blocked):
    """A column that somebody filled by hand restricts rather than opens."""
    assert read_tag(BARE_ROW | {"blocked": blocked}).is_blocked is is_blocked


@pytest.mark.parametrize(
    ("column", "broken"),
    [
        *((column, 7) for column in FULL_ROW if column not in {"PartitionKey", "RowKey", "id_tag", "blocked"}),
        *(
            (f"{answer}_{place}", text)
            for answer in ("allow", "deny")
            for place in ("chargers", "sites", "prefixes")
            for text in ("", "C1", "[]", "{}", '{"C1":1}', '"C1"', "[1]", '[""]', '["C1",""]', "null", "true")
        ),
        *(("valid_from", "2026-01-01"), ("valid_until", JANUARY.iso)),
        *(("hours", ""), ("hours", "always"), ("time_zone", "Mars/Olympus")),
    ],
)
def test_a_row_that_cannot_be_read_is_no_tag(column, broken):
    """Reading past a restriction would open chargers to whom they are closed; the error repeats nothing of the row."""
    with pytest.raises(Unacceptable, match=r"^a row of the tag list has columns that cannot be read$") as caught:
        read_tag(FULL_ROW | {column: broken})

    assert caught.value.reason == "unreadable-tag"


def test_a_row_without_its_tag_is_no_tag():
    """The key would not do: it may be a digest."""
    with pytest.raises(Unacceptable):
        read_tag({"PartitionKey": "00", "RowKey": "T"})
