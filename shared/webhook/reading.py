"""What was delivered to the webhook: eMabler may send everything to one URL, and nothing says what it is."""

from enum import Enum, auto
from typing import Any

import orjson

from shared.emabler.push_messages import classify, respell
from shared.events import EventType

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class Kind(Enum):
    """What becomes of a body."""

    CHECK = auto()  # nothing is in it: eMabler looks whether the endpoint is there
    TAP = auto()  # a RealTimeAuth question, or something that was meant to be one
    EVENTS = auto()  # an event, or an array of them
    DOUBTFUL = auto()  # anything else: kept like an event, and answered so that it cannot be taken for a yes


def kind_of(body: bytes) -> Kind:
    """What a body is. Total: whatever it is, it is one of the four.

    Only looks: how exactly a body is to be read, also one that this finds doubtful, is ingest's business.
    """
    text = body.removeprefix(_BYTE_ORDER_MARK).strip()
    if not text:
        return Kind.CHECK
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        return Kind.DOUBTFUL
    if isinstance(value, dict):
        return _kind_of_object(value)
    return Kind.EVENTS if isinstance(value, list) and value else Kind.DOUBTFUL


def _kind_of_object(value: dict[str, Any]) -> Kind:
    if not value:
        return Kind.CHECK
    fields = {name: told for name, told in respell(value).items() if told is not None}
    event_type = classify(fields)
    if event_type is EventType.REAL_TIME_AUTH or (event_type is EventType.UNKNOWN and "rfid_tag_id" in respell(value)):
        return Kind.TAP
    # Only questions say `charger_id` by now; an event of a new type may, and must not be lost for that.
    return Kind.DOUBTFUL if event_type is EventType.UNKNOWN and "charger_id" in value else Kind.EVENTS
