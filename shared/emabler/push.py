"""From one JSON value to one of our events. Total: whatever the value is, the answer is an event or `Unacceptable`."""

from collections.abc import Callable
from itertools import chain
from typing import Any

import orjson
from pydantic import ValidationError

from shared.emabler.bodies import Element, identity
from shared.emabler.measuring import measure
from shared.emabler.push_messages import (
    FIELDS,
    ITEM_FIELDS,
    VALIDATE,
    ChargerBootMessage,
    ChargerStateMessage,
    ChargingTransactionMessage,
    FullChargingTransactionMessage,
    MeasurementsMessage,
    PushMessage,
    classify,
    respell,
)
from shared.emabler.vocabulary import STATUSES
from shared.errors import Unacceptable
from shared.events import (
    ChargerBoot,
    ChargerState,
    Content,
    Event,
    EventType,
    FragmentKind,
    Novelty,
    NoveltyKind,
    SessionFragment,
)

MAX_SAMPLE_LENGTH = 200
MOST_ITEMS = 2_000
"""Measurements in one message, which has a dozen; more would hold up the taps that are answered by the same loop."""
_JSON_TYPES = {type(None): "null", bool: "boolean", int: "number", float: "number", str: "text", list: "array"}
_MAX_TYPE_FIELDS = 12


def read_event(element: Element) -> Event:
    """The event that a JSON value tells.

    Raises Unacceptable with the reason `not-an-object` for anything but an object, and `too-many-measurements`.

    A message without a readable charger id is of type Unknown, because nothing can be said of no charger; what could
    not be read, or was never seen before, is listed in `novelties`.
    """
    if not isinstance(element.value, dict):
        kind = _JSON_TYPES.get(type(element.value), "value")
        raise Unacceptable("not-an-object", f"the event is a JSON {kind}, not an object")
    if any(isinstance(field, list) and len(field) > MOST_ITEMS for field in element.value.values()):
        raise Unacceptable("too-many-measurements", f"a field of the event is a list of more than {MOST_ITEMS}")
    event_type, message, novelties = read_message(element.value)
    if not message.charger_id:
        if event_type is not EventType.UNKNOWN:
            novelties.append(Novelty(NoveltyKind.MISSING, f"{event_type}.chargerId", ""))
        event_type, content = EventType.UNKNOWN, None
    else:
        content = _CONTENT[event_type](message, novelties)
    if event_type is EventType.UNKNOWN:
        novelties.append(Novelty(NoveltyKind.TYPE, _shape(element.value), _text(element.value)))
    return Event(
        event_id=identity(element.value),
        event_type=event_type,
        raw=element.raw,
        charger_id=message.charger_id or "",
        socket_id=message.socket_id,
        received_at=getattr(message, "received_at", None),
        device_at=_device_time(message),
        site_id=message.site_id,
        external_site_id=message.external_site_id,
        content=content,
        novelties=tuple(novelties),
    )


def read_message(body: dict[str, Any]) -> tuple[EventType, PushMessage, list[Novelty]]:
    """A message's type, its fields, and what was new or unreadable among them."""
    if not FIELDS.issuperset(body):
        body = respell(body)
    if None in body.values():  # null says no more than a missing field, and must not decide about the type
        body = {name: value for name, value in body.items() if value is not None}
    event_type = classify(body)
    if event_type is EventType.MEASUREMENTS and not _are_spelled(body["measurements"]):
        body = body | {"measurements": [_respell_item(item) for item in body["measurements"]]}
    novelties: list[Novelty] = []
    message = _validate(event_type, body, novelties)
    if message.model_extra and event_type is not EventType.UNKNOWN:
        novelties.extend(_new_fields(event_type, message))
    return event_type, message, novelties


def _are_spelled(items: list[Any]) -> bool:
    """Whether all names in all items are in eMabler's spelling; one look at all of them, because there are many."""
    try:
        return ITEM_FIELDS.issuperset(chain.from_iterable(items))
    except TypeError:  # an item that is no object
        return False


def _respell_item(item: Any) -> Any:
    return respell(item) if isinstance(item, dict) else item


def _validate(event_type: EventType, body: dict[str, Any], novelties: list[Novelty]) -> PushMessage:
    """Read all fields at once; where some cannot be read, note them, leave them out, and read the rest."""
    validate = VALIDATE[event_type]
    try:
        return validate(body)
    except ValidationError as error:
        problems = error
    body = _copied(body)  # the element's own value is what the event is identified by
    while True:  # leaving one name of a field out lets the model find the next
        # From the end, so that the indexes before still hold.
        places = sorted({problem["loc"] for problem in problems.errors()}, reverse=True)
        novelties.extend(_unreadable(event_type, place, _drop(body, place)) for place in places)
        try:
            return validate(body)
        except ValidationError as error:
            problems = error


def _copied(body: dict[str, Any]) -> dict[str, Any]:
    """A copy of all that `_drop` may change, and no deeper: fields can be nested deeper than Python copies."""
    items = body.get("measurements")
    if not isinstance(items, list):
        return dict(body)
    return body | {"measurements": [dict(item) if isinstance(item, dict) else item for item in items]}


def _drop(body: Any, place: tuple[int | str, ...]) -> Any:
    container = body
    for step in place[:-1]:
        container = container[step]
    return container.pop(place[-1])


def _unreadable(event_type: EventType, place: tuple[int | str, ...], value: Any) -> Novelty:
    name = ".".join([event_type, *(step for step in place if isinstance(step, str))])
    return Novelty(NoveltyKind.UNREADABLE, name, _text(value))


def _new_fields(event_type: EventType, message: PushMessage) -> list[Novelty]:
    return [
        Novelty(NoveltyKind.FIELD, f"{event_type}.{name}"[:MAX_SAMPLE_LENGTH], _text(value))
        for name, value in (message.model_extra or {}).items()
        if name not in FIELDS
    ]


def _text(value: Any) -> str:
    try:
        return orjson.dumps(value).decode()[:MAX_SAMPLE_LENGTH]
    except TypeError:
        return "(nested too deep to show)"


def _shape(body: dict[str, Any]) -> str:
    """A name for a type we do not know: its field names, so that all messages of one kind meet in one row."""
    return ("{" + ",".join(sorted(body)[:_MAX_TYPE_FIELDS]) + "}")[:MAX_SAMPLE_LENGTH]


def _device_time(message: PushMessage) -> Any:
    if isinstance(message, FullChargingTransactionMessage):
        return message.ended_at if message.ended_at is not None else message.started_at
    if isinstance(message, MeasurementsMessage):
        return max([item.device_at for item in message.measurements if item.device_at is not None], default=None)
    return getattr(message, "device_at", None)


def _charger_state(message: ChargerStateMessage, novelties: list[Novelty]) -> ChargerState:
    status = message.status.strip() if message.status else None
    if status is not None:
        known = STATUSES.get(status.lower())
        if known is None:
            novelties.append(Novelty(NoveltyKind.STATUS, status[:MAX_SAMPLE_LENGTH], ""))
        status = known or status
    # V1 writes "No Error", OCPP and the later generations "NoError".
    error_code = message.error_code.replace(" ", "") if message.error_code else None
    return ChargerState(status or None, error_code, message.message)


def _charger_boot(message: ChargerBootMessage, _: list[Novelty]) -> ChargerBoot:
    return ChargerBoot(
        serial_number=None if message.serial_number == "NotSet" else message.serial_number,
        charger_model=message.charger_model,
        manufacturer=message.manufacturer,
        firmware_version=message.firmware_version,
        iccid=message.iccid,
        imsi=message.imsi,
        meter_serial_number=message.meter_serial_number,
        meter_type=message.meter_type,
    )


def _charging_transaction(message: ChargingTransactionMessage, novelties: list[Novelty]) -> SessionFragment | None:
    """A start or a stop; nothing for any other action, because guessing which would put it on somebody's bill."""
    kind = _ACTIONS.get((message.action or "").lower())
    if kind is None:
        novelties.append(Novelty(NoveltyKind.ACTION, (message.action or "(none)")[:MAX_SAMPLE_LENGTH], ""))
        return None
    is_stop = kind is FragmentKind.STOP
    happened_at = message.device_at if message.device_at is not None else message.received_at
    meter_wh = _whole(message.meter_read_wh)
    return SessionFragment(
        kind=kind,
        transaction_id=_transaction_id(message, EventType.CHARGING_TRANSACTION, novelties),
        started_at=None if is_stop else happened_at,
        ended_at=happened_at if is_stop else None,
        meter_start_wh=None if is_stop else meter_wh,
        meter_stop_wh=meter_wh if is_stop else None,
        id_tag=message.id_tag,
        socket_name=message.socket_name,
    )


def _full_transaction(message: FullChargingTransactionMessage, novelties: list[Novelty]) -> SessionFragment:
    return SessionFragment(
        kind=FragmentKind.FULL,
        transaction_id=_transaction_id(message, EventType.FULL_CHARGING_TRANSACTION, novelties),
        started_at=message.started_at,
        ended_at=message.ended_at,
        meter_start_wh=_whole(message.meter_start_wh),
        meter_stop_wh=_whole(message.meter_stop_wh),
        energy_wh=_whole(message.energy_wh),
        id_tag=message.id_tag,
        socket_name=message.socket_name,
    )


def _measurements(message: MeasurementsMessage, novelties: list[Novelty]) -> Content:
    novelties.extend(
        Novelty(NoveltyKind.FIELD, f"Measurements.measurements.{name}"[:MAX_SAMPLE_LENGTH], _text(value))
        for item in message.measurements
        for name, value in (item.model_extra or {}).items()
    )
    measured, found = measure(message.measurements, message.evse_transaction_id or message.transaction_id)
    novelties.extend(found)
    return measured


_ACTIONS = {"transaction_start": FragmentKind.START, "transaction_stop": FragmentKind.STOP}


def _transaction_id(message: Any, event_type: EventType, novelties: list[Novelty]) -> str | None:
    """EX has only `evseTransactionId` in its starts, so that one joins them with the rest; else `transactionId`."""
    found: str | None = message.evse_transaction_id or message.transaction_id
    if not found:
        novelties.append(Novelty(NoveltyKind.MISSING, f"{event_type}.transactionId", ""))
    return found or None


def _whole(wh: float | None) -> int | None:
    return None if wh is None else round(wh)


_CONTENT: dict[EventType, Callable[[Any, list[Novelty]], Content]] = {
    EventType.CHARGER_STATE: _charger_state,
    EventType.CHARGER_BOOT: _charger_boot,
    EventType.CHARGING_TRANSACTION: _charging_transaction,
    EventType.FULL_CHARGING_TRANSACTION: _full_transaction,
    EventType.MEASUREMENTS: _measurements,
    EventType.REAL_TIME_AUTH: lambda _message, _novelties: None,
    EventType.UNKNOWN: lambda _message, _novelties: None,
}
