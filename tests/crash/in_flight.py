"""What a killed worker leaves behind: the messages it held, and how far each of them had come, as storage shows it."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Self

from azure.data.tables import TableServiceClient
from azure.servicebus import ServiceBusReceivedMessage

from shared.emabler.bodies import elements
from shared.emabler.push import read_event
from shared.errors import Unacceptable
from shared.events import EventType

_LOCKED_UNTIL = b"x-opt-locked-until"
_MERGED_VISIBLY = {EventType.MEASUREMENTS, EventType.CHARGING_TRANSACTION, EventType.FULL_CHARGING_TRANSACTION}
"""Of these each event has its own trace in a projection; of states only the newest has."""


class Left(StrEnum):
    """How far a message had come that was taken from the queue, and not completed."""

    NOT_ARCHIVED = "not archived"
    NOT_MERGED = "archived, not merged"
    NOT_COMPLETED = "stored, not completed"


@dataclass(frozen=True, slots=True)
class Traces:
    """Which events storage knows: those of the archive, and those that a projection has taken in."""

    archived: frozenset[str]
    merged: frozenset[str]

    @classmethod
    def read(cls, connection_string: str) -> Self:
        """Look into the tables, with azure-data-tables."""
        archived: set[str] = set()
        merged: set[str] = set()
        with TableServiceClient.from_connection_string(connection_string) as service:
            for table in (found.name for found in service.list_tables()):
                if table.startswith(("PushEvents", "Measurements")):
                    keys = service.get_table_client(table).list_entities(select=["RowKey"])
                    ids = {row["RowKey"].rpartition("!")[2] for row in keys}
                    (archived if table.startswith("PushEvents") else merged).update(ids)
                if table == "Transactions":
                    for row in service.get_table_client(table).list_entities(select=["fragments"]):
                        merged.update(fragment["event_id"] for fragment in json.loads(row["fragments"]))
        return cls(frozenset(archived), frozenset(merged))

    def left(self, event_id: str) -> Left:
        """How far an event had come."""
        if event_id not in self.archived:
            return Left.NOT_ARCHIVED
        return Left.NOT_COMPLETED if event_id in self.merged else Left.NOT_MERGED


def held_since(messages: Iterable[ServiceBusReceivedMessage], moment: datetime, lock_seconds: float) -> list[bytes]:
    """The bodies of the messages that were locked after a moment, and are so still."""
    first_end = moment.timestamp() + lock_seconds
    return [b"".join(message.body) for message in messages if (_locked_until(message) or 0.0) >= first_end]


def is_any_held(messages: Iterable[ServiceBusReceivedMessage]) -> bool:
    """Whether anybody, dead or alive, still has the lock of one of the messages."""
    return any(_locked_until(message) is not None for message in messages)


def _locked_until(message: ServiceBusReceivedMessage) -> float | None:
    """Seconds since 1970; None of a message that nobody holds. The stand-in tells it to who peeks, too."""
    ends_at = (message.raw_amqp_message.annotations or {}).get(_LOCKED_UNTIL)
    return None if ends_at is None else ends_at / 1000


def visible_events(bodies: Iterable[bytes]) -> dict[bytes, str]:
    """The event of each body that tells exactly one, of a type of which every event can be found in a projection.

    Without bodies whose event comes again in another one: storage cannot tell whose trace it shows.
    """
    events: dict[bytes, str] = {}
    times: Counter[str] = Counter()
    for body in bodies:
        try:
            told = [read_event(element) for element in elements(body)]
        except Unacceptable:
            continue
        times.update(event.event_id for event in told)
        if len(told) == 1 and told[0].event_type in _MERGED_VISIBLY:
            events[body] = told[0].event_id
    return {body: event_id for body, event_id in events.items() if times[event_id] == 1}


def phases_hit(held: Iterable[bytes], events: Mapping[bytes, str], before: Traces, now: Traces) -> Counter[Left]:
    """Of the messages that a killed worker held: how many it had brought how far.

    Not counted are those that a worker before it had brought as far already, and then held without completing them.
    """
    ids = [events[body] for body in held if body in events]
    return Counter(
        left
        for event_id in ids
        if (left := now.left(event_id)) is Left.NOT_ARCHIVED or left is not before.left(event_id)
    )
