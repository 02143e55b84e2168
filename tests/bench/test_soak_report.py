"""What a soak's report says, and when its bounds count as kept."""

import pytest

from bench.soak_findings import Memory, Observed, Standing, Window
from bench.soak_report import Form, report

IDLE = Standing(tasks={"listen": 1}, connections={"storage": 2}, descriptors=20)
QUIET = [Window(tap=20, ingest=200, storage=5, waiting=30)] * 40
LEVEL = [Memory(at, 150_000_000) for at in range(100)]
LONG, SHORT = Form(1800), Form(60)


def _report(form=LONG, memory=LEVEL, windows=QUIET, after=IDLE, given_back=0):
    return report(Observed(memory, windows, IDLE, after, given_back), form, [600.0, 640.0, 620.0])


def _missed(*form, **observed):
    return [goal.what for goal in _report(*form, **observed).goals if not goal.is_met]


@pytest.mark.parametrize("form", [LONG, SHORT])
def test_a_quiet_soak_misses_nothing(form):
    """Everything level, and nothing left."""
    assert _missed(form) == []


@pytest.mark.parametrize("form", [LONG, SHORT])
@pytest.mark.parametrize(
    ("observed", "what"),
    [
        ({"memory": [Memory(at, 150_000_000 + 50_000 * at) for at in range(100)]}, "memory, MB a minute"),
        ({"windows": [Window(20 + place, 200, 5, 30) for place in range(40)]}, "drift of the taps' p99, %"),
        ({"windows": [Window(20, 200 + 5 * place, 5, 30) for place in range(40)]}, "drift of the messages' p99, %"),
        (
            {"windows": [Window(20, 200, 5, 10 * place) for place in range(40)]},
            "messages waiting, last quarter more than first",
        ),
        ({"after": Standing({"listen": 2}, {"storage": 2}, 20)}, "tasks, connections and descriptors left behind"),
        ({"after": Standing({"listen": 1}, {"storage": 3}, 20)}, "tasks, connections and descriptors left behind"),
        ({"after": Standing({"listen": 1}, {"storage": 2}, 21)}, "tasks, connections and descriptors left behind"),
        ({"given_back": 1}, "batches given back"),
    ],
)
def test_each_bound_that_is_missed_is_told(form, observed, what):
    """And no other one with it, in the short form as in the long."""
    assert _missed(form, **observed) == [what]


def test_a_short_run_may_be_too_noisy_to_tell_and_a_long_one_may_not():
    """Beyond the bound, but within the noise."""
    noisy = [Window(tap, 200, 5, 30) for tap in [*[10, 20, 30] * 7, *[13, 25, 37] * 7]]

    assert _missed(SHORT, windows=noisy) == []
    assert _missed(LONG, windows=noisy) == ["drift of the taps' p99, %"]
    (goal,) = [goal for goal in _report(SHORT, windows=noisy).goals if goal.reason]
    assert goal.measured.endswith(", undecided")


def test_a_drift_is_told_beside_that_of_storage_alone():
    """So that a reader sees whose it is."""
    windows = [Window(20 + place, 200, 5 + place, 30) for place in range(40)]
    (goal,) = [goal for goal in _report(windows=windows).goals if not goal.is_met]

    assert "Azurite's own answers, read without the app, drifted by" in goal.reason


def test_the_report_says_how_it_was_taken():
    """The rate is half of the middle one of the maxima."""
    result = _report()

    assert "1,800 s at 310 messages a second, half of the 620 (600 to 640)" in result.how
    assert result.tables[0].rows[0] == ["taps, p99 ms", "20.0", "20.0", "20.0", "20.0"]


def test_windows_are_of_ten_seconds_at_most_and_twenty_at_least():
    """A minute has to do with shorter ones."""
    assert (LONG.windows, LONG.window_seconds) == (180, 10)
    assert (SHORT.windows, SHORT.window_seconds) == (20, 3)
