"""`emabler rebuild`: projections that were lost or spoiled are again as the archive tells them; others stay."""

import asyncio
import random
from itertools import takewhile

import pytest

from ops.rebuilding import parts
from shared.emabler.rest.answers import ChargerSeen, SocketSeen
from shared.errors import StorageUnavailable
from shared.events import Clock, FragmentKind, SessionFragment
from shared.ingest.fragments import Fragment
from shared.ingest.ingest import Ingest
from shared.ingest.rows import Delivery
from shared.ingest.sessions import assemble
from shared.instants import TICKS_PER_SECOND, Instant
from shared.polling.statuses import polled_statuses
from shared.tables.client import AzureTables
from shared.tables.store import Kind, Operation
from simulator import Fleet
from simulator.messages import write
from simulator.moments import ticks
from tests.ops.operators import Operator
from tests.support.memory_tables import MemoryTables
from tests.support.messages import RECEIVED_AT, body, deliver, documented, within

SHARDS = 4
PROJECTIONS = ("ChargerStatus", "Transactions", "Measurements")
CHARGERS = 6


def _day_of_a_fleet(hours=9, seed=3):
    fleet = Fleet(seed=seed, chargers=CHARGERS, measurement_interval_seconds=1800)
    end = fleet.start_ticks + ticks(3600 * hours)
    return [write(one).body for one in takewhile(lambda one: one.received_at < end, fleet.happenings())]


BODIES = [
    *_day_of_a_fleet(),
    # Of another month, without any time, and so long that its body is in rows of its own.
    body(documented("mt", "charging_transaction")),
    body(documented("mt", "charger_state", receivedTimestamp=None, timeStamp=None, deviceTimeStamp=None)),
    body(documented("mt", "charger_boot", note=random.Random(1).randbytes(400_000).hex())),
]


def _store(tables, bodies, transport="servicebus"):
    """What a process that has just started does with them."""

    async def store():
        ingest = Ingest(tables, SHARDS)
        for first in range(0, len(bodies), 64):
            batch = [Delivery(raw, transport, RECEIVED_AT) for raw in bodies[first : first + 64]]
            await ingest.store(batch, within(60))

    asyncio.run(store())


def _is_projection(table):
    return table.startswith(PROJECTIONS)


def _projections(operator):
    return {table: rows for table, rows in operator.content().items() if _is_projection(table) and rows}


def _drop(operator, *tables):
    async def drop():
        for table in tables:
            await operator.tables.drop_table(table)

    asyncio.run(drop())


def _put(operator, table, row):
    operator.writes(table, Operation(Kind.UPSERT, row))


def _take(operator, table, row):
    asyncio.run(operator.tables.delete(table, str(row["PartitionKey"]), str(row["RowKey"])))


@pytest.fixture(scope="module")
def day():
    """Tables that hold the day, to be copied."""
    tables = MemoryTables()
    _store(tables, BODIES)
    return tables


@pytest.fixture
def stored(operator, day):
    """An operator whose tables hold the day."""
    operator.tables._tables = {name: dict(rows) for name, rows in day._tables.items()}
    return operator


def test_projections_that_are_right_are_not_touched(stored):
    """Nothing is written, not even the same."""
    before = stored.content()
    writes = []
    stored.tables.after = lambda method, table: writes.append(table) if method in {"execute", "delete"} else None

    report = stored.asks("rebuild", "--yes")

    stored.tables.after = None
    assert (report["differences"], report["rows"], report["events_left"]) == (0, [], 0)
    assert stored.content() == before | {"Layout": before["Layout"]}
    assert {table for table in writes if table != "Layout"} == set()
    assert set(report["tables"]) == {table for table in before if _is_projection(table)}
    assert report["events_read"] >= len(BODIES)


def test_projections_that_are_gone_are_made_again_as_they_were(stored):
    """To the last column; large bodies, undated events and other months among them."""
    before = _projections(stored)
    assert {table[:12] for table in before} == {"ChargerStatu", "Transactions", "Measurements"}
    _drop(stored, *before)

    report = stored.asks("rebuild", "--yes")

    assert _projections(stored) == before
    assert report["differences"] == sum(map(len, before.values()))
    assert all(counts["missing"] == len(before[table]) for table, counts in report["tables"].items())
    assert stored.asks("rebuild", "--yes")["differences"] == 0


def _lose(operator, table, row, _):
    _take(operator, table, row)
    return "missing"


def _spoil_a_value(operator, table, row, chance):
    column = chance.choice(sorted(name for name in row if name not in {"PartitionKey", "RowKey"}))
    _put(operator, table, row | {column: "spoiled"})
    return "different"


def _spoil_all(operator, table, row, _):
    column = "fragments" if table == "Transactions" else "charger_id"
    _put(operator, table, {name: row[name] for name in ("PartitionKey", "RowKey")} | {column: "{"})
    return "different"


def _empty(operator, table, row, _):
    _put(operator, table, {name: row[name] for name in ("PartitionKey", "RowKey")})
    return "different"


def _invent(operator, table, row, _):
    """A row of an event that nobody ever sent, made of a real one."""
    invented = dict(row)
    for name, value in row.items():
        if isinstance(value, str) and len(value) > 64 and name in {"fragments", "RowKey"}:
            invented[name] = _with_other_ids(value)
        elif name.endswith("event_id"):
            invented[name] = "0" * 64
    if invented["RowKey"] == row["RowKey"]:
        invented["RowKey"] = row["RowKey"].replace("!", "!9", 1)
    _put(operator, table, invented)
    return "untold"


def _with_other_ids(text):
    head = text
    for word in text.replace('"', " ").replace("!", " ").split():
        if len(word) == 64:
            head = head.replace(word, "0" * 64)
    return head


@pytest.mark.parametrize("table", PROJECTIONS)
@pytest.mark.parametrize("spoil", [_lose, _spoil_a_value, _spoil_all, _empty, _invent])
def test_a_row_that_is_spoiled_is_named_and_made_good(stored, table, spoil):
    """Lost, changed, emptied or invented: the report says which row and how, and never a value."""
    before = _projections(stored)
    chance = random.Random(7)
    name = next(one for one in sorted(before) if one.startswith(table))
    row = chance.choice(before[name])
    verdict = spoil(stored, name, row, chance)

    dry = stored.asks("rebuild", "--dry-run")
    wet = stored.asks("rebuild", "--yes")

    assert (dry["dry_run"], wet["dry_run"]) == (True, False)
    assert dry | {"dry_run": False} == wet
    assert [(one["table"], one["verdict"]) for one in wet["rows"]] == [(name, verdict)]
    assert wet["tables"][name][verdict] == wet["differences"] == 1
    assert "spoiled" not in str(wet["rows"])
    assert _projections(stored) == before


def test_a_dry_run_changes_nothing(stored):
    """Nor does it leave a mark of where it was."""
    _drop(stored, "Transactions")
    before = stored.content()

    report = stored.asks("rebuild", "--dry-run")

    assert report["differences"] > 0
    assert stored.content() == before


def test_without_a_yes_nothing_happens(stored):
    """Exit code 6, as with every command that writes."""
    _drop(stored, "Transactions")
    before = stored.content()

    assert stored.types("rebuild").exit_code == 6
    assert stored.content() == before


def test_without_an_archive_it_says_so(operator):
    """Projections are not emptied because of it."""
    assert "no archive" in operator.types("rebuild", "--yes").stdout


def test_with_another_shard_count_it_refuses(stored, monkeypatch):
    """Every row would be in the wrong partition."""
    before = stored.content()
    monkeypatch.setenv("EVENT_SHARDS", "8")

    result = stored.types("rebuild", "--yes")

    assert (result.exit_code, "EVENT_SHARDS is 8" in result.stderr) == (3, True)
    assert stored.content() == before


def _polled(event_id="polled-1", started_at=RECEIVED_AT):
    told = SessionFragment(FragmentKind.POLL, "77", started_at, Instant(started_at + 10**9), 0, 5000, 5000, "TAG1")
    return Fragment(told, event_id, started_at, Clock.PLATFORM, "1")


def test_what_rest_told_stays(stored):
    """Sessions that push never told, what REST adds to pushed ones, and states that a poll was first to see."""
    pushed = next(row for row in stored.content()["Transactions"] if row["has_full"])
    alone = {"PartitionKey": pushed["PartitionKey"], "RowKey": f"{pushed['charger_id']}!~polled-77"}
    keys = {"charger_id": pushed["charger_id"], "transaction_id": "77"}
    _put(stored, "Transactions", alone | keys | {k: v for k, v in assemble([_polled()]).items() if v is not None})
    seen = ChargerSeen(
        charger_id=str(pushed["charger_id"]),
        is_connected=False,
        last_seen_at=Instant(RECEIVED_AT + 10**13),
        sockets=(SocketSeen("1", status="Faulted", updated_at=Instant(RECEIVED_AT + 10**13)),),
    )
    for change in polled_statuses(seen, Instant(RECEIVED_AT + 10**13), SHARDS):
        rows = {row["RowKey"]: row for row in stored.content()["ChargerStatus"]}
        _put(stored, "ChargerStatus", change.merged(rows.get(change.row_key)))
    before = _projections(stored)
    assert {row["source"] for row in before["ChargerStatus"]} == {"push", "poll"}

    assert stored.asks("rebuild", "--yes")["differences"] == 0
    assert _projections(stored) == before


def test_what_the_archive_has_no_more_stays(stored):
    """Retention dropped the months; a rebuild must not drop their sessions and states."""
    before = _projections(stored)
    _drop(stored, *(table for table in stored.content() if table.startswith("PushEvents") and "Undated" not in table))

    assert stored.asks("rebuild", "--yes")["differences"] == 0
    assert _projections(stored) == before


def test_an_event_that_this_release_reads_otherwise_is_left_alone(stored):
    """What is told by it stays, and the report counts it."""
    (table,) = (name for name in stored.content() if name.startswith("PushEvents") and _has_fleet(stored, name))
    before = _projections(stored)
    row = next(row for row in stored.content()[table] if row["type"] == "FullChargingTransaction")
    _put(stored, table, row | {"raw": '{"chargerId": "other"}'})

    report = stored.asks("rebuild", "--yes")

    assert (report["differences"], report["events_left"]) == (0, 1)
    assert _projections(stored) == before


def _has_fleet(operator, table):
    return len(operator.content()[table]) > 20


def test_it_is_gone_on_with_where_it_was_stopped(stored, monkeypatch):
    """At any call of storage: parts that are done are not done again, and in the end all is as it was."""
    before = _projections(stored)
    calls = _calls_of(stored, lambda: stored.asks("rebuild", "--yes", "--anew"))
    told_of_going_on = 0
    for stop_at in range(calls // 9, calls, calls // 9):
        _drop(stored, *before)
        stored.tables.before = _stop(stop_at)
        stopped = stored.types("rebuild", "--yes")
        stored.tables.before = None
        assert (stopped.exit_code, "parts were done" in stopped.stderr) == (3, True)

        finished = stored.types("rebuild", "--yes")

        told_of_going_on += "Going on with a rebuild" in finished.stderr
        assert finished.exit_code == 0
        assert _projections(stored) == before
    assert told_of_going_on > 4
    assert [row["RowKey"] for row in stored.content()["Layout"]] == ["layout"]


def _calls_of(operator, work):
    calls = []
    operator.tables.before = lambda *call: calls.append(call)
    work()
    operator.tables.before = None
    return len(calls)


def _stop(at):
    left = iter(range(at))

    def hook(_method, _table):
        if next(left, None) is None:
            raise StorageUnavailable("the test says so")

    return hook


def test_what_was_done_a_day_ago_is_done_again(stored, monkeypatch):
    """Rows that were right then may have to be looked at."""
    before = _projections(stored)
    calls = _calls_of(stored, lambda: stored.asks("rebuild", "--yes"))
    stored.tables.before = _stop(calls - 5)
    assert stored.types("rebuild", "--yes").exit_code == 3
    stored.tables.before = None
    _drop(stored, "ChargerStatus")
    later = Instant(Instant.now() + 25 * 3600 * TICKS_PER_SECOND)
    monkeypatch.setattr("ops.rebuild.Instant.now", lambda: later)

    stored.asks("rebuild", "--yes")

    assert _projections(stored) == before


@pytest.mark.parametrize("call", ["query", "find", "execute", "get"])
def test_the_app_may_go_on_meanwhile(operator, call):
    """Whatever it stores between two steps of a rebuild is there in the end, and nothing that it stored is deleted."""
    half = len(BODIES) // 2
    _store(operator.tables, BODIES[:half])
    _drop(operator, "Transactions")
    worker, waiting = Ingest(operator.tables, SHARDS), list(BODIES[half:])

    async def push_meanwhile(method, _table):
        if method == call and waiting:
            bodies, operator.tables.before = [waiting.pop() for _ in range(min(7, len(waiting)))], None
            await worker.store(deliver(*bodies), within(60))
            operator.tables.before = push_meanwhile

    operator.tables.before = push_meanwhile
    operator.asks("rebuild", "--yes")
    operator.tables.before = None
    _store(operator.tables, waiting)
    expected = MemoryTables()
    _store(expected, BODIES)

    assert operator.asks("rebuild", "--dry-run")["differences"] == 0
    assert _projections(operator) == _projections(Operator(expected, operator.folder))


def test_measurements_of_more_chargers_than_are_held_at_once_are_all_made_again(stored, monkeypatch):
    """Some chargers at a time; what was invented between them is found, too."""
    monkeypatch.setattr(parts, "MEASUREMENTS_AT_ONCE", 3)
    before = _projections(stored)
    name = next(table for table in before if table.startswith("Measurements"))
    for row in before[name][::3]:
        _take(stored, name, row)
    _invent(stored, name, before[name][0], None)
    _invent(stored, name, before[name][-1], None)

    report = stored.asks("rebuild", "--yes")

    assert report["tables"][name] == {
        "equal": len(before[name]) - len(before[name][::3]),
        "missing": len(before[name][::3]),
        "different": 0,
        "untold": 2,
        "refused": 0,
    }
    assert _projections(stored) == before


def test_people_read_what_differed(stored):
    """Tables, rows and columns, and that it is mended."""
    row = next(row for row in stored.content()["Transactions"] if row["has_full"])
    _put(stored, "Transactions", row | {"energy_wh": row["energy_wh"] + 1})

    shown = stored.types("rebuild", "--yes").stdout

    assert (row["RowKey"] in shown, "energy_wh" in shown, "1 rows differed" in shown) == (True, True, True)


def test_on_a_real_service_projections_are_made_again_as_they_were(azurite, monkeypatch, tmp_path):
    """Dropped, and rebuilt through the SDK's queries and pages."""
    operator = Operator(None, tmp_path)
    monkeypatch.setenv("EventStorage", azurite)
    before = asyncio.run(_on_azurite(azurite, store=True))

    report = operator.asks("rebuild", "--yes")

    assert report["differences"] == sum(map(len, before.values()))
    assert asyncio.run(_on_azurite(azurite, store=False)) == before


async def _on_azurite(connection_string, *, store):
    """The projections of the day; stored in empty tables, and then dropped, where that is asked for."""
    tables = AzureTables.from_connection_string(connection_string)
    try:
        if store:
            for table in await tables.list_tables():
                await tables.drop_table(table)
            ingest = Ingest(tables, SHARDS)
            for first in range(0, len(BODIES), 64):
                await ingest.store(deliver(*BODIES[first : first + 64]), within(60))
        names = [table for table in await tables.list_tables() if _is_projection(table)]
        rows = {table: [stored.row async for stored in tables.query(table)] for table in names}
        if store:
            for table in names:
                await tables.drop_table(table)
        return {table: sorted(found, key=str) for table, found in rows.items() if found}
    finally:
        await tables.close()
