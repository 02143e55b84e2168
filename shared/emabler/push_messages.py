"""The Push API's messages as they come over the wire: one model for each type, for all three generations at once.

Sources, with the short names used here: V1 is eMabler's "Push API examples" (2022), EX its API v2 "Message examples"
(2025), MT its API v2 "Message types" (2025, newer: renamed receive times, sites). A message carries neither an envelope
nor a type; `classify` tells them apart by shape.

Fields are read leniently: numbers come as strings and strings as numbers, and any field may be missing.
"""

from collections.abc import Callable
from typing import Annotated, Any, Final

from pydantic import AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter

from shared.emabler.times import read_instant
from shared.events import EventType
from shared.instants import Instant


def _instant(value: object) -> Instant | None:
    if value is None:
        return None
    if isinstance(value, str):
        return read_instant(value) if value else None
    raise ValueError("a time is text")


Time = Annotated[Any, BeforeValidator(_instant)]
"""An `Instant` or None; typed `Any`, because the validator has already made sure of it."""

ReceiveTime = Annotated[
    Time, Field(validation_alias=AliasChoices("receivedTimestamp", "timeStamp", "eventReceivedTimestamp"))
]
"""When the platform received it: MT's name first, then that of V1 and EX, then EX's for full transactions."""


def _number(value: object) -> object:
    if isinstance(value, bool):
        raise ValueError("a number is no boolean")  # noqa: TRY004  # pydantic reports ValueErrors
    return value.replace(",", ".") if isinstance(value, str) else value


Number = Annotated[float, Field(allow_inf_nan=False, gt=-(2.0**62), lt=2.0**62), BeforeValidator(_number)]
"""A meter read or energy in Wh, as a number or a text, with a point or a comma; what passes an Int64 is not read."""

MAX_TEXT_LENGTH = 4000
"""Characters of one field; a longer one is not read, but is in the raw body."""


class PushMessage(BaseModel):
    """What every type has. Fields that we do not know are kept in `model_extra`; RealTimeAuth writes `charger_id`."""

    model_config = ConfigDict(extra="allow", coerce_numbers_to_str=True, str_max_length=MAX_TEXT_LENGTH)

    charger_id: str | None = Field(None, validation_alias=AliasChoices("chargerId", "charger_id"))
    socket_id: str | None = Field(None, validation_alias="socketId")
    site_id: str | None = Field(None, validation_alias="siteId")
    external_site_id: str | None = Field(None, validation_alias="externalSiteId")


class ChargerStateMessage(PushMessage):
    """ChargerState: sent for every StatusNotification "or a similar message" (MT)."""

    received_at: ReceiveTime = None
    device_at: Time = Field(None, validation_alias="deviceTimeStamp")
    status: str | None = None
    error_code: str | None = Field(None, validation_alias="errorCode")
    message: str | None = None


class ChargerBootMessage(PushMessage):
    """ChargerBoot: no device time; `serialNumber` may be the literal "NotSet"."""

    received_at: ReceiveTime = None
    serial_number: str | None = Field(None, validation_alias="serialNumber")
    charger_model: str | None = Field(None, validation_alias="chargerModel")
    manufacturer: str | None = None
    firmware_version: str | None = Field(None, validation_alias="firmwareVersion")
    iccid: str | None = None
    imsi: str | None = None
    meter_serial_number: str | None = Field(None, validation_alias="meterSerialNumber")
    meter_type: str | None = Field(None, validation_alias="meterType")


class TransactionMessage(PushMessage):
    """What both transaction types share. EX's ChargingTransaction has no `transactionId`, only `evseTransactionId`."""

    received_at: ReceiveTime = None
    action: str | None = None
    transaction_id: str | None = Field(None, validation_alias="transactionId")
    evse_transaction_id: str | None = Field(None, validation_alias="evseTransactionId")
    id_tag: str | None = Field(None, validation_alias="authorizedIdTag")
    socket_name: str | None = Field(None, validation_alias="socketName")


class ChargingTransactionMessage(TransactionMessage):
    """ChargingTransaction: a start, and in V1 also a stop. `meterRead` is in Wh."""

    device_at: Time = Field(None, validation_alias="deviceTimeStamp")
    meter_read_wh: Number | None = Field(None, validation_alias="meterRead")


class FullChargingTransactionMessage(TransactionMessage):
    """FullChargingTransaction: the whole session, after its end. Meter reads and consumption are in Wh."""

    started_at: Time = Field(None, validation_alias=AliasChoices("deviceTimeStampStart", "timeStampStart"))
    ended_at: Time = Field(None, validation_alias=AliasChoices("deviceTimeStampEnd", "timeStampEnd"))
    meter_start_wh: Number | None = Field(None, validation_alias="meterReadStart")
    meter_stop_wh: Number | None = Field(None, validation_alias="meterReadEnd")
    energy_wh: Number | None = Field(None, validation_alias="consumptionWh")


class MeasurementItem(BaseModel):
    """One value. `value` is text, and may be no number at all (OCPP's SignedData)."""

    model_config = ConfigDict(extra="allow", coerce_numbers_to_str=True, str_max_length=MAX_TEXT_LENGTH)

    device_at: Time = Field(None, validation_alias="deviceTimeStamp")
    value: str | None = None
    measurand: str | None = Field(None, validation_alias="typeOfMeasurement")
    phase: str | None = None
    unit: str | None = None


class MeasurementsMessage(PushMessage):
    """Measurements: a list of values, each in MT and EX with its own device time."""

    received_at: ReceiveTime = None
    transaction_id: str | None = Field(None, validation_alias="transactionId")
    evse_transaction_id: str | None = Field(None, validation_alias="evseTransactionId")
    measurements: list[MeasurementItem]


class UnknownMessage(PushMessage):
    """Anything else: only what all types share is looked for."""

    received_at: ReceiveTime = None
    device_at: Time = Field(None, validation_alias="deviceTimeStamp")


MODELS: Final[dict[EventType, type[PushMessage]]] = {
    EventType.CHARGER_STATE: ChargerStateMessage,
    EventType.CHARGER_BOOT: ChargerBootMessage,
    EventType.CHARGING_TRANSACTION: ChargingTransactionMessage,
    EventType.FULL_CHARGING_TRANSACTION: FullChargingTransactionMessage,
    EventType.MEASUREMENTS: MeasurementsMessage,
    EventType.REAL_TIME_AUTH: UnknownMessage,
    EventType.UNKNOWN: UnknownMessage,
}

# The models' own validators: `model_validate` around them costs a tenth of the whole reading of a state.
VALIDATE: Final[dict[EventType, Callable[[dict[str, Any]], PushMessage]]] = {
    event_type: TypeAdapter(model).validator.validate_python for event_type, model in MODELS.items()
}


def _wire_names(*models: type[BaseModel]) -> frozenset[str]:
    names: set[str] = set()
    for model in models:
        for name, info in model.model_fields.items():
            alias = info.validation_alias
            names.update(map(str, alias.choices) if isinstance(alias, AliasChoices) else [str(alias or name)])
    return frozenset(names)


ITEM_FIELDS = _wire_names(MeasurementItem)
FIELDS = _wire_names(*MODELS.values()) | {"rfid_tag_id"}
"""Every field name of every type and generation, in eMabler's spelling."""

_SPELLING = {name.lower(): name for name in FIELDS | ITEM_FIELDS}
_FULL_MARKS = frozenset({"consumptionWh", "meterReadEnd", "deviceTimeStampEnd", "timeStampEnd"})
_BOOT_MARKS = frozenset({"chargerModel", "firmwareVersion", "serialNumber", "manufacturer"})
_TRANSACTION_ACTIONS = ("transaction_start", "transaction_stop")


def respell(body: dict[str, Any]) -> dict[str, Any]:
    """The same object with every known field name in eMabler's spelling, whatever its case; unknown names stay.

    A field that is there in the right spelling wins over one that is not.
    """
    spelled = {_SPELLING.get(name.lower(), name): value for name, value in body.items()}
    spelled.update((name, body[name]) for name in body.keys() & _SPELLING.values())
    return spelled


def classify(body: dict[str, Any]) -> EventType:  # noqa: PLR0911  # a list of rules, each with its answer
    """The type of a message by its shape; expects the spelling of `respell`, and no field that is null.

    The order matters: a FullChargingTransaction also carries `action: transaction_stop`, and measurements carry
    whatever else the vendor adds.
    """
    if "charger_id" in body and "rfid_tag_id" in body:
        return EventType.REAL_TIME_AUTH
    if isinstance(body.get("measurements"), list):
        return EventType.MEASUREMENTS
    fields = body.keys()
    if not _FULL_MARKS.isdisjoint(fields):
        return EventType.FULL_CHARGING_TRANSACTION
    if "meterRead" in body or ("action" in body and str(body["action"]).lower() in _TRANSACTION_ACTIONS):
        return EventType.CHARGING_TRANSACTION
    if "status" in body:
        return EventType.CHARGER_STATE
    if not _BOOT_MARKS.isdisjoint(fields):
        return EventType.CHARGER_BOOT
    return EventType.UNKNOWN
