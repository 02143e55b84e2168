"""What another list would have answered to the taps of the past. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

from ops.decision_log import GivenAnswer
from shared.authorization.decisions import Source
from shared.authorization.rules import Tap, decide
from shared.authorization.tags import Charger, Tag
from shared.instants import Instant

_OF_THE_CHARGER: Final = "charger-unknown"
_OF_NO_TAG: Final = "not-a-tag"
NO_LISTS_DOING: Final = frozenset({_OF_THE_CHARGER, _OF_NO_TAG})
"""Rules that no list of tags can change anything about."""


class Answer(NamedTuple):
    """An answer, and the rule that gave it."""

    is_allowed: bool
    rule: str


class Difference(NamedTuple):
    """A tag that would be answered otherwise: how it was and how it would be answered."""

    id_tag: str
    before: Answer
    after: Answer


@dataclass(slots=True)
class Occurrences:
    """How often a difference occurred, and where."""

    last_seen_at: Instant
    charger_ids: set[str]
    times: int = 0


class Shadow:
    """Takes answers that were given, and compares each with what a list would have said at that moment."""

    def __init__(self, tags: Mapping[str, Tag]) -> None:
        self._tags = tags
        self.differences: dict[Difference, Occurrences] = {}
        self.compared = 0
        self.not_compared = 0
        """Answers in which no list had a part: without the rules, because storage failed, or not about a tag."""

    def add(self, given: GivenAnswer, charger: Charger) -> None:
        """Compare one answer; the charger is as it is known today."""
        if given.source == Source.DEADLINE or given.rule in NO_LISTS_DOING:
            self.not_compared += 1
            return
        self.compared += 1
        decision = decide(Tap(self._tags.get(given.id_tag), charger, given.decided_at))
        if (decision.is_allowed, decision.reason) == (given.is_allowed, given.reason):
            return
        difference = Difference(
            given.id_tag, Answer(given.is_allowed, given.rule), Answer(decision.is_allowed, decision.rule)
        )
        seen = self.differences.setdefault(difference, Occurrences(given.decided_at, set()))
        seen.times += 1
        seen.last_seen_at = max(seen.last_seen_at, given.decided_at)
        seen.charger_ids.add(given.charger_id)
