"""The rules, in their order: the first that refuses decides, and where none refuses, charging is allowed.

Pure: everything a rule looks at is in the `Tap`. docs/authorization.md has the same as a table for operators.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from shared.authorization.tags import Charger, Tag
from shared.emabler.realtime_auth import Reason
from shared.instants import Instant

ALLOWED: Final = "allowed"
"""The id of the rule that fires where none refuses."""


@dataclass(frozen=True, slots=True)
class Tap:
    """A tag held to a charger at a moment. `tag` is None where the registry does not have it."""

    tag: Tag | None
    charger: Charger
    at: Instant
    refuses_unknown_chargers: bool = False


class Decision(NamedTuple):
    """The answer, eMabler's word for a refusal, and the id of the rule that fired."""

    is_allowed: bool
    reason: Reason | None
    rule: str


class Rule(NamedTuple):
    """`refuses` is asked only where no rule before it refused; `question` says for people what it asks.

    `hangs_on_charger` says whether what is known of the charger can make a difference to it.
    """

    id: str
    question: str
    reason: Reason
    refuses: Callable[[Tap], bool]
    hangs_on_charger: Callable[[Tap], bool] = lambda _: False


class Verdict(NamedTuple):
    """What a rule said of a tap: that it refuses, that it does not, or None where an earlier one had decided."""

    rule: Rule
    refuses: bool | None


def _of_tag(refuses: Callable[[Tag, Tap], bool]) -> Callable[[Tap], bool]:
    """A rule about a tag that is known, which the rule `tag-unknown` has made sure of."""
    return lambda tap: tap.tag is not None and refuses(tap.tag, tap)


RULES: Final[Sequence[Rule]] = (
    Rule(
        "charger-unknown",
        "Is the charger one that nothing was ever told of, and are such chargers refused?",
        Reason.UNKNOWN_CHARGER_ID,
        lambda tap: tap.refuses_unknown_chargers and not tap.charger.is_known,
        hangs_on_charger=lambda tap: tap.refuses_unknown_chargers,
    ),
    Rule(
        "tag-unknown",
        "Is the tag missing from the registry?",
        Reason.UNKNOWN_RFID_TAG_ID,
        lambda tap: tap.tag is None,
    ),
    Rule(
        "tag-blocked",
        "Is the tag blocked?",
        Reason.UNAUTHORIZED_RFID_TAG_ID,
        _of_tag(lambda tag, _: tag.is_blocked),
    ),
    Rule(
        "not-yet-valid",
        "Does the tag become valid later?",
        Reason.UNAUTHORIZED_RFID_TAG_ID,
        _of_tag(lambda tag, tap: tag.valid_from is not None and tap.at < tag.valid_from),
    ),
    Rule(
        "expired",
        "Has the tag's validity ended?",
        Reason.EXPIRED_RFID_TAG_ID,
        _of_tag(lambda tag, tap: tag.valid_until is not None and tap.at >= tag.valid_until),
    ),
    Rule(
        "place-denied",
        "Is this charger, its site or its prefix denied to the tag?",
        Reason.UNAUTHORIZED_RFID_TAG_ID,
        _of_tag(lambda tag, tap: tag.denied.include(tap.charger)),
        hangs_on_charger=_of_tag(lambda tag, tap: bool(tag.denied.site_ids) and not tag.denied.include(tap.charger)),
    ),
    Rule(
        "place-not-allowed",
        "Is the tag allowed at some places, and this is none of them?",
        Reason.UNAUTHORIZED_RFID_TAG_ID,
        _of_tag(lambda tag, tap: bool(tag.allowed) and not tag.allowed.include(tap.charger)),
        hangs_on_charger=_of_tag(lambda tag, tap: bool(tag.allowed.site_ids) and not tag.allowed.include(tap.charger)),
    ),
    Rule(
        "outside-hours",
        "Has the tag weekly hours, and now is none of them?",
        Reason.UNAUTHORIZED_RFID_TAG_ID,
        _of_tag(lambda tag, tap: tag.hours is not None and not tag.hours.include(tap.at)),
    ),
)


def decide(tap: Tap) -> Decision:
    """The decision of the first rule that refuses, else that charging is allowed."""
    for rule in RULES:
        if rule.refuses(tap):
            return Decision(is_allowed=False, reason=rule.reason, rule=rule.id)
    return Decision(is_allowed=True, reason=None, rule=ALLOWED)


def decide_without_charger(tap: Tap) -> Decision | None:
    """The decision while nothing is known of the tap's charger but its id; None where it hangs on more than that."""
    is_open = False
    for rule in RULES:
        if rule.hangs_on_charger(tap):
            is_open = True
        elif rule.refuses(tap):
            return Decision(is_allowed=False, reason=rule.reason, rule=rule.id)
    return None if is_open else Decision(is_allowed=True, reason=None, rule=ALLOWED)


def explain(tap: Tap) -> list[Verdict]:
    """What each rule says of the tap, in their order, for somebody who asks why."""
    verdicts: list[Verdict] = []
    for rule in RULES:
        is_decided = any(verdict.refuses for verdict in verdicts)
        verdicts.append(Verdict(rule, None if is_decided else rule.refuses(tap)))
    return verdicts
