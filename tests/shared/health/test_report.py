"""What counts as a problem: only what somebody can do something about."""

import pytest

from shared.health.report import NIGHTLY_STALE_TICKS, STALE_TICKS, Observed, problems_of
from shared.instants import Instant
from shared.polling.runs import PollKind

NOW = Instant.from_iso("2025-04-02T09:00:00.0000000Z")


def _problems(*, is_polling=True, open_gaps=0, **runs):
    return problems_of(Observed(runs=runs, open_gaps=open_gaps), NOW, is_polling=is_polling)


def _late(kind):
    longest = NIGHTLY_STALE_TICKS if kind is PollKind.RECONCILIATION else STALE_TICKS
    return {"succeeded_at": Instant(NOW - longest - 1), "first_started_at": Instant(0)}


def _in_time(kind):
    longest = NIGHTLY_STALE_TICKS if kind is PollKind.RECONCILIATION else STALE_TICKS
    return {"succeeded_at": Instant(NOW - longest), "first_started_at": Instant(0)}


@pytest.mark.parametrize("kind", [PollKind.CHARGERS, PollKind.SESSIONS, PollKind.RECONCILIATION])
def test_a_poll_that_is_late_is_a_problem_where_the_app_polls(kind):
    """An hour for what runs all day, two nights for the account of a day; the text names the poll."""
    (problem,) = _problems(**{kind: _late(kind)})

    assert kind in problem
    assert _problems(**{kind: _in_time(kind)}) == []


@pytest.mark.parametrize("kind", PollKind)
def test_an_app_without_a_key_is_not_late_with_polls_that_it_made_once(kind):
    """Whoever took the key out does not want to be told so for ever."""
    assert _problems(is_polling=False, **{kind: _late(kind)}) == []


def test_a_poll_that_never_succeeded_is_late_from_its_first_try():
    """And one that never ran is not: the app may just have been deployed."""
    assert len(_problems(sessions={"first_started_at": Instant(NOW - STALE_TICKS - 1)})) == 1
    assert _problems(sessions={"first_started_at": NOW}) == []
    assert _problems() == []


@pytest.mark.parametrize("is_polling", [True, False])
def test_silence_of_push_is_a_problem_with_its_number(is_polling):
    """And with the command that names the chargers."""
    (problem,) = _problems(open_gaps=3, is_polling=is_polling)

    assert "3 chargers" in problem
    assert "emabler gaps" in problem
