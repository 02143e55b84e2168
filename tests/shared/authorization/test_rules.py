"""The rules: against the table in the docs, against an oracle, and what must never turn a no into a yes."""

import re
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import chain, combinations, product
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.authorization.hours import WeeklyHours
from shared.authorization.rules import RULES, Tap, decide, decide_without_charger, explain
from shared.authorization.tags import NOWHERE, Charger, Places, Tag
from shared.instants import TICKS_PER_SECOND, Instant

DOCS = Path(__file__).parents[3] / "docs" / "authorization.md"
NOW = Instant.from_iso("2026-11-20T12:00:00.0000000Z")  # a Friday
HOUR = 3600 * TICKS_PER_SECOND
CHARGER = Charger("C1", is_known=True, site_ids=frozenset({"17"}))

# ---- The table in the docs -----------------------------------------------------------------------------------------

CHARGERS = {
    "unknown, refused": [(Charger("C1", is_known=False), True)],
    "known or ignored": [(CHARGER, True), (CHARGER, False), (Charger("C1", is_known=False), False)],
}
BLOCKED = {"yes": [True], "no": [False]}
VALIDITY = {
    "later": [(Instant(NOW + 1), None), (Instant(NOW + 1), Instant(NOW - 1))],
    "ended": [(None, NOW), (Instant(NOW - HOUR), Instant(NOW - 1))],
    "now": [(None, None), (NOW, Instant(NOW + 1)), (Instant(NOW - HOUR), None)],
}
HERE, ELSEWHERE = Places(charger_ids=frozenset({"C1"})), Places(charger_ids=frozenset({"C2"}), prefixes=("D",))
PLACES = {
    "denied": [(NOWHERE, HERE), (ELSEWHERE, HERE), (NOWHERE, Places(prefixes=("C",)))],
    "denied and allowed": [(HERE, HERE), (HERE, Places(prefixes=("C",)))],
    "elsewhere allowed": [(ELSEWHERE, NOWHERE), (Places(site_ids=frozenset({"18"})), ELSEWHERE)],
    "allowed or unrestricted": [(HERE, NOWHERE), (NOWHERE, NOWHERE), (HERE, ELSEWHERE), (NOWHERE, ELSEWHERE)],
}
HOURS = {
    "outside": [WeeklyHours.parse("Mon-Thu 00:00-24:00; Fri 00:00-12:00", "UTC")],
    "inside or none": [WeeklyHours.parse("Fri 12:00-12:01", "UTC"), None],
}


def _rows():
    table = DOCS.read_text().partition("### The decision table")[2].partition("\n## ")[0]
    lines = [line for line in table.splitlines() if line.startswith("|")][2:]
    return [[re.sub("`", "", cell.strip()) for cell in line.strip("|").split("|")] for line in lines]


def _values(cell, column):
    """What a cell stands for; `any` is everything that the column has."""
    chosen = column.values() if cell == "any" else [column[cell]]
    return [value for group in chosen for value in group]


def _cases(row):
    charger, tag, blocked, validity, place, hours = row[:6]
    for (asking, refuses), is_blocked, (valid_from, valid_until), (allowed, denied), open_hours, is_known in product(
        _values(charger, CHARGERS),
        _values(blocked, BLOCKED),
        _values(validity, VALIDITY),
        _values(place, PLACES),
        _values(hours, HOURS),
        {"known": [True], "unknown": [False], "any": [True, False]}[tag],
    ):
        made = Tag("T", None, is_blocked, valid_from, valid_until, allowed, denied, open_hours)
        yield Tap(made if is_known else None, asking, NOW, refuses)


@pytest.mark.parametrize("row", _rows(), ids=lambda row: row[-1])
def test_every_row_of_the_table_in_the_docs_holds(row):
    """For all values that its cells stand for."""
    cases = list(_cases(row))
    answer, rule = row[6:]

    assert cases
    for tap in cases:
        decision = decide(tap)
        assert (decision.reason or "yes", decision.rule) == (answer, rule), tap
        assert decision.is_allowed is (answer == "yes")


def test_the_table_in_the_docs_is_whole():
    """Every combination of values is in exactly one of its rows, and every rule has a row."""
    in_rows = Counter(tap for row in _rows() for tap in {repr(tap) for tap in _cases(row)})

    assert in_rows.keys() == {repr(tap) for tap in _cases(["any"] * 6)}
    assert set(in_rows.values()) == {1}
    assert {row[-1] for row in _rows()} == {rule.id for rule in RULES} | {"allowed"}


def test_chargers_of_which_nothing_was_told_are_ignored_unless_somebody_refuses_them():
    """It is a setting, and not what happens to an operator whose push is new."""
    assert decide(Tap(Tag("T"), Charger("C1", is_known=False), NOW)).is_allowed


def test_every_rule_asks_a_question():
    """A sentence for the operator who wants to know why a tap was refused."""
    assert [rule.id for rule in RULES if not re.fullmatch(r"[A-Z][^?]*[a-z]\?", rule.question)] == []


# ---- An oracle -----------------------------------------------------------------------------------------------------


def oracle(tap, open_weekdays):
    """The issue's sentence again, in the plainest words; hours are whole weekdays in UTC here."""
    tag, charger = tap.tag, tap.charger

    def names(places):
        by_prefix = any(charger.charger_id[: len(prefix)] == prefix for prefix in places.prefixes)
        return charger.charger_id in places.charger_ids or bool(places.site_ids & charger.site_ids) or by_prefix

    if tap.refuses_unknown_chargers and not charger.is_known:
        return "UNKNOWN_CHARGER_ID"
    if tag is None:
        return "UNKNOWN_RFID_TAG_ID"
    if tag.is_blocked or (tag.valid_from is not None and tap.at < tag.valid_from):
        return "UNAUTHORIZED_RFID_TAG_ID"
    if tag.valid_until is not None and tap.at >= tag.valid_until:
        return "EXPIRED_RFID_TAG_ID"
    if names(tag.denied) or ((tag.allowed != NOWHERE) and not names(tag.allowed)):
        return "UNAUTHORIZED_RFID_TAG_ID"
    weekday = (datetime(1, 1, 1, tzinfo=UTC) + timedelta(microseconds=tap.at // 10)).weekday()
    return "UNAUTHORIZED_RFID_TAG_ID" if tag.hours is not None and weekday not in open_weekdays else None


DAY_NAMES = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
CHARGER_IDS = ("C1", "C2", "CX", "D1", "c1")
SITES = ("17", "18")


def _some(random, values):
    return random.sample(values, random.randint(0, 2))


def _places(random):
    if random.random() < 0.4:
        return NOWHERE
    prefixes = tuple(_some(random, ("C", "D", "C1")))
    return Places(frozenset(_some(random, CHARGER_IDS)), frozenset(_some(random, SITES)), prefixes)


def _moment(random):
    return Instant(NOW + random.choice([random.randint(-2, 2), random.randint(0, 14 * 24) * HOUR]))


def _tap(random):
    """A tap, and the weekdays on which its tag's hours are open."""
    weekdays = _some(random, range(7)) or [random.randrange(7)]
    windows = "; ".join(f"{DAY_NAMES[day]} 00:00-24:00" for day in weekdays)
    tag = Tag(
        "T",
        is_blocked=random.random() < 0.1,
        valid_from=random.choice([None, _moment(random)]),
        valid_until=random.choice([None, _moment(random)]),
        allowed=_places(random),
        denied=_places(random),
        hours=random.choice([None, WeeklyHours.parse(windows, "UTC")]),
    )
    charger = Charger(random.choice(CHARGER_IDS), random.random() < 0.5, frozenset(_some(random, SITES)))
    is_known = random.random() < 0.9
    return Tap(tag if is_known else None, charger, _moment(random), random.random() < 0.5), weekdays


def test_twenty_thousand_taps_are_decided_as_by_the_oracle():
    """The reason, or the yes; and among so many taps every rule fires."""
    random = Random(20260101)
    fired = Counter()
    for _ in range(20_000):
        tap, weekdays = _tap(random)
        decision = decide(tap)
        fired[decision.rule] += 1

        assert decision.reason == oracle(tap, weekdays), tap
        assert decision.is_allowed is (decision.reason is None)
    assert fired.keys() == {rule.id for rule in RULES} | {"allowed"}
    assert min(fired.values()) > 100


taps = st.randoms().map(_tap)
places = st.randoms().map(_places)


@given(taps, places)
def test_a_block_a_deny_or_an_earlier_end_never_makes_a_yes_of_a_no(case, more_denied):
    """Restrictions only restrict."""
    tap, _ = case
    if tap.tag is None or decide(tap).is_allowed:
        return
    tag = tap.tag
    denied = Places(
        tag.denied.charger_ids | more_denied.charger_ids,
        tag.denied.site_ids | more_denied.site_ids,
        tag.denied.prefixes + more_denied.prefixes,
    )
    stricter = [
        replace(tag, is_blocked=True),
        replace(tag, denied=denied),
        replace(tag, valid_until=min(tag.valid_until or tap.at, tap.at)),
    ]

    assert not any(decide(replace(tap, tag=each)).is_allowed for each in stricter)


@given(taps)
def test_an_explanation_names_the_rule_that_decided(case):
    """Rules before it did not refuse, rules after it were not asked."""
    tap, _ = case
    verdicts = explain(tap)
    fired = [verdict.rule.id for verdict in verdicts if verdict.refuses]

    assert [verdict.rule for verdict in verdicts] == list(RULES)
    assert fired == ([] if decide(tap).is_allowed else [decide(tap).rule])
    asked = [verdict.refuses for verdict in verdicts if verdict.refuses is not None]
    assert asked == [False] * (len(asked) - len(fired)) + [True] * len(fired)
    assert all(verdict.refuses is None for verdict in verdicts[len(asked) :])


@given(st.integers(-3, 3))
def test_the_end_of_validity_is_exact(ticks):
    """Valid up to but not including the moment itself, to 100 ns."""
    tag = Tag("T", valid_from=NOW, valid_until=Instant(NOW + 1))

    assert decide(Tap(tag, CHARGER, Instant(NOW + ticks))).is_allowed is (ticks == 0)


# ---- While the charger cannot be looked up -------------------------------------------------------------------------


def _chargers_called(charger_id):
    """Everything that storage could have known of it."""
    site_sets = chain.from_iterable(combinations(SITES, count) for count in range(len(SITES) + 1))
    for is_known, site_ids in product((True, False), site_sets):
        yield Charger(charger_id, is_known, frozenset(site_ids))


def _with_nothing_known(tap):
    return replace(tap, charger=Charger(tap.charger.charger_id, is_known=False))


def test_an_answer_without_the_charger_is_the_answer_with_it():
    """Whatever storage would have said of the charger; and the rule that is named refuses the tap at any such charger.

    No answer means that the charger makes the difference, but for a tag whose allowed sites are all denied: that it can
    charge nowhere is not looked for.
    """
    random = Random(20260102)
    answered = Counter()
    for _ in range(10_000):
        tap, _ = _tap(random)
        possible = [replace(tap, charger=charger) for charger in _chargers_called(tap.charger.charger_id)]
        decided = [decide(each) for each in possible]
        decision = decide_without_charger(_with_nothing_known(tap))
        answered[decision.rule if decision is not None else None] += 1

        if decision is not None:
            assert [each.is_allowed for each in decided] == [decision.is_allowed] * len(decided), tap
            (named,) = [rule for rule in RULES if rule.id == decision.rule] or [None]
            assert decision.reason == (named.reason if named is not None else None)
            assert named is None or all(named.refuses(each) for each in possible), tap
        else:
            assert not all(each.is_allowed for each in decided), tap
            is_allowed_somewhere = any(each.is_allowed for each in decided)
            assert is_allowed_somewhere or tap.tag.allowed.site_ids <= tap.tag.denied.site_ids, tap
    assert answered.keys() == {rule.id for rule in RULES} - {"charger-unknown"} | {"allowed", None}
    assert min(answered.values()) > 50
