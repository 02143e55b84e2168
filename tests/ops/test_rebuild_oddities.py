"""`emabler rebuild` in odd places: months that were dropped, rows that somebody spoiled, events that come again."""

import asyncio

import pytest

from shared.emabler.rest.answers import ChargerSeen, SocketSeen
from shared.ingest.ingest import Ingest
from shared.instants import TICKS_PER_SECOND, Instant
from shared.polling.statuses import polled_statuses
from shared.retention import drop_expired_tables
from shared.tables.store import Kind, Operation
from tests.support.messages import body, deliver, documented, within

SHARDS = 4
PROJECTIONS = ("ChargerStatus", "Transactions", "Measurements")


def _store(tables, *messages):
    asyncio.run(Ingest(tables, SHARDS).store(deliver(*map(body, messages)), within(60)))


def _projections(operator):
    return {t: rows for t, rows in operator.content().items() if t.startswith(PROJECTIONS) and rows}


def _put(operator, table, row):
    operator.writes(table, Operation(Kind.UPSERT, row))


def _sessions(month="202003"):
    at = f"{month[:4]}-{month[4:]}-10T12:00:00.0000000Z"
    return [
        documented("mt", "charging_transaction", chargerId=f"C{n}", receivedTimestamp=at, deviceTimeStamp=at)
        for n in range(5)
    ] + [
        documented("mt", "charger_state", chargerId=f"C{n}", receivedTimestamp=at, deviceTimeStamp=at) for n in range(5)
    ]


def test_a_late_event_of_a_dropped_month_costs_no_session(operator):
    """Retention dropped a month; one late event, or a clock that is years off, makes its table again, empty."""
    _store(operator.tables, *_sessions())
    asyncio.run(drop_expired_tables(operator.tables, Instant.now(), 13))
    late = "2020-03-20T12:00:00.0000000Z"
    _store(
        operator.tables,
        documented("mt", "charger_state", chargerId="LATE", receivedTimestamp=late, deviceTimeStamp=late),
    )
    before = _projections(operator)

    report = operator.asks("rebuild", "--yes")

    assert _projections(operator) == before, report["tables"]


def test_a_site_that_rest_told_stays(operator):
    """A boot of the first generations names no site; REST does."""
    _store(operator.tables, documented("ex", "charger_state", socketId=1, siteId=None, externalSiteId=None))
    (row,) = operator.content()["ChargerStatus"]
    later = Instant(row["status_occurred_at"] + 3600 * TICKS_PER_SECOND)
    seen = ChargerSeen(
        charger_id=str(row["charger_id"]),
        is_connected=True,
        last_seen_at=later,
        site_id="7",
        sockets=(SocketSeen(str(row["socket_id"]), status="Faulted", updated_at=later),),
    )
    for change in polled_statuses(seen, later, SHARDS):
        rows = {one["RowKey"]: one for one in operator.content()["ChargerStatus"]}
        merged = change.merged(rows.get(change.row_key))
        if merged is not None:
            _put(operator, "ChargerStatus", merged)
    before = _projections(operator)

    report = operator.asks("rebuild", "--yes")

    assert report["rows"] == []
    assert _projections(operator) == before


def test_a_row_of_measurements_with_a_key_of_somebody_elses_stops_nothing(operator):
    """It is left as it is, or deleted; the others are made again."""
    _store(operator.tables, documented("mt", "measurements"))
    ((table, rows),) = [(t, rows) for t, rows in operator.content().items() if t.startswith("Measurements")]
    _put(operator, table, rows[0] | {"RowKey": "by-hand"})

    assert operator.types("rebuild", "--yes").exit_code == 0


@pytest.mark.parametrize(
    "columns", [{"raw_zlib_00": b"x"}, {"raw_table": "LargeBodies202601", "raw_partition": "0"}, {}]
)
def test_a_body_that_is_spoiled_or_gone_stops_nothing(operator, columns):
    """Its event is left, and counted; retention may drop LargeBodies just now."""
    _store(operator.tables, documented("mt", "charger_boot"), documented("mt", "charger_state"))
    (table,) = [t for t in operator.content() if t.startswith("PushEvents")]
    row = operator.content()[table][0]
    _put(operator, table, {name: value for name, value in row.items() if name != "raw"} | columns)
    before = _projections(operator)

    report = operator.asks("rebuild", "--yes")

    assert report["events_left"] >= 1
    assert _projections(operator) == before


@pytest.mark.parametrize("columns", [{}, {"findings": "{"}, {"findings": '{"counts":[["T","purple",1]],"named":[]}'}])
def test_a_spoiled_row_of_progress_is_done_again(operator, columns):
    """Never a traceback, nor an end that only --anew gets past."""
    _store(operator.tables, documented("mt", "charger_state"))
    _put(operator, "Layout", {"PartitionKey": "rebuild", "RowKey": "state-00", "done_at": Instant.now()} | columns)

    assert operator.types("rebuild", "--yes").exit_code == 0


def test_a_session_invented_from_a_real_event_is_deleted(operator):
    """The archive tells of the event, and not of this session: by another release, or somebody, another id was read."""
    _store(operator.tables, documented("mt", "charging_transaction"))
    before = _projections(operator)
    (row,) = operator.content()["Transactions"]
    _put(operator, "Transactions", row | {"RowKey": row["RowKey"] + "9", "transaction_id": row["transaction_id"] + "9"})

    report = operator.asks("rebuild", "--yes")

    assert report["differences"] == 1
    assert _projections(operator) == before


def test_measurements_under_another_session_are_not_kept_twice(operator):
    """The same for a row of measurements."""
    _store(operator.tables, documented("mt", "measurements", transactionId="5"))
    before = _projections(operator)
    ((table, rows),) = [(t, rows) for t, rows in operator.content().items() if t.startswith("Measurements")]
    charger, _, rest = rows[0]["RowKey"].split("!", 2)
    _put(operator, table, rows[0] | {"RowKey": f"{charger}!6!{rest}", "transaction_id": "6"})

    report = operator.asks("rebuild", "--yes")

    assert report["differences"] == 1
    assert _projections(operator) == before


def test_an_event_that_comes_again_while_its_fragment_is_being_taken_out_is_there_in_the_end(operator):
    """Somebody lost rows of the archive, and eMabler sends the message again in that moment."""
    message = documented("mt", "charging_transaction")
    _store(operator.tables, message, documented("mt", "charger_state"))
    (row,) = operator.content()["Transactions"]
    (archive,) = [t for t in operator.content() if t.startswith("PushEvents")]
    (kept,) = [one for one in operator.content()[archive] if one["type"] == "ChargingTransaction"]
    asyncio.run(operator.tables.delete(archive, str(kept["PartitionKey"]), str(kept["RowKey"])))
    worker, again = Ingest(operator.tables, SHARDS), [message]

    async def send_again(method, table):
        if method == "delete" and table == "Transactions" and again:
            await worker.store(deliver(body(again.pop())), within(60))

    operator.tables.before = send_again
    operator.asks("rebuild", "--yes")
    operator.tables.before = None

    assert not again
    assert operator.content()["Transactions"] == [row]
