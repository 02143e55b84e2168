"""When push last told something: the newest time of each charger and type, and few writes for it."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import StorageUnavailable
from shared.events import EventType
from shared.ingest.freshness import (
    COLUMNS,
    FLEET_PARTITION,
    FLEET_ROW,
    HEARD_AT,
    WRITE_EVERY_SECONDS,
    WRITE_FLEET_EVERY_SECONDS,
    Freshness,
    Told,
    freshness_changes,
    newest_told,
)
from shared.instants import TICKS_PER_SECOND, Instant
from shared.tables.keys import push_partition, shard
from shared.tables.merging import RowMerger
from tests.support.memory_tables import MemoryTables
from tests.support.messages import documented, event_of, within

NINE = Instant.from_iso("2025-04-02T09:00:00.0000000Z")
NOON = Instant.from_iso("2025-04-02T12:00:00.0000000Z")
STATE, BOOT = EventType.CHARGER_STATE, EventType.CHARGER_BOOT


def at(seconds):
    """A moment after nine o'clock."""
    return Instant(NINE + round(seconds * TICKS_PER_SECOND))


class Watched:
    """Freshness over tables in memory, with a clock that the test moves."""

    def __init__(self):
        self.tables = MemoryTables()
        self.writes = 0
        self.now_seconds = 1000.0
        self.freshness = self.restarted()
        self.tables.before = self._count

    def restarted(self):
        """Another worker's, which remembers nothing."""
        return Freshness(RowMerger(self.tables), 4, lambda: self.now_seconds)

    async def note(self, *told, freshness=None):
        """Note what push told."""
        await (freshness or self.freshness).note(told, within(5))

    def row(self, charger_id):
        """The row of a charger, None for the fleet's."""
        key = (push_partition(shard(charger_id, 4)), charger_id) if charger_id else (FLEET_PARTITION, FLEET_ROW)
        (row,) = [row for row in self.tables.rows("PollState") if (row["PartitionKey"], row["RowKey"]) == key]
        return row

    def _count(self, method, _):
        self.writes += method == "execute"


def heard(kind, charger_id, told_at):
    """Something that push told, and that reached us at noon."""
    return Told(kind, charger_id, told_at, NOON)


@pytest.fixture
def watched():
    """Nothing told yet."""
    return Watched()


def test_every_type_of_event_has_its_column():
    """A new type must not break ingest."""
    assert set(COLUMNS) == set(EventType)
    assert len(set(COLUMNS.values())) == len(COLUMNS)


def test_the_platforms_time_counts():
    """When eMabler received it, not when it came here, which may be hours later."""
    event = event_of(documented("mt", "charger_state", receivedTimestamp=NINE.iso))

    assert Told.of(event, NOON) == Told(STATE, "ID_OF_CHARGER", NINE, NOON)


@pytest.mark.parametrize("device", ["1970-01-01T00:00:00Z", "2080-01-01T00:00:00Z", None])
def test_a_chargers_own_time_does_not_count(device):
    """It can be years off; the delivery is what is sure."""
    event = event_of(documented("mt", "charger_state", receivedTimestamp=None, deviceTimeStamp=device))

    assert Told.of(event, NOON).at == NOON


def test_a_time_in_the_future_is_that_of_the_delivery():
    """Else push would look fresh for years after its end."""
    event = event_of(documented("mt", "charger_state", receivedTimestamp="2080-01-01T00:00:00Z"))

    assert Told.of(event, NOON).at == NOON


def test_changes_are_one_for_each_charger_and_one_for_the_fleet():
    """With the newest time of each type; an event that names no charger counts for the fleet."""
    told = [
        heard(STATE, "C1", at(2)),
        heard(STATE, "C1", at(1)),
        heard(BOOT, "C1", at(0)),
        heard(STATE, "C/2", at(3)),
        heard(EventType.UNKNOWN, "", at(4)),
    ]

    fleet, *chargers = freshness_changes(told, 4)

    assert (fleet.partition_key, fleet.row_key, fleet.charger_id) == (FLEET_PARTITION, FLEET_ROW, None)
    assert fleet.newest == {"charger_state_at": at(3), "charger_boot_at": at(0), "unknown_at": at(4), HEARD_AT: NOON}
    assert {change.row_key: change.newest for change in chargers} == {
        "C1": {"charger_state_at": at(2), "charger_boot_at": at(0)},
        "C~2f2": {"charger_state_at": at(3)},
    }
    assert [change.partition_key for change in chargers] == [push_partition(shard(name, 4)) for name in ("C1", "C/2")]


@given(
    st.lists(st.tuples(st.sampled_from(EventType), st.integers(0, 50)), min_size=1, max_size=12).flatmap(
        lambda told: st.tuples(st.just(told), st.permutations(told))
    )
)
def test_any_order_and_cutting_ends_in_the_newest_times(told_and_order):
    """One at a time or all at once, late ones and repeats."""
    told, order = told_and_order

    def row_after(*batches):
        row = None
        for batch in batches:
            (_, change) = freshness_changes([heard(kind, "C1", at(seconds)) for kind, seconds in batch], 4)
            row = change.merged(row) or row
        return row

    at_once = row_after(told)

    assert row_after(*[[one] for one in order]) == at_once
    assert newest_told(at_once) == at(max(seconds for _, seconds in told))


def test_what_is_there_already_costs_no_write():
    """Neither a repeat nor something older."""
    (_, change) = freshness_changes([heard(STATE, "C1", at(5))], 4)
    (_, older) = freshness_changes([heard(STATE, "C1", at(4))], 4)
    row = change.merged(None)

    assert change.merged(row) is None
    assert older.merged(row) is None


def test_push_that_never_told_anything_has_no_time():
    """No row, or one without times."""
    assert newest_told(None) is newest_told({}) is newest_told({"charger_id": "C1"}) is None


async def test_the_first_event_is_written_at_once(watched):
    """In the charger's row and in the fleet's."""
    await watched.note(heard(STATE, "C1", at(0)))

    assert watched.row("C1")["charger_state_at"] == watched.row(None)["charger_state_at"] == at(0)
    assert watched.row("C1")["charger_id"] == "C1"
    assert "charger_id" not in watched.row(None)


async def test_a_talkative_charger_is_written_now_and_then(watched):
    """Measurements every few seconds would double the cost of ingest."""
    await watched.note(heard(STATE, "C1", at(0)))
    watched.now_seconds += WRITE_EVERY_SECONDS - 1
    await watched.note(heard(STATE, "C1", at(59)))
    assert watched.row("C1")["charger_state_at"] == at(0)

    watched.now_seconds += 1
    await watched.note(heard(STATE, "C1", at(60)))

    assert watched.row("C1")["charger_state_at"] == at(60)


async def test_the_fleets_row_is_at_most_a_minute_behind(watched):
    """An operator asks for the last event when something seems to be wrong."""
    await watched.note(heard(STATE, "C1", at(0)))
    watched.now_seconds += WRITE_FLEET_EVERY_SECONDS
    await watched.note(heard(STATE, "C1", at(60)))

    assert watched.row(None)["charger_state_at"] == at(60)


async def test_nothing_that_was_noted_meanwhile_is_forgotten(watched):
    """Other types, and times that were newer than the one that made the row due."""
    await watched.note(heard(STATE, "C1", at(0)))
    await watched.note(heard(BOOT, "C1", at(5)), heard(STATE, "C1", at(7)), heard(STATE, "C2", at(1)))
    assert watched.row("C2")["charger_state_at"] == at(1)
    watched.now_seconds += WRITE_EVERY_SECONDS

    await watched.note(heard(STATE, "C1", at(6)))

    assert (watched.row("C1")["charger_boot_at"], watched.row("C1")["charger_state_at"]) == (at(5), at(7))


async def test_the_first_measurements_of_a_charger_are_written_at_once(watched):
    """Whether they come at all decides what silence means."""
    await watched.note(heard(STATE, "C1", at(0)))
    await watched.note(heard(EventType.MEASUREMENTS, "C1", at(1)))
    await watched.note(heard(EventType.MEASUREMENTS, "C1", at(2)))

    assert watched.row("C1")["measurements_at"] == at(1)


async def test_two_batches_at_once_lose_nothing_to_each_other(watched):
    """What is noted while a row is written waits for the next time."""
    going_on = asyncio.Event()

    async def wait(method, _):
        if method == "execute":
            await going_on.wait()

    watched.tables.before = wait
    first = asyncio.create_task(watched.note(heard(STATE, "C1", at(0))))
    await asyncio.sleep(0)
    second = asyncio.create_task(watched.note(heard(BOOT, "C1", at(1))))
    await asyncio.sleep(0)
    going_on.set()
    await asyncio.gather(first, second)
    watched.now_seconds += WRITE_EVERY_SECONDS

    await watched.note(heard(STATE, "C1", at(2)))

    assert (watched.row("C1")["charger_boot_at"], watched.row("C1")["charger_state_at"]) == (at(1), at(2))


async def test_what_storage_did_not_take_is_due_again(watched):
    """The batch comes back, and its times with it."""

    def refuse(method, _):
        if method == "execute":
            raise StorageUnavailable("busy")

    watched.tables.before = refuse
    with pytest.raises(StorageUnavailable):
        await watched.note(heard(STATE, "C1", at(0)))
    watched.tables.before = None

    await watched.note(heard(STATE, "C1", at(0)))

    assert watched.row("C1")["charger_state_at"] == at(0)


async def test_another_worker_never_turns_time_back(watched):
    """Workers share the rows and nothing else."""
    other = watched.restarted()
    await watched.note(heard(STATE, "C1", at(5)))

    await watched.note(heard(STATE, "C1", at(3)), heard(BOOT, "C1", at(4)), freshness=other)

    assert (watched.row("C1")["charger_state_at"], watched.row("C1")["charger_boot_at"]) == (at(5), at(4))


async def test_nothing_told_asks_storage_nothing(watched):
    """An empty batch, or one whose events were all noted."""
    await watched.note()

    assert watched.writes == 0


async def test_what_is_remembered_has_an_end(watched, monkeypatch):
    """Ids come from outside; those that were written longest ago are forgotten, which costs a write."""
    monkeypatch.setattr("shared.ingest.freshness._MAX_REMEMBERED", 2)

    await watched.note(*[heard(STATE, f"C{number}", at(0)) for number in range(5)])
    await watched.note(heard(STATE, "C4", at(1)))
    assert watched.row("C4")["charger_state_at"] == at(0)

    await watched.note(heard(STATE, "C0", at(1)))

    assert watched.row("C0")["charger_state_at"] == at(1)
