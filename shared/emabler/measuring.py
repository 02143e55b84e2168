"""One message's list of measured values, as columns in base units."""

import math
import re
from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

from shared.emabler.push_messages import MeasurementItem
from shared.emabler.vocabulary import DEFAULT_MEASURAND, MEASURANDS, UNITS, Unit, default_unit
from shared.events import Measurements, Novelty, NoveltyKind, Sample
from shared.instants import Instant

MAX_COLUMNS = 200
"""A table row has 252 columns of its own; real messages fill 10 to 20."""

_MAX_NAME_LENGTH = 100
_NEVER = Instant(0)
_VALUE_FIELD = "Measurements.measurements.value"


def measure(items: Iterable[MeasurementItem], transaction_id: str | None) -> tuple[Measurements, list[Novelty]]:
    """The values with their columns, and what was new among them.

    Of several values for one column the newest by device time is kept; all others are counted in `left_out` and stay
    in the raw body.
    """
    samples: dict[str, Sample] = {}
    novelties: dict[Novelty, None] = {}
    left_out = 0
    for item in items:
        column = _column(item.measurand, item.phase, item.unit)
        if column.novelties:
            novelties.update(dict.fromkeys(column.novelties))
        value = _in_base_unit(item.value, column)
        if value is None:
            novelties[Novelty(NoveltyKind.UNREADABLE, _VALUE_FIELD, _clip(item.value or ""))] = None
            left_out += 1
            continue
        name, measured_at = column.name, item.device_at
        older = samples.get(name)
        if older is None and len(samples) < MAX_COLUMNS:
            samples[name] = Sample(name, value, column.source_unit, measured_at)
            continue
        left_out += 1
        if older is not None and (measured_at or _NEVER) >= (older.measured_at or _NEVER):
            samples[name] = Sample(name, value, column.source_unit, measured_at)
    return Measurements(transaction_id, tuple(samples.values()), left_out), list(novelties)


class _Column(NamedTuple):
    """Where a kind of value goes: the column, the way to its base unit, and what is new about the kind."""

    name: str
    source_unit: str
    factor: float
    offset: float
    novelties: tuple[Novelty, ...]


@lru_cache(maxsize=4096)
def _column(measurand: str | None, phase: str | None, unit_name: str | None) -> _Column:
    """`energy_active_import_register_wh`, `voltage_l1_n_v`; what is not said is what OCPP says it is then."""
    measurand = measurand or DEFAULT_MEASURAND
    measurand = MEASURANDS.get(measurand.lower(), measurand)
    unit_name = unit_name or default_unit(measurand)
    unit = UNITS.get(unit_name.lower()) or Unit(unit_name)
    words = re.sub(r"[\W_]+", "_", f"{measurand} {phase or ''} {unit.base}".lower(), flags=re.ASCII).strip("_")
    is_known = measurand.lower() in MEASURANDS
    # A prefix keeps what chargers make up apart from the columns that are ours, and makes it a legal name.
    name = (words if is_known else f"m_{words}")[:_MAX_NAME_LENGTH]
    novelties = []
    if not is_known:
        novelties.append(Novelty(NoveltyKind.MEASURAND, _clip(measurand), _clip(unit_name)))
    if unit_name and unit_name.lower() not in UNITS:
        novelties.append(Novelty(NoveltyKind.UNIT, _clip(unit_name), _clip(measurand)))
    return _Column(name, unit_name, unit.factor, unit.offset, tuple(novelties))


def _in_base_unit(text: str | None, column: _Column) -> float | None:
    """A finite number from text, with a decimal point or a decimal comma; None for anything else."""
    if text is None:
        return None
    try:
        value = float(text.replace(",", ".") if "," in text else text)
    except ValueError:
        return None
    if column.factor != 1.0 or column.offset:
        # Nine digits behind the point hide that 1.001 kWh are 1000.9999999999999 Wh in binary.
        value = round(value * column.factor + column.offset, 9)
    return value if math.isfinite(value) else None


def _clip(text: str) -> str:
    return text[:_MAX_NAME_LENGTH]
