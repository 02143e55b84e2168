"""Rows without a history: an event in the archive, a message's measurements. Pure functions of the event."""

from collections.abc import Mapping
from dataclasses import dataclass

import orjson

from shared.events import ChargerBoot, ChargerState, Event, Measurements, SessionFragment
from shared.instants import Instant
from shared.tables.bodies import LARGE_BODIES, StoredBody, store_body
from shared.tables.keys import day_partition, event_row_key, measurement_row_key, month_table
from shared.tables.store import EdmValue, Int64, Row

PUSH_EVENTS = "PushEvents"
MEASUREMENTS = "Measurements"

TRANSPORT_PROPERTY = "transport"
"""The application property by which a message on the queue tells that the webhook put it there."""

_MAX_PROPERTIES_LENGTH = 8000
_MAX_UNITS_LENGTH = 16_000
"""Half the UTF-16 units of a text column; no unit that means anything has more than a few characters."""


@dataclass(frozen=True, slots=True)
class KafkaPosition:
    """Where in Kafka a message is. No part of an event's identity: the same event may be in many places."""

    topic: str
    partition: int
    offset: int


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message as a transport brought it: its body, the properties the sender attached, and when it reached us.

    `position` is where Kafka has it, None for what came otherwise.
    """

    body: bytes
    transport: str
    received_at: Instant
    properties: Mapping[str, str] | None = None
    position: KafkaPosition | None = None


def archive_table(event: Event) -> str:
    """The month table of the event's own time, so that a repeat meets its original whenever it comes."""
    return month_table(PUSH_EVENTS, event.occurred_at)


def archive_row(event: Event, delivery: Delivery, shards: int) -> tuple[Row, StoredBody]:
    """The event's row in `PushEvents`, and its body should that need rows of its own.

    `first_received_at`, `transport` and `properties` are those of the first delivery, because rows of the archive are
    only ever inserted.
    """
    body = store_body(event.raw, month_table(LARGE_BODIES, event.occurred_at))
    row: dict[str, EdmValue] = {
        "PartitionKey": day_partition(event.occurred_at, event.charger_id, shards),
        "RowKey": event_row_key(event.charger_id, event.occurred_at, event.event_id),
        "event_id": event.event_id,
        "type": str(event.event_type),
        "charger_id": event.charger_id,
        "socket_id": event.socket_id,
        "site_id": event.site_id,
        "external_site_id": event.external_site_id,
        "occurred_at": event.occurred_at,
        "clock": str(event.clock),
        "received_at": event.received_at,
        "device_at": event.device_at,
        "first_received_at": delivery.received_at,
        "transport": delivery.transport,
        "properties": _properties(delivery),
    }
    return row | _content_columns(event) | body.columns, body


def _properties(delivery: Delivery) -> str | None:
    """The sender's application properties as JSON; over 8,000 characters they are left out whole."""
    if not delivery.properties:
        return None
    written = orjson.dumps(dict(delivery.properties), option=orjson.OPT_SORT_KEYS).decode()
    return written if len(written) <= _MAX_PROPERTIES_LENGTH else None


def _content_columns(event: Event) -> dict[str, EdmValue]:
    content = event.content
    if isinstance(content, ChargerState):
        return {"status": content.status, "error_code": content.error_code, "message": content.message}
    if isinstance(content, SessionFragment):
        return {
            "fragment": str(content.kind),
            "transaction_id": content.transaction_id,
            "id_tag": content.id_tag,
            "started_at": content.started_at,
            "ended_at": content.ended_at,
            "meter_start_wh": _int64(content.meter_start_wh),
            "meter_stop_wh": _int64(content.meter_stop_wh),
            "energy_wh": _int64(content.energy_wh),
        }
    if isinstance(content, Measurements):
        return {"transaction_id": content.transaction_id}
    if isinstance(content, ChargerBoot):
        return {"charger_model": content.charger_model, "firmware_version": content.firmware_version}
    return {}


def measurement_table(event: Event) -> str:
    """The month table beside the event's archive table."""
    return month_table(MEASUREMENTS, event.occurred_at)


def measurement_row(event: Event, shards: int) -> Row | None:
    """One wide row for a message's values, a column for each measurand and phase in its base unit; None for others.

    `source_units` holds, as JSON, the units that the charger sent, for the columns where they were not the base unit.
    """
    content = event.content
    if not isinstance(content, Measurements):
        return None
    row: dict[str, EdmValue] = {
        "PartitionKey": day_partition(event.occurred_at, event.charger_id, shards),
        "RowKey": measurement_row_key(event.charger_id, content.transaction_id, event.occurred_at, event.event_id),
        "event_id": event.event_id,
        "charger_id": event.charger_id,
        "socket_id": event.socket_id,
        "transaction_id": content.transaction_id,
        "site_id": event.site_id,
        "external_site_id": event.external_site_id,
        "received_at": event.received_at,
        "measured_at": event.device_at,
        "left_out": content.left_out or None,
    }
    converted: dict[str, str] = {}
    for sample in content.samples:
        row.setdefault(sample.column, sample.value)
        if not sample.column.endswith(sample.source_unit.lower()):
            converted[sample.column] = sample.source_unit
    if converted:
        written = orjson.dumps(converted, option=orjson.OPT_SORT_KEYS).decode()
        row["source_units"] = written if len(written) <= _MAX_UNITS_LENGTH else None
    return row


def _int64(wh: int | None) -> Int64 | None:
    return None if wh is None else Int64(wh)
