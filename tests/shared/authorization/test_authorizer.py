"""Decisions with the registry, the current state and their failures around them."""

import asyncio
from itertools import product

import pytest

from shared.authorization.authorizer import Authorizer, OnFailure, Policy
from shared.authorization.decisions import Source
from shared.authorization.tags import Places, Tag
from shared.emabler.realtime_auth import AuthRequest, Reason
from shared.errors import StorageRefusesAccess, StorageUnavailable
from shared.instants import Instant
from shared.tables.keys import CHARGER_STATUS, charger_row_key, shard, socket_row_key
from shared.tables.store import Kind, Operation
from tests.support.messages import within
from tests.support.tag_lists import LIST, use_list

SHARDS = 4
NOW = Instant.now()


DEADLINE_SECONDS = 0.2


def _authorizer(tables, **policy):
    return Authorizer(tables, SHARDS, Policy(**{"deadline_seconds": DEADLINE_SECONDS} | policy))


async def _time_after(seconds):
    await asyncio.sleep(seconds)
    return asyncio.get_running_loop().time()


async def _decide(authorizer, id_tag, charger_id="C1"):
    decided, _ = await authorizer.decide(AuthRequest(charger_id=charger_id, rfid_tag_id=id_tag))
    return decided.decision.is_allowed, decided.decision.rule, decided.source


async def _seen(tables, charger_id, row_key, **columns):
    await tables.create_table(CHARGER_STATUS, within(1))
    row = {"PartitionKey": shard(charger_id, SHARDS), "RowKey": row_key, "charger_id": charger_id} | columns
    await tables.execute(CHARGER_STATUS, [Operation(Kind.UPSERT, row)], within(1))


async def test_a_tap_is_decided_by_the_list_in_use(tables):
    """Live at first, then from memory; case does not matter, and the type comes along."""
    authorizer = _authorizer(tables)

    assert await _decide(authorizer, "good") == (True, "allowed", Source.LIVE)
    assert await _decide(authorizer, " Good ") == (True, "allowed", Source.CACHE)
    assert await _decide(authorizer, "BAD") == (False, "tag-blocked", Source.LIVE)
    assert await _decide(authorizer, "OTHER") == (False, "tag-unknown", Source.LIVE)
    decided, tag = await authorizer.decide(AuthRequest(charger_id="C1", rfid_tag_id="good"))
    assert (decided.id_tag, decided.list_table, tag.tag_type) == ("GOOD", LIST, "RFID")


async def test_without_any_list_every_tag_is_unknown(tables):
    """A fresh deployment answers, too."""
    await tables.drop_table("Tags")

    assert await _decide(_authorizer(tables), "GOOD") == (False, "tag-unknown", Source.LIVE)


async def test_what_is_no_tag_is_refused_without_asking(tables):
    """And not as unknown, which would send it to the roaming partners."""
    tables.before = _fail
    decided, _ = await _authorizer(tables).decide(AuthRequest(charger_id="C1", rfid_tag_id="A\x00"))

    assert (decided.decision.rule, decided.decision.reason) == ("not-a-tag", Reason.UNAUTHORIZED_RFID_TAG_ID)


async def test_an_unknown_charger_is_ignored_or_refused_as_the_operator_chose(tables):
    """Known is a charger with a row, or with a socket that has one."""
    await _seen(tables, "C1", charger_row_key("C1"))
    await _seen(tables, "C2", socket_row_key("C2", "1"))
    strict = _authorizer(tables, refuses_unknown_chargers=True)

    assert await _decide(_authorizer(tables), "GOOD", "C3") == (True, "allowed", Source.LIVE)
    assert await _decide(strict, "GOOD", "C3") == (False, "charger-unknown", Source.LIVE)
    assert await _decide(strict, "GOOD", "C1") == (True, "allowed", Source.LIVE)
    assert await _decide(strict, "GOOD", "C2") == (True, "allowed", Source.LIVE)
    assert await _decide(strict, "GOOD", "C") == (False, "charger-unknown", Source.LIVE)


async def test_a_chargers_site_is_that_of_its_newest_row(tables):
    """By either of the site's ids."""
    await use_list(
        tables,
        LIST,
        Tag("S17", allowed=Places(site_ids=frozenset({"17"}))),
        Tag("S18", allowed=Places(site_ids=frozenset({"18"}))),
        Tag("OWN", denied=Places(site_ids=frozenset({"HELSINKI"}))),
    )
    await _seen(tables, "C1", charger_row_key("C1"), site_id="17", last_occurred_at=Instant(NOW - 1))
    await _seen(
        tables, "C1", socket_row_key("C1", "1"), site_id="18", external_site_id="HELSINKI", last_occurred_at=NOW
    )
    authorizer = _authorizer(tables)

    assert [(await _decide(authorizer, tag))[1] for tag in ("S17", "S18", "OWN")] == [
        "place-not-allowed",
        "allowed",
        "place-denied",
    ]


async def test_a_row_that_somebody_spoiled_refuses_its_tag_alone(tables, caplog):
    """Reading past a restriction would open chargers."""
    row = await tables.get(LIST, *_keys_of(tables, "GOOD"), within(1))
    await tables.execute(LIST, [Operation(Kind.UPSERT, row.row | {"valid_until": "tomorrow"})], within(1))
    authorizer = _authorizer(tables)

    assert await _decide(authorizer, "GOOD") == (False, "tag-unreadable", Source.LIVE)
    assert await _decide(authorizer, "BAD") == (False, "tag-blocked", Source.LIVE)
    assert "import the list again" in caplog.text
    assert "GOOD" not in caplog.text


def _keys_of(tables, id_tag):
    row = next(row for row in tables.rows(LIST) if row["id_tag"] == id_tag)
    return row["PartitionKey"], row["RowKey"]


async def test_a_registry_that_somebody_spoiled_is_a_failure_and_no_unknown_tag(tables, caplog):
    """The row that names the list in use; nobody knows then what is in it."""
    row = {"PartitionKey": "list", "RowKey": "current", "table": 5}
    await tables.execute("Tags", [Operation(Kind.UPSERT, row)], within(1))

    assert await _decide(_authorizer(tables), "GOOD") == (False, "on-failure-deny", Source.DEADLINE)
    assert "names no list of tags" in caplog.text


async def test_a_site_is_not_forgotten_when_a_newer_event_names_none(tables):
    """As boot messages of two generations do; else a denied site would open."""
    await use_list(tables, LIST, Tag("NOT-17", denied=Places(site_ids=frozenset({"17"}))))
    await _seen(tables, "C1", socket_row_key("C1", "1"), site_id="17", last_occurred_at=Instant(NOW - 1))
    await _seen(tables, "C1", charger_row_key("C1"), last_occurred_at=NOW)

    assert await _decide(_authorizer(tables), "NOT-17") == (False, "place-denied", Source.LIVE)


async def test_tables_of_another_shard_count_are_a_failure_where_the_site_counts(tables, caplog):
    """The charger would be looked for where it is not, and its denied site not be found."""
    await tables.create_table("Layout", within(1))
    row = {"PartitionKey": "layout", "RowKey": "layout", "event_shards": 8}
    await tables.execute("Layout", [Operation(Kind.UPSERT, row)], within(1))
    await use_list(tables, LIST, Tag("GOOD"), Tag("NOT-17", denied=Places(site_ids=frozenset({"17"}))))
    authorizer = _authorizer(tables)

    assert await _decide(authorizer, "NOT-17") == (False, "on-failure-deny", Source.DEADLINE)
    assert await _decide(authorizer, "GOOD") == (True, "allowed", Source.LIVE)
    assert "ConfigurationError" in caplog.text


async def test_a_tag_of_a_list_that_was_just_switched_to_is_known_at_once(tables):
    """Also where the list before was seen a moment ago, or none was there."""
    await tables.drop_table("Tags")
    authorizer = _authorizer(tables)
    assert await _decide(authorizer, "SOMEBODY") == (False, "tag-unknown", Source.LIVE)
    await use_list(tables, LIST, Tag("FIRST"))
    assert await _decide(authorizer, "FIRST") == (True, "allowed", Source.LIVE)
    await use_list(tables, "Tags20261121130000000", Tag("SECOND"))

    assert await _decide(authorizer, "SECOND") == (True, "allowed", Source.LIVE)


async def test_a_list_that_is_gone_is_a_failure_and_no_unknown_tag(tables):
    """Somebody dropped its table; roaming partners must not be asked for every tag now."""
    await tables.drop_table(LIST)

    assert await _decide(_authorizer(tables), "GOOD") == (False, "on-failure-deny", Source.DEADLINE)


# ---- Failures ------------------------------------------------------------------------------------------------------


def _fail(_method, _table):
    raise StorageUnavailable("storage is gone")


def _refuse(_method, _table):
    raise StorageRefusesAccess("storage says no", status=403)


def _break(_method, _table):
    raise ZeroDivisionError("GOOD")


async def _hang(_method, _table):
    await asyncio.sleep(3)


ONLY_C1 = Places(charger_ids=frozenset({"C1"}))
SITE_17 = Places(site_ids=frozenset({"17"}))
ALLOWED_ON_FAILURE = (True, "on-failure-allow", Source.DEADLINE)


@pytest.mark.parametrize(
    ("tag", "refuses_unknown", "answer"),
    [
        (Tag("T"), False, (True, "allowed", Source.LIVE)),
        (Tag("T", is_blocked=True), False, (False, "tag-blocked", Source.LIVE)),
        (Tag("T", is_blocked=True, denied=SITE_17), False, (False, "tag-blocked", Source.LIVE)),
        (Tag("T", allowed=ONLY_C1), False, (True, "allowed", Source.LIVE)),
        (Tag("T", denied=ONLY_C1), False, (False, "place-denied", Source.LIVE)),
        (Tag("T", denied=SITE_17), False, ALLOWED_ON_FAILURE),
        (Tag("T", allowed=SITE_17), False, ALLOWED_ON_FAILURE),
        (Tag("T", is_blocked=True, allowed=SITE_17), True, (False, "tag-blocked", Source.LIVE)),
        (Tag("T"), True, ALLOWED_ON_FAILURE),
        (None, False, (False, "tag-unknown", Source.LIVE)),
    ],
)
async def test_while_only_the_charger_cannot_be_looked_up_the_other_rules_decide(tables, tag, refuses_unknown, answer):
    """A refusal that does not hang on the charger never becomes a yes by REALTIME_AUTH_ON_FAILURE=allow."""

    def fail(_method, table):
        if table == CHARGER_STATUS:
            raise StorageUnavailable("this table alone is gone")

    await use_list(tables, LIST, *([tag] if tag else []))
    tables.before = fail
    policy = {"on_failure": OnFailure.ALLOW, "refuses_unknown_chargers": refuses_unknown}

    assert await _decide(_authorizer(tables, **policy), "T") == answer


async def test_an_older_list_stands_in_while_storage_does_not_say_which_is_in_use(tables):
    """Marked as stale, because another one may have been switched to."""
    authorizer = _authorizer(tables, cache_seconds=0)
    await _decide(authorizer, "BAD")

    def fail(_method, table):
        if table == "Tags":
            raise StorageUnavailable("this table alone is gone")

    tables.before = fail

    assert await _decide(authorizer, "GOOD") == (True, "allowed", Source.STALE)


FAULTS = {"gone": _fail, "refusing": _refuse, "slow": _hang, "a fault of the app": _break}
ANSWERS = {
    OnFailure.DENY: (False, "on-failure-deny", Source.DEADLINE),
    OnFailure.ALLOW: (True, "on-failure-allow", Source.DEADLINE),
    OnFailure.ERROR: (False, "on-failure-error", Source.DEADLINE),
}


@pytest.mark.parametrize(("fault", "on_failure"), list(product(FAULTS, OnFailure)))
async def test_without_storage_and_memory_the_operators_choice_is_the_answer_in_time(tables, fault, on_failure, caplog):
    """For every kind of failure and every choice, at the deadline at the latest."""
    tables.before = FAULTS[fault]
    # A plain timer on the same loop, so that a machine that stands still for a moment holds up both.
    deadline = asyncio.create_task(_time_after(DEADLINE_SECONDS))

    assert await _decide(_authorizer(tables, on_failure=on_failure), "GOOD") == ANSWERS[on_failure]
    assert asyncio.get_running_loop().time() < await deadline + 0.05
    assert "GOOD" not in caplog.text


@pytest.mark.parametrize("fault", ["gone", "refusing", "slow"])
async def test_a_tag_that_is_remembered_is_answered_by_the_rules_while_storage_fails(tables, fault):
    """The last known data, not the last known answer."""
    authorizer = _authorizer(tables, cache_seconds=0)
    await _decide(authorizer, "GOOD")
    await _decide(authorizer, "BAD")
    tables.before = FAULTS[fault]

    assert await _decide(authorizer, "GOOD") == (True, "allowed", Source.STALE)
    assert await _decide(authorizer, "BAD") == (False, "tag-blocked", Source.STALE)
    assert await _decide(authorizer, "OTHER") == (False, "on-failure-deny", Source.DEADLINE)


async def test_nothing_stands_in_where_the_operator_wants_no_old_answers(tables):
    """REALTIME_AUTH_STALE_SECONDS=0."""
    authorizer = _authorizer(tables, cache_seconds=0, stale_seconds=0)
    await _decide(authorizer, "GOOD")
    tables.before = _fail

    assert await _decide(authorizer, "GOOD") == (False, "on-failure-deny", Source.DEADLINE)


async def test_a_deadline_answer_never_says_that_a_tag_is_unknown(tables):
    """Nobody knows that."""
    tables.before = _fail
    decided, tag = await _authorizer(tables).decide(AuthRequest(charger_id="C1", rfid_tag_id="GOOD"))

    assert (decided.decision.reason, tag) == (Reason.UNAUTHORIZED_RFID_TAG_ID, None)
