"""Polls, ledgers and gaps, as an operator asks for them."""

import asyncio

import pytest

from shared.emabler.rest.errors import EmablerUnavailable
from shared.ingest.ingest import Ingest
from shared.instants import TICKS_PER_SECOND, Instant
from shared.polling.gaps import Evidence, Gap
from shared.polling.runs import PollKind, Runs
from shared.tables.store import Kind, Operation
from tests.shared.polling.support import after, full, polled, seen, state
from tests.support.fake_emabler import FakeEmabler
from tests.support.messages import deliver, within

DAY = "2025-04-02"


@pytest.fixture
def api(monkeypatch):
    """The account, as a test says."""
    api = FakeEmabler()
    monkeypatch.setattr("ops.polling.connect_emabler", lambda _: api)
    return api


def _push(operator, *messages):
    asyncio.run(Ingest(operator.tables, 4).store(deliver(*messages), within(20)))


def test_a_poll_of_the_chargers_says_what_it_found(operator, api):
    """As JSON and for people."""
    _push(operator, state("C1", "Available", after(0)))
    api.chargers_now["C1"] = seen("C1", "Charging", after(3))

    told = operator.asks("poll", "chargers")

    assert (told["chargers"], told["changed_rows"] > 0, told["open_gaps"]) == (1, True, 0)
    shown = operator.types("poll", "chargers")
    assert (shown.exit_code, "chargers polled" in shown.stdout) == (0, True)


def test_sessions_of_a_window_are_polled_and_completed(operator, api):
    """A window is said as dates or times; its last day is all of it."""
    api.sessions_now = [polled("C1", after(0), after(50), evse="7")]

    told = operator.asks("poll", "sessions", "--from", DAY, "--to", DAY)

    assert (told["sessions"], told["polled_only"], told["changed"]) == (1, 1, 1)
    start, end = api.asked_sessions[0][0], api.asked_sessions[-1][1]
    assert (start.iso[:19], end.iso[:19]) == ("2025-04-02T00:00:00", "2025-04-03T00:00:00")
    assert "known from REST alone" in operator.types("poll", "sessions", "--from", DAY, "--to", DAY).stdout


@pytest.mark.parametrize(
    ("options", "hint"),
    [
        (["--to", DAY], "--to needs --from"),
        (["--from", DAY, "--to", "2025-04-01"], "exchange --from and --to"),
        (["--from", "yesterday"], "write it like"),
    ],
)
def test_a_window_that_is_none_is_refused(operator, api, options, hint):
    """With what to write instead, and nothing is asked."""
    result = operator.types("poll", "sessions", *options)

    assert (result.exit_code, hint in result.stderr) == (1, True)
    assert api.asked_sessions == []


def test_a_day_is_compared_and_repaired_when_told_to(operator, api):
    """Without --repair it is a look."""
    _push(operator, full("C1", 1, after(0), after(50)), full("C2", 2, after(0), after(50)))
    api.sessions_now = [polled("C1", after(0), after(50), evse="1"), polled("C3", after(0), after(50), evse="3")]

    looked = operator.asks("reconcile", "--day", DAY)

    assert looked["sessions"] == {
        **dict.fromkeys(("different", "completed", "ambiguous"), 0),
        **dict.fromkeys(("equal", "polled-only", "pushed-only"), 1),
    }
    assert (looked["unexplained"], looked["is_repaired"]) == (1, False)
    assert len(operator.tables.rows("Transactions")) == 2
    shown = operator.types("reconcile", "--day", DAY, "--repair").stdout
    assert ("look at it" in shown, "C2" in shown) == (True, True)
    assert len(operator.tables.rows("Transactions")) == 3
    assert len(operator.tables.rows("Reconciliation")) == 3


def test_no_tag_is_in_what_is_shown_of_a_day(operator, api):
    """A ledger is passed on more easily than a list of tags."""
    _push(operator, full("C1", 1, after(0), after(50), tag="SECRET1"))
    api.sessions_now = [polled("C1", after(0), after(50), evse="1", tag="SECRET2")]

    told = operator.types("reconcile", "--day", DAY, "--json").stdout

    assert "tag" in told
    assert "SECRET" not in told + operator.types("reconcile", "--day", DAY).stdout


def test_open_gaps_are_listed_the_longest_first(operator):
    """From storage alone."""
    assert "No open gaps" in operator.types("gaps").stdout
    rows = [Gap(f"C{n}", Evidence.STATE, after(-n), after(0), after(-9)).row.row for n in (1, 2)]
    operator.writes("PollState", *(Operation(Kind.INSERT, row) for row in rows))

    assert [gap["charger_id"] for gap in operator.asks("gaps")["gaps"]] == ["C2", "C1"]
    assert "a state that push did not tell" in operator.types("gaps").stdout


def test_a_poll_that_is_under_way_elsewhere_is_left_alone(operator, api):
    """With a code that says: run it again."""
    asyncio.run(Runs(operator.tables).begin(PollKind.CHARGERS, Instant(Instant.now() - TICKS_PER_SECOND), within(60)))

    result = operator.types("poll", "chargers")

    assert (result.exit_code, "is under way" in result.stderr) == (5, True)
    assert api.asked_ids == []


def test_what_emabler_fails_is_said_with_its_own_code(operator, api):
    """Not storage's."""

    def fail(_):
        raise EmablerUnavailable("GET /x: no connection")

    api.before = fail

    assert operator.types("poll", "sessions").exit_code == 7


def test_without_a_key_it_is_said_what_to_set(operator, monkeypatch):
    """Also where storage is there."""
    monkeypatch.delenv("EMABLER_API_KEY", raising=False)

    result = operator.types("poll", "chargers")

    assert (result.exit_code, "Set EMABLER_API_KEY" in result.stderr) == (7, True)
