"""The timers that poll: what they run, and how a run that fails is told to Azure."""

import importlib
from itertools import pairwise

import pytest

from handlers import polling
from shared import services
from shared.emabler.rest.errors import EmablerUnavailable
from shared.instants import TICKS_PER_SECOND, Instant
from shared.polling.runs import PollKind, Runs
from shared.settings import Settings
from tests.support.fake_emabler import FakeEmabler
from tests.support.memory_tables import MemoryTables
from tests.support.messages import within


class ClosedOnce(FakeEmabler):
    """Counts how often it is closed."""

    closed = 0

    async def close(self):
        """See EmablerApi."""
        self.closed += 1


@pytest.fixture
def api(monkeypatch):
    """The account of the settings."""
    api = ClosedOnce()
    monkeypatch.setattr("shared.polling.connecting.connect_emabler", lambda _: api)
    monkeypatch.setattr(services, "settings", lambda: Settings.from_environment({"EMABLER_API_KEY": "key"}))
    return api


@pytest.fixture
def tables(monkeypatch):
    """The process's tables, in memory."""
    memory = MemoryTables()
    monkeypatch.setattr(services, "tables", lambda: memory)
    return memory


async def _fire(function):
    await function.build().get_user_function()(None)


@pytest.mark.parametrize("name", ["poll_chargers", "poll_statistics", "reconcile"])
async def test_each_timer_does_its_poll_and_closes_the_connections(api, tables, name):
    """Its success is written down."""
    await _fire(getattr(polling, name))

    kinds = {"poll_chargers": "chargers", "poll_statistics": "sessions", "reconcile": "reconciliation"}
    (run,) = [row for row in tables.rows("PollState") if row["PartitionKey"] == "runs"]
    assert (run["RowKey"], run["succeeded_at"] is not None, api.closed) == (kinds[name], True, 1)


async def test_a_run_that_fails_is_a_failed_invocation(api, tables):
    """Azure shows it; the connections are closed all the same."""

    def fail(_):
        raise EmablerUnavailable("gone")

    api.before = fail
    with pytest.raises(EmablerUnavailable):
        await _fire(polling.poll_statistics)

    assert api.closed == 1


async def test_a_run_that_another_one_does_already_is_no_failure(api, tables, caplog):
    """Nothing is asked, and the log says why."""
    caplog.set_level("INFO")
    await Runs(tables).begin(PollKind.CHARGERS, Instant(Instant.now() - TICKS_PER_SECOND), within(60))

    await _fire(polling.poll_chargers)

    assert "poll left to another run" in caplog.text
    assert api.asked_ids == []


async def test_without_a_key_nothing_is_polled_and_nothing_fails(monkeypatch, tables, caplog):
    """An operator may do with push alone."""
    caplog.set_level("INFO")
    monkeypatch.setattr(services, "settings", lambda: Settings.from_environment({}))

    for function in (polling.poll_chargers, polling.poll_statistics, polling.reconcile):
        await _fire(function)

    assert await tables.list_tables() == []
    assert "EMABLER_API_KEY is not set" in caplog.text


async def test_each_of_the_last_three_days_is_reconciled(api, tables):
    """Each whole, the oldest first."""
    await _fire(polling.reconcile)

    asked = [start for start, _ in api.asked_sessions]
    assert len(asked) == 3
    assert asked == sorted(asked)
    assert all(later - earlier == 86_400 * TICKS_PER_SECOND for earlier, later in pairwise(asked))


def test_schedules_are_settings(monkeypatch):
    """An empty one counts as not set."""
    monkeypatch.setenv("POLL_CHARGERS_SCHEDULE", "0 0 * * * *")
    monkeypatch.setenv("RECONCILE_SCHEDULE", " ")
    try:
        reloaded = importlib.reload(polling)
        schedules = {
            builder.build().get_function_name(): builder.build().get_trigger().schedule
            for builder in reloaded.blueprint._function_builders
        }
    finally:
        monkeypatch.undo()
        importlib.reload(polling)

    assert schedules["poll_chargers"] == "0 0 * * * *"
    assert (schedules["poll_statistics"], schedules["reconcile"]) == ("40 */15 * * * *", "0 15 4 * * *")
