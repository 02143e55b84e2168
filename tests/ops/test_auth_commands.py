"""`emabler auth ...`: why, what was answered, and what another list would have answered."""

import asyncio

import pytest

from shared.authorization.decisions import Decided, Source, decision_row
from shared.authorization.registry import TAGS
from shared.authorization.rules import RULES, Decision
from shared.emabler.realtime_auth import Reason
from shared.instants import TICKS_PER_SECOND, Instant
from shared.tables.keys import CHARGER_STATUS, charger_row_key, shard
from shared.tables.store import Kind, Operation
from tests.support.messages import within

SHARDS = 4
HOUR = 3600 * TICKS_PER_SECOND
YES = Decision(is_allowed=True, reason=None, rule="allowed")
NO = Decision(is_allowed=False, reason=Reason.UNKNOWN_RFID_TAG_ID, rule="tag-unknown")


@pytest.fixture
def chargers(operator):
    """Charger C1 at site S1 is known, and the tag A may charge there on weekdays."""
    key = {"PartitionKey": shard("C1", SHARDS), "RowKey": charger_row_key("C1")}
    row = {**key, "site_id": "S1", "last_occurred_at": Instant.now()}
    operator.writes(CHARGER_STATUS, Operation(Kind.INSERT, row))
    operator.imports("id_tag,allow_sites,hours,name", "A,S1,Mon-Fri 08:00-18:00,Ada", "B,,,")
    return operator


def _answered(operator, *given):
    """Keep answers: charger, tag, decision, hours ago, source."""

    async def write():
        for charger_id, id_tag, decision, hours_ago, *source in given:
            at = Instant(Instant.now() - int(hours_ago * HOUR))
            decided = Decided(charger_id, id_tag, decision, (*source, Source.LIVE)[0], at, 0.0015, "Tags2026")
            row = decision_row(decided, SHARDS)
            await operator.tables.create_table(row.table, within(1))
            await operator.tables.execute(row.table, [Operation(Kind.INSERT, row.row)], within(1))

    asyncio.run(write())


# ---- why -----------------------------------------------------------------------------------------------------------


def test_each_rule_is_shown_with_what_it_says(chargers):
    """Monday at noon, at the right site: allowed."""
    answer = chargers.asks("auth", "why", "a", "C1", "--at", "2026-11-16T12:00")

    assert (answer["allowed"], answer["reason"], answer["rule"]) == (True, None, "allowed")
    assert [(rule["rule"], rule["refuses"]) for rule in answer["rules"]] == [(rule.id, False) for rule in RULES]
    assert answer["charger"] == {"charger_id": "C1", "is_known": True, "site_ids": ["S1"]}
    assert (answer["tag"]["name"], answer["list"][:4]) == ("Ada", "Tags")


@pytest.mark.parametrize(
    ("words", "rule", "not_asked"),
    [
        (["A", "C1", "--at", "2026-11-16T19:00"], "outside-hours", 0),
        (["A", "C1", "--at", "2026-11-16T19:00", "--time-zone", "Asia/Tokyo"], None, 0),
        (["A", "C2", "--at", "2026-11-16T12:00"], "place-not-allowed", 1),
        (["X", "C1"], "tag-unknown", 6),
    ],
)
def test_the_rule_that_decides_is_named(chargers, words, rule, not_asked):
    """And the ones after it are not asked."""
    answer = chargers.asks("auth", "why", *words)

    assert [said["rule"] for said in answer["rules"] if said["refuses"]] == ([rule] if rule else [])
    assert sum(said["refuses"] is None for said in answer["rules"]) == not_asked


def test_unknown_chargers_are_refused_where_the_settings_say_so(chargers, monkeypatch):
    """As in the app."""
    monkeypatch.setenv("REALTIME_AUTH_UNKNOWN_CHARGER", "refuse")
    shown = chargers.types("auth", "why", "B", "C9").stdout

    assert "Answer: refused by charger-unknown, UNKNOWN_CHARGER_ID" in shown
    assert "C9, of which nothing was ever told" in shown


def test_another_count_of_shards_is_no_unknown_charger(chargers, monkeypatch):
    """It is an error that says what to set."""
    layout = {"PartitionKey": "layout", "RowKey": "layout", "event_shards": 8}
    chargers.writes("Layout", Operation(Kind.INSERT, layout))
    for words in (["why", "A", "C1"], ["log"], ["shadow", chargers.file("id_tag", "A"), "--days", "1"]):
        result = chargers.types("auth", *words)
        assert (result.exit_code, "EVENT_SHARDS" in result.stderr) == (3, True)

    monkeypatch.setenv("EVENT_SHARDS", "8")
    assert chargers.types("auth", "why", "A", "C1").exit_code == 0


@pytest.mark.parametrize(
    "words", [["why", "A", "C1", "--at", "soon"], ["log", "--since", "soon"], ["why", "A\x00", "C1"]]
)
def test_what_cannot_be_understood_is_told(operator, words):
    """As a problem of the input."""
    assert operator.types("auth", *words).exit_code == 1


# ---- log -----------------------------------------------------------------------------------------------------------


def test_answers_are_shown_newest_first(operator):
    """Over days and months, up to a limit, from when is asked for."""
    _answered(operator, *(("C1", f"T{hours}", YES, hours) for hours in (1, 30, 3, 24 * 40, 24 * 70)))

    assert [answer["id_tag"] for answer in operator.asks("auth", "log")["answers"]] == ["T1", "T3"]
    everything = operator.asks("auth", "log", "--since", "100d")["answers"]
    assert [answer["id_tag"] for answer in everything] == ["T1", "T3", "T30", f"T{24 * 40}", f"T{24 * 70}"]
    limited = operator.types("auth", "log", "--since", "100d", "--limit", "2").stdout
    assert "2 answers since" in limited
    assert "there may be more: --limit" in limited
    answer = {"charger_id": "C1", "id_tag": "T1", "allowed": True, "reason": None, "rule": "allowed"}
    origin = {"source": "live", "latency_ms": 1.5, "list_table": "Tags2026"}
    assert everything[0] == answer | origin | {"decided_at": everything[0]["decided_at"]}


def test_answers_of_one_tag_or_one_charger_are_found(operator):
    """In any partition."""
    _answered(operator, *((f"C{number}", f"T{number % 3}", YES if number % 2 else NO, 1) for number in range(12)))

    by_tag = operator.asks("auth", "log", "--tag", "t1")["answers"]
    assert sorted(answer["charger_id"] for answer in by_tag) == ["C1", "C10", "C4", "C7"]
    (by_charger,) = operator.asks("auth", "log", "--charger", "C1")["answers"]
    assert (by_charger["id_tag"], by_charger["allowed"]) == ("T1", True)
    assert operator.asks("auth", "log", "--charger", "C1", "--tag", "T2")["answers"] == []
    assert "refused UNKNOWN_RFID_TAG_ID" in operator.types("auth", "log").stdout


# ---- shadow --------------------------------------------------------------------------------------------------------


def test_a_shadow_shows_whose_answer_would_change(chargers):
    """And changes nothing itself."""
    _answered(
        chargers,
        ("C1", "B", YES, 1),
        ("C2", "B", YES, 2),
        ("C1", "NEW", NO, 3),
        ("C1", "STRANGER", NO, 4),
        ("C1", "B", YES, 5, Source.DEADLINE),
        ("C1", "B", YES, 24 * 9),
    )
    before = chargers.content()
    path = chargers.file("id_tag,blocked", "B,yes", "NEW,no")
    answer = chargers.asks("auth", "shadow", path, "--days", "7")

    assert [(d["id_tag"], d["from"], d["to"], d["times"], d["chargers"]) for d in answer["differences"]] == [
        ("B", {"allowed": True, "rule": "allowed"}, {"allowed": False, "rule": "tag-blocked"}, 2, ["C1", "C2"]),
        ("NEW", {"allowed": False, "rule": "tag-unknown"}, {"allowed": True, "rule": "allowed"}, 1, ["C1"]),
    ]
    assert (answer["compared"], answer["not_compared"]) == (4, 1)
    assert "refused (tag-blocked)" in chargers.types("auth", "shadow", path, "--days", "7").stdout
    assert chargers.content() == before


def test_a_shadow_of_a_whole_list_misses_the_tags_that_it_would_remove(chargers):
    """With --replace, as with the import."""
    _answered(chargers, ("C1", "B", YES, 1))
    path = chargers.file("id_tag", "A")

    assert chargers.asks("auth", "shadow", path, "--days", "1")["differences"] == []
    (difference,) = chargers.asks("auth", "shadow", path, "--days", "1", "--replace")["differences"]
    assert difference["to"] == {"allowed": False, "rule": "tag-unknown"}


def test_a_shadow_needs_a_file_without_problems(chargers):
    """As the import does."""
    assert chargers.types("auth", "shadow", chargers.file("id_tag,x", "A,1"), "--days", "1").exit_code == 1
    assert len(chargers.tables.rows(TAGS)) == 1
