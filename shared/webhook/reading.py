"""What was delivered to the webhook: eMabler may send everything to one URL, and nothing says what it is."""

from enum import Enum, auto
from typing import Any

from shared.emabler.bodies import elements
from shared.emabler.push_messages import classify, respell
from shared.errors import Unacceptable
from shared.events import EventType

_TAP_FIELDS = frozenset({"charger_id", "rfid_tag_id"})


class Kind(Enum):
    """What becomes of a body."""

    CHECK = auto()  # nothing is in it: eMabler looks whether the endpoint is there
    TAP = auto()  # a RealTimeAuth question, or something that was meant to be one
    EVENTS = auto()  # an event, or an array of them
    UNREADABLE = auto()  # no JSON, or JSON without events: kept in quarantine


def kind_of(body: bytes) -> Kind:
    """What a body is. Total: whatever it is, it is one of the four."""
    try:
        found = elements(body)
    except Unacceptable as error:
        return Kind.CHECK if error.reason == "empty-body" else Kind.UNREADABLE
    if len(found) > 1 or not isinstance(found[0].value, dict):
        return Kind.EVENTS
    return _kind_of_object(found[0].value)


def _kind_of_object(value: dict[str, Any]) -> Kind:
    if not value:
        return Kind.CHECK
    fields = respell(value)
    # An event may say `charger_id`, too; a tag without an event's fields is a question that came damaged.
    is_tap = classify(fields) in {EventType.REAL_TIME_AUTH, EventType.UNKNOWN} and not _TAP_FIELDS.isdisjoint(fields)
    return Kind.TAP if is_tap else Kind.EVENTS
