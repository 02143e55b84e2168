"""What a request asks for."""

import pytest

from simulator.rest.asking import BadRequest, moment_of

SECOND = 10_000_000


@pytest.mark.parametrize(
    ("text", "ticks"),
    [
        ("1970-01-01T00:00:01Z", SECOND),
        ("1970-01-01T00:00:01", SECOND),
        ("1970-01-01T02:00:01+02:00", SECOND),
        ("1970-01-01T02:00:01.5+02:00", SECOND + SECOND // 2),
        ("1970-01-01T00:00:01.0000001Z", SECOND + 1),
        ("1970-01-01T00:00:01.1234567", SECOND + 1_234_567),
        ("1970-01-01", 0),
    ],
)
def test_a_time_is_read_to_the_tick(text, ticks):
    """With or without an offset, with up to seven digits."""
    assert moment_of(text) == ticks


@pytest.mark.parametrize("text", ["yesterday", "", "2025-13-01", "2025-04-02T00:00:00.x"])
def test_what_is_no_time_is_a_bad_request(text):
    """And not the platform's fault."""
    with pytest.raises(BadRequest):
        moment_of(text)
