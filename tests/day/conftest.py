"""How large the day is: `make day` lives it with a thousand chargers, the tests with fifty."""

import os

import pytest


@pytest.fixture
def chargers() -> int:
    """The size of the fleet."""
    return int(os.environ.get("DAY_CHARGERS", "50"))
