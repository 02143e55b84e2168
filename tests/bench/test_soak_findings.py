"""A soak's verdicts, on curves that are made up: a leak and a drift are found, a quiet run passes."""

import random

import pytest

from bench.soak_findings import (
    MOST_DRIFT_PERCENT,
    MOST_MEGABYTES_A_MINUTE,
    Estimate,
    Memory,
    Standing,
    Verdict,
    Window,
    drift_percent,
    judge,
    memory_slope,
    more_waiting,
    quarters,
    without_warm_up,
)

HALF_AN_HOUR = 1800
IDLE = Standing(tasks={"listen": 1}, connections={"storage": 2}, descriptors=20)


def _memory(megabytes_a_minute, seconds=HALF_AN_HOUR, noise_megabytes=0.5):
    """A line through noise, a sample a second."""
    chance = random.Random(1)
    return [
        Memory(at, round(1e6 * (150 + megabytes_a_minute * at / 60 + chance.gauss(0, noise_megabytes))))
        for at in range(seconds)
    ]


def _windows(growth, count=180, noise=0.1):
    """Taps whose p99 grows by that share over the whole run, through noise; everything else stands still."""
    chance = random.Random(1)
    return [
        Window(tap=20 * (1 + growth * place / count) * chance.gauss(1, noise), ingest=200, storage=5, waiting=30)
        for place in range(count)
    ]


def _tap(window):
    return window.tap


@pytest.mark.parametrize("megabytes_a_minute", [-0.5, 0.0, 0.2, 0.9])
def test_memory_that_climbs_less_than_the_bound_is_kept(megabytes_a_minute):
    """The slope is that of the line under the noise."""
    slope = memory_slope(_memory(megabytes_a_minute))

    assert slope.value == pytest.approx(megabytes_a_minute, abs=3 * slope.error)
    assert judge(slope, MOST_MEGABYTES_A_MINUTE) is Verdict.KEPT


@pytest.mark.parametrize(("megabytes_a_minute", "seconds"), [(1.1, HALF_AN_HOUR), (2.0, HALF_AN_HOUR), (5.0, 60)])
def test_a_leak_is_found(megabytes_a_minute, seconds):
    """In half an hour one just above the bound, in a minute a large one."""
    slope = memory_slope(_memory(megabytes_a_minute, seconds))

    assert slope.value == pytest.approx(megabytes_a_minute, abs=3 * slope.error)
    assert judge(slope, MOST_MEGABYTES_A_MINUTE) is Verdict.MISSED


def test_one_step_is_no_certain_leak():
    """Memory is taken in steps; within a minute, one of them says little of the next."""
    samples = [Memory(at, 150_000_000 + (900_000 if at > 30 else 0)) for at in range(60)]

    slope = memory_slope(samples)

    assert slope.value > MOST_MEGABYTES_A_MINUTE
    assert judge(slope, MOST_MEGABYTES_A_MINUTE) is Verdict.UNDECIDED


def test_a_leak_that_goes_up_in_steps_is_found():
    """A step of a megabyte every half minute, for half an hour."""
    samples = [Memory(at, 150_000_000 + at // 30 * 1_000_000) for at in range(HALF_AN_HOUR)]

    slope = memory_slope(samples)

    assert slope.value == pytest.approx(2.0, abs=0.01)
    assert judge(slope, MOST_MEGABYTES_A_MINUTE) is Verdict.MISSED


def test_memory_that_settles_in_the_warm_up_is_no_leak():
    """What climbs in the first tenth alone is left out."""
    samples = [Memory(at, min(at, 180) * 1_000_000) for at in range(HALF_AN_HOUR)]

    assert memory_slope(samples) == Estimate(0, 0)


def test_a_line_needs_samples():
    """Two points lie on a line always, so nothing could be said of its error."""
    with pytest.raises(ValueError, match="3 samples"):
        memory_slope([Memory(0, 1), Memory(1, 2), Memory(2, 3)])


@pytest.mark.parametrize("growth", [-0.3, 0.0, 0.05])
def test_steady_latencies_are_kept(growth):
    """Noise of a tenth on each window does not hide that their medians stay."""
    assert judge(drift_percent(_windows(growth), _tap), MOST_DRIFT_PERCENT) is Verdict.KEPT


@pytest.mark.parametrize("growth", [0.3, 1.0])
def test_a_drift_is_found(growth):
    """Of the growth over the run it is that part which lies between the middles of the first quarter and the last."""
    drift = drift_percent(_windows(growth, count=1800), _tap)

    begin, end = (1 + growth * middle for middle in (0.1 + 0.9 / 8, 1 - 0.9 / 8))
    assert drift.value == pytest.approx(100 * (end / begin - 1), abs=3 * drift.error)
    assert judge(drift, MOST_DRIFT_PERCENT) is Verdict.MISSED


def test_a_window_in_which_the_machine_stood_still_is_no_drift():
    """A median does not mind a few of them, however bad."""
    windows = _windows(0.0)
    windows[-5:] = [Window(tap=5000, ingest=200, storage=5, waiting=30)] * 5

    assert judge(drift_percent(windows, _tap), MOST_DRIFT_PERCENT) is Verdict.KEPT


@pytest.mark.parametrize(
    ("estimate", "verdict"),
    [
        (Estimate(9.9, 50.0), Verdict.KEPT),
        (Estimate(10.0, 0.1), Verdict.UNDECIDED),
        (Estimate(12.0, 1.1), Verdict.UNDECIDED),
        (Estimate(12.0, 0.9), Verdict.MISSED),
    ],
)
def test_what_lies_beyond_a_bound_is_missed_for_certain_by_two_errors(estimate, verdict):
    """Less far beyond, the run does not tell."""
    assert judge(estimate, 10.0) is verdict


def test_a_queue_that_grows_is_found():
    """One message more each window, between the middles of the first and the last quarter."""
    windows = [Window(tap=1, ingest=1, storage=1, waiting=place) for place in range(80)]

    assert more_waiting(windows) == 54


def test_the_quarters_have_one_length_and_end_with_the_last():
    """The first tenth is left out, and what four quarters of one length leave over."""
    assert without_warm_up(range(43)) == range(5, 43)
    assert quarters(range(43)) == [range(7, 16), range(16, 25), range(25, 34), range(34, 43)]


def test_too_few_windows_have_no_quarters():
    """A median of one figure has no error."""
    with pytest.raises(ValueError, match="too few"):
        quarters(range(8))


def test_what_is_held_as_before_is_not_left_behind():
    """Nor is it a loss that something is gone."""
    assert IDLE.more_than(IDLE) == []
    assert Standing({}, {}, 3).more_than(IDLE) == []


def test_everything_that_is_held_beside_is_named():
    """Also where something else of its kind is gone."""
    after = Standing(tasks={"write": 2}, connections={"storage": 3, "the queue": 1}, descriptors=22)

    assert after.more_than(IDLE) == [
        "2 tasks write",
        "1 connections to storage",
        "1 connections to the queue",
        "2 descriptors",
    ]
