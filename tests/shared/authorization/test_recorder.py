"""Every decision is kept, off the way of the answer, and what cannot be is counted."""

import asyncio
from functools import partial

import orjson
import pytest

from shared.authorization import recorder as recorder_module
from shared.authorization.decisions import AUTH_DECISIONS, Decided, Source
from shared.authorization.recorder import Recorder
from shared.authorization.rules import Decision
from shared.authorization.unknown_tags import UNKNOWN_TAGS
from shared.emabler.realtime_auth import Reason
from shared.errors import StorageUnavailable
from shared.instants import TICKS_PER_SECOND, Instant
from tests.support.memory_tables import MemoryTables
from tests.support.messages import within

AT = Instant.from_iso("2026-11-21T12:00:00.0000000Z")
TABLE = f"{AUTH_DECISIONS}202611"
ALLOWED = Decision(is_allowed=True, reason=None, rule="allowed")
UNKNOWN = Decision(is_allowed=False, reason=Reason.UNKNOWN_RFID_TAG_ID, rule="tag-unknown")


def _decided(decision=ALLOWED, id_tag="TAG1", charger_id="C1", at=AT):
    return Decided(charger_id, id_tag, decision, Source.LIVE, at, 0.0123456, "Tags1")


@pytest.fixture
def tables():
    """In memory."""
    return MemoryTables()


@pytest.fixture
def recorder(tables):
    """Over four shards."""
    return Recorder(tables, 4)


async def test_a_decision_is_written_within_a_second_by_itself(tables, recorder):
    """With everything that explains it."""
    written = asyncio.Event()
    tables.after = lambda method, table: written.set() if (method, table) == ("execute", TABLE) else None
    recorder.keep(_decided())
    async with asyncio.timeout(1):
        await written.wait()

    (row,) = tables.rows(TABLE)
    assert row["RowKey"].startswith(f"C1!{AT.iso}!")
    assert {name: row.get(name) for name in ("charger_id", "id_tag", "allowed", "reason", "rule", "source")} == {
        "charger_id": "C1",
        "id_tag": "TAG1",
        "allowed": True,
        "reason": None,
        "rule": "allowed",
        "source": "live",
    }
    assert (row["decided_at"], row["latency_ms"], row["list_table"]) == (AT, 12.346, "Tags1")


async def test_decisions_of_one_moment_are_all_kept(tables, recorder):
    """Two readers of one charger in the same microsecond."""
    for _ in range(120):
        recorder.keep(_decided())
    await recorder.flush(within(1))

    assert len(tables.rows(TABLE)) == 120


async def test_a_lost_answer_of_storage_makes_no_second_row(tables, recorder):
    """The same row is written again."""
    failures = [StorageUnavailable("the answer is lost")]

    def lose_one(_method, table):
        if table == TABLE and failures:
            raise failures.pop()

    tables.after = lose_one
    recorder.keep(_decided())
    await recorder.flush(within(1))
    await recorder.flush(within(1))

    assert (len(tables.rows(TABLE)), recorder.waiting) == (1, 0)


async def test_what_cannot_be_written_waits_and_is_told(tables, recorder, caplog):
    """Storage is gone for a while: nothing is lost, in its order; the log has the count, and no tag."""
    tables.before = partial(_fail_on, TABLE)
    for number in range(3):
        recorder.keep(_decided(id_tag=f"TAG{number}"))
    await recorder.flush(within(1))
    assert recorder.waiting == 3
    tables.before = None
    await recorder.flush(within(1))

    assert {row["id_tag"] for row in tables.rows(TABLE)} == {"TAG0", "TAG1", "TAG2"}
    assert "tap decisions not written yet: 3 error=StorageUnavailable" in caplog.text
    assert "TAG" not in caplog.text


async def test_more_than_can_wait_is_counted_as_lost(tables, recorder, caplog, monkeypatch):
    """The oldest go first; never in silence."""
    monkeypatch.setattr(recorder_module, "MOST_WAITING", 5)
    tables.before = partial(_fail_on, TABLE)
    for number in range(8):
        recorder.keep(_decided(id_tag=f"TAG{number}"))
        await recorder.flush(within(1))
        assert recorder.waiting <= 5
    tables.before = None
    await recorder.flush(within(1))

    assert {row["id_tag"] for row in tables.rows(TABLE)} == {f"TAG{number}" for number in range(3, 8)}
    assert caplog.text.count("tap decisions lost: 1") == 3


async def test_the_last_decisions_are_written_when_the_loop_ends(tables):
    """A process that is stopped cancels its tasks, and waits for them."""

    async def process():
        recorder = Recorder(tables, 4)
        recorder.keep(_decided())
        recorder.keep(_decided(UNKNOWN))
        await asyncio.sleep(0)

    await asyncio.to_thread(asyncio.run, process())

    assert (len(tables.rows(TABLE)), len(tables.rows(UNKNOWN_TAGS))) == (2, 1)


async def test_a_write_that_is_cancelled_at_the_end_loses_nothing(tables, recorder):
    """The loop's end cancels what runs; the last flush finds the decisions waiting."""
    began = asyncio.Event()

    async def hang(_method, _table):
        began.set()
        await asyncio.Event().wait()

    tables.before = hang
    recorder.keep(_decided())
    writing = asyncio.create_task(recorder.flush(within(10)))
    await began.wait()
    writing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await writing

    assert recorder.waiting == 1
    tables.before = None


async def test_unknown_tags_are_counted_with_their_chargers(tables, recorder):
    """Over batches and processes: first and last seen, times, chargers."""
    later = Instant(AT + TICKS_PER_SECOND)
    recorder.keep(_decided(UNKNOWN, "NEW", "C1", later))
    recorder.keep(_decided(UNKNOWN, "NEW", "C2", AT))
    recorder.keep(_decided(ALLOWED, "TAG1"))
    await recorder.flush(within(1))
    another_process = Recorder(tables, 4)
    another_process.keep(_decided(UNKNOWN, "NEW", "C3", Instant(AT - TICKS_PER_SECOND)))
    await another_process.flush(within(1))

    (row,) = tables.rows(UNKNOWN_TAGS)
    assert (row["id_tag"], row["taps"], orjson.loads(row["chargers"])) == ("NEW", 3, ["C1", "C2", "C3"])
    assert (row["first_seen_at"], row["last_seen_at"]) == (AT - TICKS_PER_SECOND, later)


async def test_unknown_tags_that_cannot_be_counted_are_told(tables, recorder, caplog):
    """A statistic; the decisions are kept all the same."""
    tables.before = partial(_fail_on, UNKNOWN_TAGS)
    recorder.keep(_decided(UNKNOWN, "NEW"))
    await recorder.flush(within(1))

    assert len(tables.rows(TABLE)) == 1
    assert "unknown tags not counted: 1" in caplog.text
    assert "NEW" not in caplog.text


async def test_too_many_unknown_tags_are_told_once(recorder, caplog, monkeypatch):
    """Not with a line for each."""
    monkeypatch.setattr(recorder_module, "MOST_UNKNOWN_WAITING", 2)
    for number in range(10):
        recorder.keep(_decided(UNKNOWN, f"NEW{number}"))
    await recorder.flush(within(1))

    assert [record.getMessage() for record in caplog.records if record.levelname == "ERROR"] == [
        "unknown tags not counted: 8; storage refused or failed, or too many waited"
    ]


async def test_unknown_tags_whose_count_is_cancelled_are_counted_later(tables, recorder):
    """As with the decisions."""
    began = asyncio.Event()

    async def hang(_method, table):
        if table == UNKNOWN_TAGS:
            began.set()
            await asyncio.Event().wait()

    tables.before = hang
    recorder.keep(_decided(UNKNOWN, "NEW"))
    writing = asyncio.create_task(recorder.flush(within(10)))
    await began.wait()
    recorder.keep(_decided(UNKNOWN, "NEW"))
    writing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await writing
    tables.before = None
    await recorder.flush(within(1))

    assert [row["taps"] for row in tables.rows(UNKNOWN_TAGS)] == [2]


def _fail_on(failing, _method, table):
    if table == failing:
        raise StorageUnavailable("storage is gone")
