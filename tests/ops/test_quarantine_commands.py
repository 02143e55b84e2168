"""Quarantine, as an operator looks at it and replays it."""

import asyncio
import base64
import random

import pytest

from ops.quarantine_view import escaped
from shared.errors import RowRefused, StorageUnavailable
from shared.ingest.ingest import Ingest
from shared.instants import Instant
from shared.tables.client import AzureTables
from shared.tables.store import Kind, Operation
from tests.ops.operators import Operator
from tests.ops.quarantined import EVENT, NO_JSON, OTHER, REASON, change, set_aside, without_quarantine
from tests.support.memory_tables import MemoryTables
from tests.support.messages import RECEIVED_AT, deliver, within

DAY = "2026-01-15"
NEXT_DAY = Instant.from_iso("2026-01-16T08:00:00.0000000Z")


def _stored(tables, *bodies):
    """Let ingest store bodies as they come."""
    asyncio.run(Ingest(tables, 4).store(deliver(*bodies), within(20)))


def _refuse_events(monkeypatch, tables):
    """Make storage refuse every row of the archive for good."""
    execute = tables.execute

    async def refuse(table, operations, deadline):
        if table.startswith("PushEvents"):
            raise RowRefused("the test says so", index=0, code="PropertyValueTooLarge")
        return await execute(table, operations, deadline)

    monkeypatch.setattr(tables, "execute", refuse)


def test_entries_are_counted_and_listed_newest_first_without_bodies(operator):
    """Of one day, or of the last days; `--limit` leaves the counts as they are."""
    older, newer, bad = set_aside(
        operator, change(), change(received_at=NEXT_DAY), change(NO_JSON, reason="not-json", received_at=NEXT_DAY)
    )

    told = operator.asks("quarantine", "list", "--days", "36500", "--limit", "2")
    of_day = operator.asks("quarantine", "list", "--day", DAY)

    assert [(one["day"], one["reason"], one["entries"]) for one in told["counts"]] == [
        ("20260116", "not-json", 1),
        ("20260116", REASON, 1),
        ("20260115", REASON, 1),
    ]
    assert ({one["key"] for one in told["entries"]}, told["total"]) == ({newer, bad}, 3)
    assert [one["key"] for one in of_day["entries"]] == [older]
    assert (of_day["entries"][0]["size_bytes"], of_day["entries"][0]["arrivals"]) == (len(EVENT), 1)
    only = operator.asks("quarantine", "list", "--day", "20260116", "--reason", "not-json")
    assert [(one["key"], one["size_bytes"]) for one in only["entries"]] == [(bad, len(NO_JSON))]
    shown = operator.types("quarantine", "list", "--day", DAY).stdout
    assert (older[:21] in shown, "chargerId" in shown) == (True, False)


def test_an_empty_quarantine_is_said_to_be_so(operator):
    """Also where the table does not exist."""
    assert "Nothing is in quarantine" in operator.types("quarantine", "list").stdout
    assert "nothing that a replay would change" in operator.types("quarantine", "replay", "--all").stdout


def test_an_entry_is_shown_whole_after_a_warning(operator):
    """Bytes that are no text, and those that would steer the terminal, are escaped; with `--json` they are exact."""
    (key,) = set_aside(operator, change(NO_JSON, reason="not-json"))

    shown = operator.types("quarantine", "show", key[:15])
    told = operator.asks("quarantine", "show", key)

    assert "may hold personal data" in shown.stderr
    assert r'{"chargerId": "C1" \xff\x1b[31m' in shown.stdout
    assert (told["body"], base64.b64decode(told["body_base64"])) == (None, NO_JSON)
    assert (told["reason"], told["explanation"], told["key"]) == ("not-json", "the test says so", key)


def test_a_body_of_text_is_shown_as_it_came(operator):
    """In one piece, however long."""
    long = b'{"note": "' + b"word " * 200 + '\u00e9"}'.encode()
    (key,) = set_aside(operator, change(long))

    assert long.decode() in operator.types("quarantine", "show", key).stdout
    assert operator.asks("quarantine", "show", key)["body"] == long.decode()


def test_line_ends_of_a_body_stay_and_what_reverses_text_does_not():
    """A body must not look like another one."""
    assert escaped("a\n\tb\u202ec\u009b\r".encode()) == "a\n\tb\\u202ec\\x9b\\r"


def test_a_very_large_body_is_put_together(operator):
    """Its parts are rows of another table."""
    noise = random.Random(1).randbytes(700_000)
    _stored(operator.tables, noise)
    (row,) = operator.tables.rows("Quarantine")

    told = operator.asks("quarantine", "show", f"{row['PartitionKey']}/{row['RowKey']}")

    assert (base64.b64decode(told["body_base64"]), told["size_bytes"]) == (noise, len(noise))


@pytest.mark.parametrize(
    ("key", "code", "hint"),
    [("nonsense", 1, "is no key"), ("20260115/0000", 4, "quarantine list"), ("20260115/", 1, "is no key")],
)
@pytest.mark.parametrize("verb", ["show", "replay"])
def test_a_key_that_names_no_entry_is_told(operator, verb, key, code, hint):
    """With a code of its own."""
    set_aside(operator, change())

    result = operator.types("quarantine", verb, key)

    assert (result.exit_code, hint in result.stderr) == (code, True)


def test_the_beginning_of_a_key_must_name_one_entry(operator):
    """Of two, none is guessed."""
    rows = [change().merged(None) | {"RowKey": name * 8} for name in ("abcd0", "abcd1")]
    operator.writes("Quarantine", *(Operation(Kind.INSERT, row) for row in rows))

    result = operator.types("quarantine", "show", "20260115/abcd")

    assert (result.exit_code, "2 entries begin with" in result.stderr) == (1, True)
    assert operator.asks("quarantine", "show", "20260115/ABCD1")["key"] == "20260115/" + "abcd1" * 8


@pytest.mark.parametrize(
    "options", [[], ["--all", "--day", DAY], ["20260115/abcd", "--all"], ["20260115/abcd", "--reason", "x"]]
)
def test_a_replay_needs_to_know_which_entries(operator, options):
    """Said in one way; wrong usage otherwise."""
    assert operator.types("quarantine", "replay", *options).exit_code == 2


def test_a_day_that_is_none_is_told(operator):
    """With how to write it."""
    result = operator.types("quarantine", "list", "--day", "yesterday")

    assert (result.exit_code, "write it like" in result.stderr) == (1, True)


def test_a_rehearsal_says_what_would_become_of_each_and_writes_nothing(operator):
    """Stored, known already, set aside again, and what is no message."""
    _stored(operator.tables, OTHER)
    stored, known, bad, polled = set_aside(
        operator,
        change(),
        change(OTHER),
        change(NO_JSON, reason="not-json"),
        change(b'{"id": 1}', reason="row-refused-X", transport="poll"),
    )
    before = operator.content()

    told = operator.asks("quarantine", "replay", "--all", "--dry-run")
    shown = operator.types("quarantine", "replay", "--day", DAY, "--dry-run").stdout

    assert operator.content() == before
    assert {one["key"]: (one["verdict"], one["now"]) for one in told["entries"]} == {
        stored: ("stored", None),
        known: ("known", None),
        bad: ("set-aside", "not-json"),
        polled: ("polled", None),
    }
    assert (told["replayed"], told["counts"]) == (False, dict.fromkeys(("stored", "known", "set-aside", "polled"), 1))
    assert ("would be set aside again, and stays as it is (not-json)" in shown, "4 of 4" in shown) == (True, True)


def test_a_replay_stores_what_is_understood_by_now_and_leaves_the_rest(operator):
    """An entry that is stored is gone from quarantine; others have not come once more by it."""
    stored, known, bad, polled = set_aside(
        operator,
        change(transport="webhook"),
        change(OTHER),
        change(NO_JSON, reason="not-json"),
        change(b'{"id": 1}', reason="row-refused-X", transport="poll"),
    )
    _stored(operator.tables, OTHER)
    left = [row for row in operator.tables.rows("Quarantine") if row["reason"] != REASON]

    told = operator.asks("quarantine", "replay", "--all", "--yes")

    assert {one["key"]: (one["verdict"], one["is_deleted"]) for one in told["entries"]} == {
        stored: ("stored", True),
        known: ("known", True),
        bad: ("set-aside", False),
        polled: ("polled", False),
    }
    assert operator.tables.rows("Quarantine") == left
    (event,) = [row for row in operator.content()["PushEvents202504"] if row["raw"] == EVENT.decode()]
    assert (event["transport"], event["first_received_at"]) == ("webhook", RECEIVED_AT)


def test_what_a_replay_stores_is_what_ingest_would_have_stored(operator):
    """Rows of every table are the same."""
    set_aside(operator, change(), change(OTHER))
    operator.asks("quarantine", "replay", "--all", "--yes")
    undisturbed = MemoryTables()
    _stored(undisturbed, EVENT, OTHER)

    expected = Operator(undisturbed, operator.folder).content()

    assert {"PushEvents202504", "ChargerStatus", "Transactions"} <= set(expected)
    replayed = without_quarantine(operator.content())
    assert _ordered(replayed) == _ordered(expected)


def test_replaying_twice_changes_nothing(operator):
    """Also an entry that is there again, as after a stop between storing it and deleting it."""
    (key, _) = set_aside(operator, change(), change(NO_JSON, reason="not-json"))
    operator.asks("quarantine", "replay", "--all", "--yes")
    once = operator.content()

    again = operator.asks("quarantine", "replay", "--all", "--yes")
    assert (again["counts"]["stored"], operator.content()) == (0, once)

    set_aside(operator, change())
    back = operator.asks("quarantine", "replay", key, "--yes")
    assert ([one["verdict"] for one in back["entries"]], operator.content()) == (["known"], once)


def test_what_storage_refuses_again_stays_as_it_was(operator, monkeypatch):
    """Its arrivals do not grow, and the same event of another day does not pass for stored."""
    set_aside(operator, change(reason="row-refused-X"), change(reason="row-refused-X", received_at=NEXT_DAY))
    before = operator.tables.rows("Quarantine")
    _refuse_events(monkeypatch, operator.tables)

    result = operator.types("quarantine", "replay", "--reason", "row-refused-X", "--yes")

    assert "set aside again, as it was (row-refused-PropertyValueTooLarge)" in result.stdout
    assert operator.tables.rows("Quarantine") == before


def test_an_array_of_which_one_event_is_not_understood_stays_whole(operator):
    """What ingest would set aside of it is in the entry already."""
    set_aside(operator, change(b"[" + EVENT + b"," + b"17]"))
    before = operator.content()

    told = operator.asks("quarantine", "replay", "--all", "--yes")

    assert ([one["now"] for one in told["entries"]], operator.content()) == (["not-an-object"], before)


def test_an_entry_that_came_again_meanwhile_stays(operator):
    """Its row is another one than was read."""
    (key,) = set_aside(operator, change())

    async def come_again(method, table):
        if (method, table) == ("delete", "Quarantine"):
            operator.tables.before = None
            again = change().merged(operator.tables.rows("Quarantine")[0])
            await operator.tables.execute("Quarantine", [Operation(Kind.UPSERT, again)], within(5))

    operator.tables.before = come_again
    shown = operator.types("quarantine", "replay", key, "--yes").stdout

    assert "stored now, and came again meanwhile: run it again" in shown
    assert [row["deliveries"] for row in operator.tables.rows("Quarantine")] == [2]


def test_nothing_is_replayed_without_a_yes(operator, terminal):
    """Of a person, or `--yes`."""
    set_aside(operator, change())
    before = operator.content()

    refused = operator.types("quarantine", "replay", "--all", answer="n\n")
    assert (refused.exit_code, operator.content()) == (6, before)
    assert "Give 1 of 1 entries to ingest again?" in refused.stderr

    assert operator.types("quarantine", "replay", "--all", answer="y\n").exit_code == 0
    assert operator.tables.rows("Quarantine") == []


def test_an_outage_in_between_says_how_far_it_got(operator):
    """What was done stays done, and the rest is replayed by running it again."""
    set_aside(operator, change(), change(OTHER))
    deletions = []

    def fail(method, table):
        deletions.extend([table] if method == "delete" else [])
        if len(deletions) == 2:
            raise StorageUnavailable("the test says so")

    operator.tables.before = fail
    result = operator.types("quarantine", "replay", "--all", "--yes")
    operator.tables.before = None

    assert (result.exit_code, "1 of 2 entries were done" in result.stderr) == (3, True)
    assert operator.asks("quarantine", "replay", "--all", "--yes")["counts"]["known"] == 1
    assert operator.tables.rows("Quarantine") == []


def test_another_shard_count_is_refused_before_anything_is_asked(operator, monkeypatch):
    """Rows would be looked for in other partitions than they are in."""
    _stored(operator.tables, OTHER)
    set_aside(operator, change())
    monkeypatch.setenv("EVENT_SHARDS", "8")

    result = operator.types("quarantine", "replay", "--all", "--dry-run")

    assert (result.exit_code, "EVENT_SHARDS is 8" in result.stderr) == (3, True)


def test_nothing_of_a_body_is_logged(operator, caplog):
    """Bodies hold tags."""
    caplog.set_level("DEBUG")
    set_aside(operator, change(OTHER), change(NO_JSON, reason="not-json"))

    operator.asks("quarantine", "list", "--day", DAY)
    operator.asks("quarantine", "replay", "--all", "--yes")

    assert "chargerId" not in caplog.text


def test_a_replay_on_a_real_table_service(azurite, monkeypatch, tmp_path):
    """Rehearsed, done, and done again, on connections of the command's own."""
    monkeypatch.setenv("EventStorage", azurite)
    monkeypatch.delenv("EVENT_SHARDS", raising=False)
    operator = Operator(None, tmp_path)
    asyncio.run(_only_in_quarantine(azurite, change(), change(NO_JSON, reason="not-json")))

    listed = operator.asks("quarantine", "list", "--day", DAY)
    rehearsed = operator.asks("quarantine", "replay", "--all", "--dry-run")
    done = operator.asks("quarantine", "replay", "--all", "--yes")
    once = asyncio.run(_content(azurite))
    again = operator.asks("quarantine", "replay", "--all", "--yes")

    assert sorted(one["size_bytes"] for one in listed["entries"]) == sorted((len(EVENT), len(NO_JSON)))
    assert rehearsed["counts"] == done["counts"] == {"stored": 1, "known": 0, "set-aside": 1, "polled": 0}
    assert (len(once["PushEvents202504"]), [row["reason"] for row in once["Quarantine"]]) == (1, ["not-json"])
    assert ([one["verdict"] for one in again["entries"]], asyncio.run(_content(azurite))) == (["set-aside"], once)
    asyncio.run(_only_in_quarantine(azurite))


def _ordered(content):
    return {table: sorted(map(repr, rows)) for table, rows in content.items() if rows}


async def _only_in_quarantine(connection_string, *changes):
    """Drop all tables, and set messages aside."""
    tables = AzureTables.from_connection_string(connection_string)
    for table in await tables.list_tables():
        await tables.drop_table(table)
    await tables.create_table("Quarantine", within(10))
    for one in changes:
        await tables.execute("Quarantine", [Operation(Kind.INSERT, one.merged(None))], within(10))
    await tables.close()


async def _content(connection_string):
    tables = AzureTables.from_connection_string(connection_string)
    content = {table: [stored.row async for stored in tables.query(table)] for table in await tables.list_tables()}
    await tables.close()
    return content
