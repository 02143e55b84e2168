"""Hints at tags that an unknown one may have been meant to be."""

import random

import pytest

from shared.authorization.near_misses import MOST_HINTS, Hint, Likeness, NearMisses


@pytest.mark.parametrize(
    ("unknown", "listed", "likeness"),
    [
        ("04:A1:B2:C3", "04A1B2C3", Likeness.SEPARATORS),
        ("04A1B2C3", "04-A1-B2-C3", Likeness.SEPARATORS),
        ("C3B2A104", "04A1B2C3", Likeness.TURNED),
        ("C3-B2-A1-04", "04A1B2C3", Likeness.TURNED),
        ("04A1B2C3", "04A1B2C3D4E5F6", Likeness.LISTED_BEGINS),
        ("D4E5F6", "04A1B2C3D4E5F6", Likeness.LISTED_ENDS),
        ("04A1B2C300000000", "04A1B2C3", Likeness.UNKNOWN_BEGINS),
        ("0000000004A1B2C3", "04A1B2C3", Likeness.UNKNOWN_ENDS),
    ],
)
def test_what_readers_do_to_an_id_is_hinted_at(unknown, listed, likeness):
    """Separators, bytes turned round, cut off, filled up with zeros."""
    assert NearMisses(["99887766554433", listed]).of(unknown) == [Hint(listed, likeness)]


@pytest.mark.parametrize(
    ("unknown", "listed"),
    [
        ("04A1B2C3", "04A1B2C4"),
        ("A1B2C", "04A1B2C3"),
        ("04A1B2C3", "04A1B"),
        ("XYZW", "ZWXY"),
        ("----", "::::"),
        ("ABC", "CBA"),
        ("AB", "AB"),
    ],
)
def test_what_is_only_a_little_alike_is_no_hint(unknown, listed):
    """Fewer than six characters are shared by chance, and what is not hexadecimal has no bytes to turn."""
    assert NearMisses([listed]).of(unknown) == []


def test_the_strongest_hints_come_first_and_not_too_many():
    """Nobody reads more than a few."""
    listed = ["04A1B2C3", "C3B2A104", *(f"04A1B2C3{number:06}" for number in range(50))]
    hints = NearMisses(listed).of("04-A1-B2-C3")

    assert [hint.likeness for hint in hints[:3]] == [Likeness.SEPARATORS, Likeness.TURNED, Likeness.LISTED_BEGINS]
    assert len(hints) == MOST_HINTS


def test_a_long_list_is_searched_by_its_order():
    """The same as when every tag of it is looked at."""
    chance = random.Random(3)
    listed = ["".join(chance.choices("01", k=chance.randrange(6, 14))) for _ in range(300)]
    near_misses = NearMisses(listed)
    for _ in range(100):
        unknown = "".join(chance.choices("01", k=9))
        found = {hint.id_tag for hint in near_misses.of(unknown)}
        alike = {
            id_tag
            for id_tag in listed
            if id_tag != unknown
            and (
                id_tag.startswith(unknown)
                or id_tag.endswith(unknown)
                or unknown.startswith(id_tag)
                or unknown.endswith(id_tag)
            )
        }
        assert found == alike if len(alike) <= MOST_HINTS else found <= alike
