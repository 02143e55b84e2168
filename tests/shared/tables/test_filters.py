"""Filters and their literals."""

import uuid

import pytest

from shared.tables.filters import fill_filter, odata_literal
from shared.tables.store import Int64
from tests.shared.tables.rows import NOON


@pytest.mark.parametrize(
    ("value", "literal"),
    [
        ("it's", "'it''s'"),
        (True, "true"),
        (False, "false"),
        (1, "1"),
        (-7, "-7"),
        (Int64(1), "1L"),
        (0.5, "0.5"),
        (NOON, "datetime'2025-04-02T12:00:00.0000007Z'"),
        (b"\x00\xff", "X'00ff'"),
        (uuid.UUID(int=1), "guid'00000000-0000-0000-0000-000000000001'"),
    ],
)
def test_a_value_has_its_literal(value, literal):
    """Each Edm type is written so that the service compares it as that type."""
    assert literal == odata_literal(value)


@pytest.mark.parametrize("value", [None, 1j])
def test_what_no_column_holds_has_no_literal(value):
    """It cannot be asked for."""
    with pytest.raises(ValueError, match=r"cannot be asked for|no literal"):
        odata_literal(value)


def test_parameters_are_filled_in_once_and_outside_of_texts():
    """Neither a text in the filter nor one in a parameter is taken for a parameter."""
    filled = fill_filter("A eq @a and B eq 'x@a''@b' and C  eq @b", {"a": "@b' or 'x", "b": 2})

    assert filled == "A eq '@b'' or ''x' and B eq 'x@a''@b' and C  eq 2"


def test_a_missing_parameter_is_told():
    """The name in the filter is in the error."""
    with pytest.raises(ValueError, match="@b"):
        fill_filter("A eq @b", {"a": 1})
