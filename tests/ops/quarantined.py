"""Entries of quarantine, as ingest and polling leave them."""

from dataclasses import replace

from shared.errors import Unacceptable
from shared.ingest.quarantine import QuarantineChange
from shared.tables.store import Kind, Operation
from tests.support.messages import body, deliver, documented

EVENT = body(documented("mt", "charger_state"))
OTHER = body(documented("mt", "charging_transaction"))
NO_JSON = b'{"chargerId": "C1" \xff\x1b[31m'
REASON = "not-understood-KeyError"
"""Of what an earlier version of the app could not read, and this one can."""


def change(raw=EVENT, *, reason=REASON, transport="servicebus", received_at=None):
    """What goes to quarantine."""
    (delivery,) = deliver(raw, transport=transport)
    if received_at is not None:
        delivery = replace(delivery, received_at=received_at)
    return QuarantineChange.of_body(raw, Unacceptable(reason, "the test says so"), delivery)


def set_aside(operator, *changes):
    """Write entries; returns their keys."""
    operator.writes("Quarantine", *(Operation(Kind.INSERT, one.merged(None)) for one in changes))
    return [f"{one.partition_key}/{one.row_key}" for one in changes]


def without_quarantine(content):
    """What is stored of events, and nothing of when storage was asked."""
    return {table: rows for table, rows in content.items() if table != "Quarantine"}
