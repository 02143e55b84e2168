"""One run of a kind at a time, whoever starts it, and what each came to."""

import asyncio

import pytest

from shared.errors import ConfigurationError, RowConflict, StorageUnavailable
from shared.instants import TICKS_PER_SECOND, Instant
from shared.polling.runs import LEASE_MARGIN_SECONDS, PollKind, Runs
from tests.support.memory_tables import MemoryTables
from tests.support.messages import within

NOON = Instant.from_iso("2025-04-02T12:00:00.0000000Z")
RUN_SECONDS = 60
KIND = PollKind.SESSIONS
KINDS = pytest.mark.parametrize("is_first", [True, False])
"""The kind's first run inserts its row, a later one changes it."""


def later(seconds):
    """A moment after noon."""
    return Instant(NOON + round(seconds * TICKS_PER_SECOND))


class RetryingTables(MemoryTables):
    """Loses the answer of a write when told to, and tries again as the real client does."""

    loses_an_answer = False

    async def execute(self, table, operations, deadline):
        """See Tables."""
        if self.loses_an_answer:
            self.loses_an_answer = False
            await super().execute(table, operations, deadline)
        return await super().execute(table, operations, deadline)


@pytest.fixture
def tables():
    """Empty tables."""
    return RetryingTables()


@pytest.fixture
def runs(tables):
    """Runs in them."""
    return Runs(tables)


async def begin(runs, now=NOON, kind=KIND):
    """A run that has a minute."""
    return await runs.begin(kind, now, within(RUN_SECONDS))


async def ended(runs, at=NOON):
    """A run that has succeeded."""
    run = await begin(runs, at)
    await runs.succeed(run, at, {"sessions": 1}, within(5))


def the_row(tables):
    """The only run's row."""
    (row,) = tables.rows("PollState")
    return row


async def test_a_run_takes_a_lease_that_ends_soon_after_its_deadline(tables, runs):
    """Should it die, that is when the next one can begin."""
    run = await begin(runs)

    row = the_row(tables)
    assert (row["PartitionKey"], row["RowKey"], row["started_at"]) == ("runs", "sessions", NOON)
    lease_seconds = (row["leased_until"] - NOON) / TICKS_PER_SECOND
    assert RUN_SECONDS + LEASE_MARGIN_SECONDS - 5 < lease_seconds <= RUN_SECONDS + LEASE_MARGIN_SECONDS
    assert (run.kind, run.started_at) == (KIND, NOON)


async def test_a_second_run_has_to_wait_until_the_first_has_ended(runs):
    """A timer and an operator's command, or two apps."""
    run = await begin(runs)
    assert await begin(runs, later(1)) is None

    await runs.succeed(run, later(2), {}, within(5))

    assert await begin(runs, later(2)) is not None


async def test_a_run_that_failed_lets_the_next_one_begin_at_once(runs):
    """It may go better then."""
    await runs.fail(await begin(runs), later(1), StorageUnavailable("busy"), within(5))

    assert await begin(runs, later(1)) is not None


async def test_kinds_do_not_wait_for_each_other(runs):
    """Each has its own row."""
    assert all([await begin(runs, kind=kind) for kind in PollKind])


async def test_a_dead_runs_lease_ends(tables, runs):
    """To the tick; nobody has to clean up."""
    await begin(runs)
    leased_until = the_row(tables)["leased_until"]

    assert await begin(runs, Instant(leased_until - 1)) is None
    assert await begin(runs, leased_until) is not None


@KINDS
async def test_of_two_that_begin_at_once_one_gets_the_lease(tables, runs, is_first):
    """Both have read that nobody has it; the write decides."""
    if not is_first:
        await ended(runs)
    both_have_read = asyncio.Barrier(2)

    async def wait_for_the_other(method, _):
        if method == "execute":
            tables.before = None
        elif method == "get" and not both_have_read.broken:
            await asyncio.wait_for(both_have_read.wait(), 5)

    tables.before = wait_for_the_other

    first, second = await asyncio.gather(begin(runs, later(1)), begin(Runs(tables), later(1)))

    assert [first, second].count(None) == 1
    winner = first or second
    await runs.note(winner, {"watermark": NOON}, within(5))


@KINDS
async def test_a_run_whose_first_write_was_answered_late_has_its_lease(tables, runs, is_first):
    """The client tries again and meets its own write: without a look at whose it is, nobody would run until it ends."""
    await tables.create_table("PollState", within(5))
    if not is_first:
        await ended(runs)
    tables.loses_an_answer = True

    run = await begin(runs, later(1))

    assert run is not None
    await runs.succeed(run, later(2), {}, within(5))
    assert the_row(tables)["succeeded_at"] == later(2)


async def test_a_note_whose_answer_was_lost_is_written(tables, runs):
    """A watermark that was stored is no conflict."""
    run = await begin(runs)
    tables.loses_an_answer = True

    await runs.note(run, {"watermark": NOON}, within(5))
    await runs.note(run, {"watermark": later(1)}, within(5))

    assert the_row(tables)["watermark"] == later(1)


async def test_a_run_can_end_after_a_note_that_nobody_confirmed(tables, runs):
    """Storage took it and could not say so as long as we could wait: the run fails, and its lease ends all the same."""
    run = await begin(runs)

    def lose_the_answer(*_):
        tables.after = None
        raise StorageUnavailable("connection lost")

    tables.after = lose_the_answer
    with pytest.raises(StorageUnavailable):
        await runs.note(run, {"watermark": NOON}, within(5))
    await runs.fail(run, later(1), StorageUnavailable("connection lost"), within(5))

    assert "leased_until" not in the_row(tables)


@pytest.mark.parametrize(
    "write",
    [
        lambda runs, run: runs.note(run, {"watermark": NOON}, within(5)),
        lambda runs, run: runs.succeed(run, later(80), {}, within(5)),
        lambda runs, run: runs.fail(run, later(80), StorageUnavailable("busy"), within(5)),
    ],
    ids=["note", "succeed", "fail"],
)
async def test_a_run_whose_lease_was_taken_over_cannot_write(tables, runs, write):
    """It was too slow: what it says about the watermark may be older than what the other has done."""
    slow = await begin(runs)
    other = await begin(runs, later(RUN_SECONDS + LEASE_MARGIN_SECONDS + 1))
    assert other is not None
    before = the_row(tables)

    with pytest.raises(RowConflict):
        await write(runs, slow)

    assert the_row(tables) == before


async def test_a_run_whose_row_was_deleted_cannot_write(tables, runs):
    """Somebody cleared the table: there is no lease any more."""
    run = await begin(runs)
    await tables.delete("PollState", "runs", str(KIND))

    with pytest.raises(RowConflict):
        await runs.note(run, {"watermark": NOON}, within(5))


async def test_a_success_is_written_down(tables, runs):
    """With the run's own figures; an error of an earlier run is over."""
    await runs.fail(await begin(runs), later(1), StorageUnavailable("busy"), within(5))
    run = await begin(runs, later(2))

    await runs.succeed(run, later(3), {"sessions": 7, "calls": 2}, within(5))

    row = the_row(tables)
    assert (row["started_at"], row["succeeded_at"], row["sessions"], row["calls"]) == (later(2), later(3), 7, 2)
    assert (row["failures_in_a_row"], "error" in row, "leased_until" in row) == (0, False, False)
    assert row["failed_at"] == later(1)


async def test_failures_are_counted_until_a_success(tables, runs):
    """Health tells a single failure from a poll that does not work any more."""
    await ended(runs)
    for number in (1, 2, 3):
        error = ConfigurationError(f"change setting {number}")
        await runs.fail(await begin(runs, later(number)), later(number), error, within(5))

    row = the_row(tables)
    assert (row["failures_in_a_row"], row["failed_at"]) == (3, later(3))
    assert row["error"] == "ConfigurationError: change setting 3"
    assert row["succeeded_at"] == NOON

    await ended(runs, later(4))
    assert the_row(tables)["failures_in_a_row"] == 0


async def test_a_long_error_is_cut(tables, runs):
    """Its beginning says what to do."""
    await runs.fail(await begin(runs), later(1), StorageUnavailable("busy " * 10_000), within(5))

    assert len(the_row(tables)["error"]) == 300


async def test_what_a_run_notes_is_there_for_the_next(runs):
    """Also where it did not end well: the watermark never goes back."""
    run = await begin(runs)
    assert run.instant("watermark") is None
    await runs.note(run, {"watermark": NOON}, within(5))
    assert run.instant("watermark") == NOON
    await runs.fail(run, later(1), StorageUnavailable("busy"), within(5))

    run = await begin(runs, later(2))

    assert run.instant("watermark") == NOON
    assert run.instant("error") is None


async def test_since_when_a_kind_is_polled_stays(tables, runs):
    """Health asks for it where no run has ever succeeded."""
    await ended(runs)
    await ended(runs, later(300))

    assert the_row(tables)["first_started_at"] == NOON
