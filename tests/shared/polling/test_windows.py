"""What time the sessions are asked for: never less than the overlap, without a hole, the oldest first."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.emabler.rest.addresses import ApiVersion
from shared.instants import TICKS_PER_SECOND, Instant
from shared.polling.windows import OVERLAP_TICKS, SLICE_TICKS, WIDEST_TICKS, Known, Window, slices, window_of

HOUR = 3600 * TICKS_PER_SECOND
NOW = Instant.from_iso("2025-04-02T12:00:00.0000000Z")
VERSIONS = pytest.mark.parametrize("version", ApiVersion)


def ago(hours):
    """A moment before now."""
    return Instant(NOW - round(hours * HOUR))


@VERSIONS
@pytest.mark.parametrize("has_gap", [False, True])
def test_the_first_run_asks_for_the_widest_window(version, has_gap):
    """Nothing is stored yet."""
    assert window_of(Known(None, has_gap, version), NOW) == (ago(72), NOW)


@pytest.mark.parametrize(("version", "hours"), [(ApiVersion.V1, 24.25), (ApiVersion.V2, 6.25)])
def test_a_run_asks_again_for_a_while_before_the_watermark(version, hours):
    """A charger without connection tells of its session late."""
    assert window_of(Known(ago(0.25), has_gap=False, version=version), NOW) == (ago(hours), NOW)


@VERSIONS
def test_a_gap_widens_every_run(version):
    """As long as push is silent, nobody knows since when sessions are missing."""
    assert window_of(Known(ago(0.25), has_gap=True, version=version), NOW) == (ago(72), NOW)


@VERSIONS
def test_a_gap_never_narrows_a_window(version):
    """After a week without a run the watermark reaches further back than the widest window."""
    week_old = Known(ago(7 * 24), has_gap=True, version=version)

    assert window_of(week_old, NOW) == window_of(Known(ago(7 * 24), has_gap=False, version=version), NOW)
    assert window_of(week_old, NOW).start == ago(7 * 24) - OVERLAP_TICKS[version]


@VERSIONS
def test_a_watermark_in_the_future_does_not_shorten_the_overlap(version):
    """Our clock was set back."""
    window = window_of(Known(ago(-5), has_gap=False, version=version), NOW)

    assert window == (NOW - OVERLAP_TICKS[version], NOW)


def test_no_window_begins_before_time():
    """The year 1 is where our times begin."""
    assert window_of(Known(None, has_gap=False, version=ApiVersion.V2), Instant(HOUR)).start == 0


def test_a_short_window_is_asked_for_at_once():
    """Up to a day."""
    day = Window(ago(24), NOW)

    assert list(slices(day)) == [day]


def test_a_long_window_is_asked_for_in_pieces_the_oldest_first():
    """The watermark moves after each, so a run that breaks off has got somewhere."""
    assert list(slices(Window(ago(50), NOW))) == [(ago(50), ago(26)), (ago(26), ago(2)), (ago(2), NOW)]


def test_an_empty_window_is_one_piece():
    """A run a moment after the other still asks once."""
    assert list(slices(Window(NOW, NOW))) == [(NOW, NOW)]


@given(
    watermark=st.none() | st.integers(0, NOW + 100 * HOUR).map(Instant) | st.integers(0, 400).map(ago),
    has_gap=st.booleans(),
    version=st.sampled_from(ApiVersion),
)
def test_no_window_leaves_anything_out(watermark, has_gap, version):
    """From well before the watermark up to now, in pieces that touch."""
    window = window_of(Known(watermark, has_gap, version), NOW)

    latest_start = min(watermark, NOW) - OVERLAP_TICKS[version] if watermark is not None else NOW - WIDEST_TICKS
    assert window.start <= max(0, latest_start)
    if has_gap:
        assert window.start <= NOW - WIDEST_TICKS
    pieces = list(itertools.islice(slices(window), 50))
    assert pieces[0].start == window.start
    assert all(one.end == next_one.start for one, next_one in itertools.pairwise(pieces))
    assert all(0 <= piece.end - piece.start <= SLICE_TICKS for piece in pieces)
    assert len(pieces) == 50 or pieces[-1].end == NOW
