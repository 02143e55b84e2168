"""Happenings as eMabler's messages: three generations of names for the same facts.

The shapes are those of the documents kept in tests/fixtures/messages; fields without a value are left out, as eMabler
does. There is neither an envelope nor a type in a message.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any

import orjson

from simulator.happenings import Generation, Happening, Kind
from simulator.moments import write_time


class Oddity(Enum):
    """Why a message tells no happening."""

    NOT_JSON = "not JSON"
    UNKNOWN_TYPE = "unknown type"


@dataclass(frozen=True, slots=True)
class Message:
    """One message: the body that is sent, and what it tells."""

    body: bytes
    meaning: Happening | Oddity


def write(happening: Happening) -> Message:
    """The message that tells a happening, in the words of its charger's generation."""
    fields = _WRITERS[happening.kind](happening)
    return Message(orjson.dumps({name: value for name, value in fields.items() if value is not None}), happening)


def _state(happening: Happening) -> dict[str, Any]:
    error_code = happening.error_code
    if happening.charger.generation is Generation.V1 and error_code == "NoError":
        error_code = "No Error"
    return {
        **_place(happening),
        **_receipt(happening),
        "deviceTimeStamp": _time(happening.device_at),
        "status": happening.status,
        "errorCode": error_code,
        "message": happening.message,
    }


def _boot(happening: Happening) -> dict[str, Any]:
    charger = happening.charger
    iccid, imsi = charger.sim_card or (None, None)
    return {
        "chargerId": charger.charger_id,
        **_receipt(happening),
        "serialNumber": charger.serial_number,
        "chargerModel": charger.model,
        "manufacturer": "eMabler",
        "firmwareVersion": charger.firmware_version,
        "iccid": iccid,
        "imsi": imsi,
        "meterSerialNumber": charger.meter_serial_number,
        "meterType": "S0 Meter",
    }


def _start(happening: Happening) -> dict[str, Any]:
    return _transaction(happening, "transaction_start", happening.meter_start_wh)


def _stop(happening: Happening) -> dict[str, Any]:
    return _transaction(happening, "transaction_stop", happening.meter_end_wh)


def _transaction(happening: Happening, action: str, meter_wh: int | None) -> dict[str, Any]:
    generation = happening.charger.generation
    return {
        **_place(happening),
        "socketName": None if generation is Generation.V1 else str(happening.socket_id),
        **_receipt(happening),
        "deviceTimeStamp": _time(happening.device_at),
        "action": action,
        **_transaction_ids(happening),
        "authorizedIdTag": happening.id_tag,
        "meterRead": meter_wh,
    }


def _transaction_ids(happening: Happening) -> dict[str, Any]:
    """V1 has a number; EX has only the charger's own text here; MT has a text under V1's name."""
    match happening.charger.generation:
        case Generation.V1:
            return {"transactionId": happening.transaction_id}
        case Generation.EX:
            return {"evseTransactionId": str(happening.transaction_id)}
        case Generation.MT:
            return {"transactionId": str(happening.transaction_id)}


def _full(happening: Happening) -> dict[str, Any]:
    return {
        **_place(happening),
        **_full_times(happening),
        **_full_transaction_ids(happening),
        "authorizedIdTag": happening.id_tag,
        "meterReadStart": happening.meter_start_wh,
        "meterReadEnd": happening.meter_end_wh,
        "consumptionWh": (happening.meter_end_wh or 0) - (happening.meter_start_wh or 0),
        "action": None if happening.charger.generation is Generation.V1 else "transaction_stop",
    }


def _full_times(happening: Happening) -> dict[str, Any]:
    """V1 does not say when it was received; EX does under a name of its own."""
    charger = happening.charger
    if charger.generation is Generation.V1:
        return {
            "timeStampStart": _time(happening.started_at),
            "timeStampEnd": _time(happening.ended_at, charger.utc_offset_hours),
        }
    is_ex = charger.generation is Generation.EX
    return {
        **({"eventReceivedTimestamp": _time(happening.received_at)} if is_ex else _receipt(happening)),
        "deviceTimeStampStart": _time(happening.started_at),
        "deviceTimeStampEnd": _time(happening.ended_at),
    }


def _full_transaction_ids(happening: Happening) -> dict[str, Any]:
    if happening.charger.generation is Generation.EX:
        return {"transactionId": happening.transaction_id, "evseTransactionId": str(happening.transaction_id)}
    return _transaction_ids(happening)


def _measurements(happening: Happening) -> dict[str, Any]:
    told_by_charger = {} if happening.device_at is None else {"deviceTimeStamp": _time(happening.device_at)}
    is_v1 = happening.charger.generation is Generation.V1
    return {
        **_place(happening),
        **_receipt(happening),
        "transactionId": None if is_v1 else str(happening.transaction_id),
        "measurements": [
            told_by_charger
            | {"value": reading.text, "typeOfMeasurement": reading.measurand}
            | ({} if reading.phase is None else {"phase": reading.phase})
            | ({} if reading.unit is None else {"unit": reading.unit})
            for reading in happening.readings
        ],
    }


def _place(happening: Happening) -> dict[str, Any]:
    return {"chargerId": happening.charger.charger_id, "socketId": happening.socket_id}


def _receipt(happening: Happening) -> dict[str, Any]:
    """When the platform received it; MT also says of which site."""
    if happening.charger.generation is not Generation.MT:
        return {"timeStamp": _time(happening.received_at)}
    return {
        "receivedTimestamp": _time(happening.received_at),
        "siteId": happening.charger.site_id,
        "externalSiteId": happening.charger.external_site_id,
    }


def _time(moment: int | None, utc_offset_hours: int = 0) -> str | None:
    return None if moment is None else write_time(moment, utc_offset_hours)


_WRITERS: dict[Kind, Callable[[Happening], dict[str, Any]]] = {
    Kind.STATE: _state,
    Kind.BOOT: _boot,
    Kind.START: _start,
    Kind.STOP: _stop,
    Kind.FULL: _full,
    Kind.MEASUREMENTS: _measurements,
}
