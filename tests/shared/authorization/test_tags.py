"""When two tags are one."""

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.authorization.tags import Charger, Places, Tag, canonical_tag
from shared.errors import Unacceptable


@pytest.mark.parametrize("spelling", ["04a2b3c4", "04A2B3C4", "  04a2B3c4\t", "\u00a004A2B3C4\n"])
def test_case_and_outer_white_space_make_no_other_tag(spelling):
    """Readers, cards and spreadsheets disagree about both."""
    assert canonical_tag(spelling) == "04A2B3C4"


@pytest.mark.parametrize("other", ["04:A2:B3:C4", "04 A2 B3 C4", "C4B3A204", "4A2B3C4", "04A2B3C400"])
def test_everything_else_does(other):
    """Separators, order of bytes, leading zeros and padding count."""
    assert canonical_tag(other) != canonical_tag("04A2B3C4")


@given(st.text(max_size=300))
def test_canonical_is_canonical(text):
    """The canonical spelling of a canonical tag is itself, and case does not matter to it."""
    try:
        tag = canonical_tag(text)
    except Unacceptable:
        return

    assert canonical_tag(tag) == tag
    assert canonical_tag(text.strip()) == tag


def test_the_canonical_spelling_of_any_character_is_stable():
    """Also of those whose upper case is several characters, or none."""
    for code in range(sys.maxunicode + 1):
        try:
            tag = canonical_tag(f"A{chr(code)}B")
        except Unacceptable:
            continue
        assert canonical_tag(tag) == tag, hex(code)


@pytest.mark.parametrize("text", ["", "  ", "A\x00B", "A\nB", "A\x7fB", "A\x85B", "A\ud800B", "X" * 256])
def test_what_no_reader_sends_is_no_tag(text):
    """Empty, control characters, half characters, too long; and the error does not repeat it."""
    with pytest.raises(Unacceptable, match="a tag has") as caught:
        canonical_tag(text)

    assert caught.value.reason == "not-a-tag"


def test_the_longest_and_the_shortest_tag_are_tags():
    """255 characters, as OCPP 2.1 allows, and one."""
    assert canonical_tag("x" * 255) == "X" * 255
    assert canonical_tag("x") == "X"


@pytest.mark.parametrize("text", ["A\u200bB", "A\u00a0B", "A\u2028B", "A\ue000B"])
def test_what_is_not_printed_is_a_tag_where_it_is_no_control_character(text):
    """A reader that sends it sends it each time; refusing it would lock somebody out for a blank."""
    assert canonical_tag(text) == text


CHARGER = Charger("FI-HEL-001", is_known=True, site_ids=frozenset({"17", "HELSINKI"}))


@pytest.mark.parametrize(
    ("places", "included"),
    [
        (Places(), False),
        (Places(charger_ids=frozenset({"FI-HEL-001"})), True),
        (Places(charger_ids=frozenset({"fi-hel-001"})), False),
        (Places(charger_ids=frozenset({"FI-HEL"})), False),
        (Places(site_ids=frozenset({"17"})), True),
        (Places(site_ids=frozenset({"HELSINKI", "99"})), True),
        (Places(site_ids=frozenset({"18"})), False),
        (Places(prefixes=("SE-", "FI-HEL-")), True),
        (Places(prefixes=("HEL",)), False),
    ],
)
def test_a_charger_is_named_by_its_id_its_site_or_a_prefix(places, included):
    """Each of the three ways, exact."""
    assert places.include(CHARGER) is included


def test_a_charger_without_a_site_is_at_no_site():
    """Its site is not known before its first event with one."""
    assert not Places(site_ids=frozenset({"17"})).include(Charger("C1", is_known=False))


def test_a_tag_restricts_nothing_unless_it_says_so():
    """A list of plain ids opens every charger at any time."""
    tag = Tag("T")

    assert not tag.is_blocked
    assert {tag.tag_type, tag.valid_from, tag.valid_until, tag.hours, tag.name, tag.note} == {None}
    assert tag.allowed == tag.denied == Places()
