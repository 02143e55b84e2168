"""The documented messages, read from the fixtures, and variations of them."""

import json
from pathlib import Path
from typing import Any

import orjson

from shared.deadlines import Deadline
from shared.emabler.bodies import elements
from shared.emabler.push import read_event
from shared.events import Event
from shared.ingest.rows import Delivery
from shared.instants import Instant

FIXTURES = Path(__file__).parents[1] / "fixtures" / "messages"
GENERATIONS = ("v1", "ex", "mt")
TYPES = {
    "charger_state": "ChargerState",
    "charger_boot": "ChargerBoot",
    "charging_transaction": "ChargingTransaction",
    "full_charging_transaction": "FullChargingTransaction",
    "measurements": "Measurements",
}
DOCUMENTED = [
    (generation, name)
    for generation in GENERATIONS
    for name in TYPES
    if (FIXTURES / generation / f"{name}.json").is_file()
]

RECEIVED_AT = Instant.from_iso("2026-01-15T12:00:00.0000000Z")


def documented(generation: str, name: str, **changes: Any) -> dict[str, Any]:
    """A documented message; a change to None takes the field out."""
    message: dict[str, Any] = json.loads((FIXTURES / generation / f"{name}.json").read_text())
    return {field: value for field, value in (message | changes).items() if value is not None}


def body(message: Any) -> bytes:
    """A message as it is sent."""
    return orjson.dumps(message)


def event_of(message: Any) -> Event:
    """A message as our event."""
    (element,) = elements(body(message))
    return read_event(element)


def deliver(*messages: Any, transport: str = "servicebus") -> list[Delivery]:
    """Messages, or bodies, as a transport hands them over."""
    bodies = [message if isinstance(message, bytes) else body(message) for message in messages]
    return [Delivery(content, transport, RECEIVED_AT) for content in bodies]


def within(seconds: float) -> Deadline:
    """A deadline for one call."""
    return Deadline.after(seconds)
