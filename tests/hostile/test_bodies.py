"""64 KiB of anything: events or a place in quarantine with a reason, never an exception, and nothing of it is lost.

`make test` sends a part, always the same; `make hostile` the full number, each time others. A failure names the seed
and the number of the body; HOSTILE_SEED=... makes the same bodies again.
"""

import json
import os
import re
import time
from itertools import chain
from random import Random

import orjson
import pytest

from shared.emabler.bodies import elements
from shared.emabler.push import read_event
from shared.errors import Unacceptable
from shared.ingest.drift import drift_changes
from shared.ingest.freshness import Told, freshness_changes
from shared.ingest.ingest import Ingest
from shared.ingest.plan import Understood, current_state_changes, understand
from shared.tables.bodies import restore_body, store_body
from shared.tables.client import AzureTables
from shared.tables.edm import decode_row
from shared.tables.limits import row_size_bytes
from shared.tables.store import Kind, Operation
from tests.hostile.corpus import MOST_BYTES, mutated_message, random_body
from tests.support.memory_tables import MemoryTables
from tests.support.messages import RECEIVED_AT, deliver, documented, within

SEED = os.environ.get("HOSTILE_SEED", "1")
BODIES = int(os.environ.get("HOSTILE_BODIES", "600"))
MESSAGES = int(os.environ.get("HOSTILE_MESSAGES", "600"))
PIECES = 10
"""Into how many tests the bodies are divided, so that none comes near the time-out."""

REASONS = {
    *("empty-body", "not-json", "empty-array", "too-many-events", "too-deep"),
    *("not-an-object", "too-many-measurements"),
}
"""What the vendor can be told is wrong; any other word would be a fault of ours (docs/decisions/0004)."""

KIB = 1024
PARTITION_OF_A_DAY = re.compile(r"(\d{8}|undated)-0[0-3]")


def _hostile(make, count, piece):
    """One of the pieces of so many bodies, each with the name it can be made again by."""
    for number in range(piece, count, PIECES):
        name = f"HOSTILE_SEED={SEED}, {make.__name__} {number}"
        yield name, make(Random(f"{SEED} {make.__name__} {number}"))


def _understood(body):
    return understand(deliver(body), 4, ())


def _array_in(body):
    """The array that a body tells, by Python's own reader; None where it tells one thing, or nothing."""
    try:
        value = json.loads(body.decode("utf-8-sig"), parse_constant=_refuse)
        if isinstance(value, str):
            value = json.loads(value.removeprefix("\ufeff"), parse_constant=_refuse)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, list) and value else None


def _refuse(name):
    raise ValueError(name)


def _rows_left_by(batch: Understood):
    """Every row that the batch leaves in empty tables, whichever table it is for."""
    events = [planned.event for planned in batch.planned.values()]
    told = freshness_changes([Told.of(event, RECEIVED_AT) for event in events], 4) if events else []
    for planned in batch.planned.values():
        yield planned.archived.row
        yield from planned.body.overflow_rows
        if planned.measured is not None:
            yield planned.measured.row
    for change in chain(current_state_changes(events, 4), drift_changes(events), told):
        yield change.merged(None)
    for change in batch.set_aside.values():
        yield change.merged(None)
        yield from change.body.overflow_rows


def _reason_of_refusal(body):
    """Why the reader refuses a body, or one of its elements; None where it refuses nothing."""
    try:
        for element in elements(body):
            read_event(element)
    except Unacceptable as refusal:
        return refusal.reason
    return None


def _check_understood(name, body):
    """The promises about one body."""
    batch = _understood(body)
    set_aside = list(batch.set_aside.values())
    arrived = len(batch.planned) + batch.repeats + sum(change.arrivals for change in set_aside)
    array = _array_in(body)

    assert {change.reason for change in set_aside} <= REASONS, name
    assert arrived == (1 if array is None else len(array)), name
    if array is None:
        kept = [planned.event.raw for planned in batch.planned.values()] + [change.raw for change in set_aside]
        assert kept == [body], name
    for row in _rows_left_by(batch):
        assert Operation(Kind.INSERT, row).encoded.json, name


@pytest.mark.parametrize("piece", range(PIECES))
def test_no_random_body_raises_and_each_ends_in_rows_that_can_be_stored(piece):
    """Bytes, text and everything that resembles JSON."""
    for name, body in _hostile(random_body, BODIES, piece):
        _check_understood(name, body)


@pytest.mark.parametrize("piece", range(PIECES))
def test_no_damaged_message_raises_and_each_ends_in_rows_that_can_be_stored(piece):
    """Documented messages with wrong fields, values, wrappings and bytes."""
    for name, body in _hostile(mutated_message, MESSAGES, piece):
        _check_understood(name, body)


@pytest.mark.parametrize("piece", range(PIECES))
def test_the_reader_raises_nothing_but_unacceptable(piece):
    """Beneath the guard of the plan, which would turn a fault of ours into a row of quarantine."""
    for name, body in chain(_hostile(random_body, BODIES, piece), _hostile(mutated_message, MESSAGES, piece)):
        assert _reason_of_refusal(body) in REASONS | {None}, name


@pytest.mark.parametrize("piece", range(PIECES))
def test_what_the_archive_keeps_reads_as_the_same_event_again(piece):
    """The projections can be rebuilt from it."""
    for name, body in _hostile(mutated_message, MESSAGES, piece):
        for event_id, planned in _understood(body).planned.items():
            kept = restore_body(planned.archived.row, planned.body.overflow_rows)
            assert list(_understood(kept).planned) == [event_id], name


@pytest.fixture(params=["memory", "azurite"])
async def tables(request):
    """Empty tables in memory, and empty ones of Azurite."""
    if request.param == "memory":
        yield MemoryTables()
        return
    azurite = AzureTables.from_connection_string(request.getfixturevalue("azurite"))
    for table in await azurite.list_tables():
        await azurite.drop_table(table)
    yield azurite
    await azurite.close()


async def _stored(tables, names):
    return [found.row for name in names async for found in tables.query(name)]


async def test_a_hostile_batch_is_stored_whole_each_body_in_one_place(tables):
    """In the archive or in quarantine, bit for bit, and a well-formed message among them is not held up."""
    bodies = [body for _, body in chain(_hostile(random_body, 300, 0), _hostile(mutated_message, 900, 0))]
    good = orjson.dumps(documented("mt", "charger_state", chargerId="GOOD"))
    expected = understand(deliver(*bodies, good), 4, ())

    outcome = await Ingest(tables, shards=4).store(deliver(*bodies, good), within(50))

    names = await tables.list_tables()
    archived = await _stored(tables, (name for name in names if name.startswith("PushEvents")))
    quarantined = await _stored(tables, ["Quarantine"])
    assert {row["event_id"]: restore_body(row) for row in archived} == {
        event_id: planned.event.raw for event_id, planned in expected.planned.items()
    }
    assert {row["RowKey"]: restore_body(row) for row in quarantined} == {
        event_id: change.raw for event_id, change in expected.set_aside.items()
    }
    assert len(archived) == outcome.stored.total() == len(expected.planned)
    assert set(outcome.quarantined) <= REASONS, SEED
    assert all(PARTITION_OF_A_DAY.fullmatch(row["PartitionKey"]) for row in archived)
    assert good in [restore_body(row) for row in archived]


def _through_the_wire(row):
    """The row as a reader of the table gets it."""
    return decode_row(orjson.loads(Operation(Kind.INSERT, row).encoded.json))


@pytest.mark.parametrize("length", [1, 30 * KIB, 64 * KIB, 256 * KIB - 1, 256 * KIB, 1024 * KIB])
@pytest.mark.parametrize(
    "filling",
    [
        Random(7).randbytes(1024 * KIB),
        b"\x00",
        b"plain text, ",
        "é€😀\u2028".encode(),
        b"\xef\xbb\xbf",
        b"\xed\xa0\x80",
        b"\r\n\t",
    ],
    ids=["incompressible", "zeros", "text", "wide", "byte-order-marks", "half-characters", "white-space"],
)
def test_a_body_up_to_the_brokers_limit_comes_back_bit_for_bit(length, filling):
    """Through the columns' own JSON; 256 KiB is what Service Bus Standard takes, 1 MiB what the webhook does."""
    raw = (filling * (length // len(filling) + 1))[:length]
    stored = store_body(raw, "LargeBodies202504")
    row = {"PartitionKey": "20250402-00", "RowKey": "C1!-!e", **stored.columns}

    parts = [_through_the_wire(part) for part in stored.overflow_rows]

    assert restore_body(_through_the_wire(row), parts) == raw
    assert all(row_size_bytes(part) <= 1024 * KIB for part in (row, *stored.overflow_rows))


@pytest.mark.parametrize("length", [MOST_BYTES, 256 * KIB, 1024 * KIB])
def test_a_very_long_message_is_an_event_like_any_other(length):
    """Its charger and state are read; the field that made it long is in the body alone."""
    padding = Random(7).randbytes(length // 2 - 300).hex()
    body = orjson.dumps(documented("mt", "charger_state", fanDiagnosis=padding))

    (planned,) = _understood(body).planned.values()

    assert (planned.event.event_type, planned.event.content.status) == ("ChargerState", "Available")
    assert restore_body(planned.archived.row, planned.body.overflow_rows) == body
    assert all(Operation(Kind.INSERT, row).encoded.json for row in _rows_left_by(_understood(body)))


STATE = b'{"chargerId":"C1","status":"Available"}'


@pytest.mark.parametrize(
    ("body", "reasons"),
    [
        (b"", ["empty-body"]),
        (b"\xef\xbb\xbf \r\n", ["empty-body"]),
        (b'"\\t"', ["empty-body"]),
        (b"\xef\xbb\xbf\xef\xbb\xbf" + STATE, ["not-json"]),
        (STATE.decode().encode("utf-16"), ["not-json"]),
        (STATE.decode().encode("utf-16-le"), ["not-json"]),
        (STATE.decode().encode("utf-32"), ["not-json"]),
        (STATE + b"\x00", ["not-json"]),
        (STATE + STATE, ["not-json"]),
        (STATE[:-1], ["not-json"]),
        (b'{"chargerId":"C1","x":NaN}', ["not-json"]),
        (b'{"chargerId":"C1","x":-Infinity}', ["not-json"]),
        (b'{"chargerId":"C1","x":"\xed\xa0\xbd"}', ["not-json"]),
        (b'{"a":' * 10_000 + b"1" + b"}" * 10_000, ["too-deep"]),
        (b"[" * MOST_BYTES, ["not-json", "too-deep"]),
        (b"[]", ["empty-array"]),
        (b'"[]"', ["empty-array"]),
        (b"[[]]", ["not-an-object"]),
        (b'"\\"{}\\""', ["not-an-object"]),
        (b"null", ["not-an-object"]),
        (b"-1e308", ["not-an-object"]),
    ],
    ids=lambda value: value[:24].decode("latin-1") if isinstance(value, bytes) else None,
)
def test_what_tells_no_event_is_set_aside_whole_with_its_reason(body, reasons):
    """The documented words of decision 4; where it is both, either is true."""
    batch = _understood(body)

    (change,) = batch.set_aside.values()
    assert (batch.planned, batch.repeats) == ({}, 0)
    assert change.reason in reasons


@pytest.mark.parametrize(
    ("body", "charger_ids"),
    [
        (b"\xef\xbb\xbf" + STATE, ["C1"]),
        (b'{"chargerId":"FIRST","status":"Available","chargerId":"C1"}', ["C1"]),
        (b'{"chargerId":"C1","status":"Available","x":1e400}', ["C1"]),
        (b'{"chargerId":"C1","status":"Available","x":' + b"9" * 4000 + b"}", ["C1"]),
        (b'{"chargerId":"C1","status":"Available","x":' + b"[" * 300 + b"]" * 300 + b"}", ["C1"]),
        (b'{"chargerId":"C1","status":"\\ude00\\ud83d"}', ["C1"]),
        (b'{"chargerId":"\\ud83d","status":"Available"}', ["\ufffd"]),
        (b'{"chargerId":"C\\u0000/1","status":"Available"}', ["C\x00/1"]),
        (b'[{"chargerId":"C1"},{"chargerId":"C2"}]', ["C1", "C2"]),
        (json.dumps(STATE.decode()).encode(), ["C1"]),
        (b'{"chargerId":{"id":"C1"},"status":"Available"}', [""]),
        (b"{}", [""]),
    ],
    ids=lambda value: value[:24].decode("latin-1") if isinstance(value, bytes) else None,
)
def test_what_tells_events_however_oddly_is_archived(body, charger_ids):
    """Oddness alone puts nothing into quarantine; of a repeated name the last counts, as in every JSON reader."""
    batch = _understood(body)

    assert [planned.event.charger_id for planned in batch.planned.values()] == charger_ids
    assert batch.set_aside == {}


@pytest.mark.parametrize(
    ("written", "wh"),
    [
        (b"0", 0),
        (b"-5", -5),
        (b'"1e3"', 1000),
        (b'"12,4"', 12),
        (b"2147483648", 2**31),
        (b"4611686018427000000", 4_611_686_018_426_999_808),  # the nearest double
        (b"9223372036854775807", None),
        (b"9223372036854775808", None),
        (b"-9223372036854775809", None),
        (b"1e300", None),
        (b"1e400", None),
        (b"9" * 4000, None),
        (b'"NaN"', None),
        (b'"-Infinity"', None),
        (b"true", None),
        (b"[1]", None),
    ],
    ids=lambda value: value[:24].decode() if isinstance(value, bytes) else None,
)
def test_a_meter_read_is_a_whole_number_that_an_int64_holds_or_is_left_out(written, wh):
    """And the rest of the start counts."""
    start = b'{"chargerId":"C1","action":"transaction_start","transactionId":7,"meterRead":%s}' % written
    batch = _understood(start)

    (planned,) = batch.planned.values()
    assert (planned.archived.row["fragment"], planned.archived.row["meter_start_wh"]) == ("start", wh)
    assert all(Operation(Kind.INSERT, row).encoded.json for row in _rows_left_by(batch))


def test_a_good_message_among_bad_ones_is_an_event_and_each_bad_one_keeps_its_own_reason():
    """A batch is settled as a whole, so no message may cost another."""
    batch = understand(deliver(b"junk", STATE, b"[]", STATE, b"junk", b"7"), 4, ())

    assert (len(batch.planned), batch.repeats) == (1, 1)
    assert [(change.reason, change.arrivals) for change in batch.set_aside.values()] == [
        ("not-json", 2),
        ("empty-array", 1),
        ("not-an-object", 1),
    ]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"[" + b",".join([b"{}"] * 87_000) + b"]", "too-many-events"),
        (b"[" + b",".join([b"{}"] * 1001) + b"]", "too-many-events"),
        (b'{"chargerId":"C1","measurements":[' + b",".join([b"1"] * 130_000) + b"]}", "too-many-measurements"),
        (b'[{"chargerId":"C1","Measurements":[' + b",".join([b"{}"] * 2001) + b"]}]", "too-many-measurements"),
    ],
)
def test_a_body_of_thousands_is_set_aside_before_it_can_hold_up_a_tap(body, reason):
    """The loop that reads it answers drivers, too: a quarter of a megabyte of nothing took it two seconds."""
    began = time.process_time()
    batch = _understood(body)
    taken_seconds = time.process_time() - began

    assert [change.reason for change in batch.set_aside.values()] == [reason]
    assert taken_seconds < 0.5


def test_as_many_as_may_be_are_all_read():
    """A thousand events."""
    body = b"[" + b",".join(b'{"chargerId":"C%d","status":"Available"}' % number for number in range(1000)) + b"]"

    assert len(_understood(body).planned) == 1000


def test_a_field_that_is_unreadable_beside_one_nested_deep_costs_only_itself():
    """Python cannot copy what it can read: five hundred levels."""
    deep = "[" * 500 + "]" * 500
    batch = _understood(f'{{"chargerId":"C1","status":"Available","socketId":{{}},"x":{deep}}}'.encode())

    (planned,) = batch.planned.values()
    assert (planned.event.charger_id, planned.event.content.status, batch.set_aside) == ("C1", "Available", {})


def test_numbers_past_a_double_in_an_array_are_kept_as_they_were_written():
    """JSON cannot write infinity: the archive would keep what nobody can read, and two events would be one."""
    batch = _understood(b'[{"chargerId":"C1","a":1e400},{"chargerId":"C1","a":null}]')

    raws = [planned.event.raw for planned in batch.planned.values()]
    assert sorted(orjson.loads(raw)["a"] or "" for raw in raws) == ["", "1e400"]


def test_an_integer_past_64_bits_has_one_identity_whatever_stands_beside_it():
    """Alone, and in an array that has to be read in another way."""
    number = b'{"chargerId":"C1","b":123456789012345678901234567890}'
    (alone,) = _understood(b"[" + number + b"]").planned
    ids = set(_understood(b"[" + number + b',{"chargerId":"C2","a":1e400}]').planned)

    assert alone in ids


def test_units_that_no_column_has_room_for_are_left_out():
    """The measurements are stored all the same."""
    items = [
        {"value": "1", "typeOfMeasurement": f"T{number}", "unit": "u" * 4000, "deviceTimeStamp": "2025-04-02T09:00:00Z"}
        for number in range(9)
    ]
    batch = _understood(orjson.dumps(documented("mt", "measurements") | {"measurements": items}))

    (planned,) = batch.planned.values()
    assert planned.measured is not None
    assert Operation(Kind.UPSERT, planned.measured.row).encoded
    assert planned.measured.row["source_units"] is None
