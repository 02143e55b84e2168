"""Replaying answers against another list."""

import pytest

from ops.decision_log import GivenAnswer
from ops.shadow import Answer, Difference, Shadow
from shared.authorization.hours import WeeklyHours
from shared.authorization.tags import Charger, Places, Tag
from shared.instants import Instant

MONDAY_NOON = Instant.from_iso("2026-11-16T12:00:00.0000000Z")
MONDAY_NIGHT = Instant.from_iso("2026-11-16T23:00:00.0000000Z")
CHARGER = Charger("C1", is_known=True, site_ids=frozenset({"S1"}))

UNKNOWN = {"is_allowed": False, "reason": "UNKNOWN_RFID_TAG_ID", "rule": "tag-unknown"}


def _given(id_tag, at=MONDAY_NOON, source="live", *, is_allowed=True, reason=None, rule="allowed"):
    return GivenAnswer(at, "C1", id_tag, is_allowed, reason, rule, source, 1.0, "Tags20261101000000000")


def _shadow(*tags):
    return Shadow({tag.id_tag: tag for tag in tags})


def test_the_same_answers_are_no_difference():
    """A yes that stays a yes, a no that stays one for the same reason."""
    shadow = _shadow(Tag("A"))
    shadow.add(_given("A"), CHARGER)
    shadow.add(_given("B", **UNKNOWN), CHARGER)

    assert (shadow.compared, shadow.not_compared, shadow.differences) == (2, 0, {})


def test_a_difference_counts_its_occurrences():
    """With where and when it was seen last."""
    shadow = _shadow(Tag("A", is_blocked=True))
    for at, charger_id in ((MONDAY_NIGHT, "C2"), (MONDAY_NOON, "C1"), (MONDAY_NOON, "C1")):
        shadow.add(_given("A", at)._replace(charger_id=charger_id), CHARGER)

    ((difference, seen),) = shadow.differences.items()
    assert difference == Difference(
        "A", Answer(is_allowed=True, rule="allowed"), Answer(is_allowed=False, rule="tag-blocked")
    )
    assert (seen.times, seen.last_seen_at, seen.charger_ids) == (3, MONDAY_NIGHT, {"C1", "C2"})


@pytest.mark.parametrize(
    ("tag", "at", "rule"),
    [
        (Tag("A", hours=WeeklyHours.parse("Mon 08:00-18:00", "UTC")), MONDAY_NOON, None),
        (Tag("A", hours=WeeklyHours.parse("Mon 08:00-18:00", "UTC")), MONDAY_NIGHT, "outside-hours"),
        (Tag("A", denied=Places(site_ids=frozenset({"S1"}))), MONDAY_NOON, "place-denied"),
        (Tag("A", valid_until=MONDAY_NIGHT), MONDAY_NOON, None),
        (Tag("A", valid_until=MONDAY_NIGHT), MONDAY_NIGHT, "expired"),
    ],
)
def test_the_rules_are_asked_for_the_moment_and_the_place_of_the_tap(tag, at, rule):
    """Not for now."""
    shadow = _shadow(tag)
    shadow.add(_given("A", at), CHARGER)

    assert [difference.after.rule for difference in shadow.differences] == ([rule] if rule else [])


@pytest.mark.parametrize(
    "given",
    [
        _given("A", source="deadline", is_allowed=False, rule="on-failure-deny"),
        _given("A\x00", is_allowed=False, reason="UNAUTHORIZED_RFID_TAG_ID", rule="not-a-tag"),
        _given("A", is_allowed=False, reason="UNKNOWN_CHARGER_ID", rule="charger-unknown"),
    ],
)
def test_what_no_list_decided_is_not_compared(given):
    """It is counted instead."""
    shadow = _shadow(Tag("A"))
    shadow.add(given, CHARGER)

    assert (shadow.compared, shadow.not_compared, shadow.differences) == (0, 1, {})
