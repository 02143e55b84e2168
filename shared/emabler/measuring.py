"""One message's list of measured values, as columns in base units."""

import re
from collections.abc import Iterable
from functools import lru_cache

from shared.emabler.push_messages import MeasurementItem
from shared.emabler.vocabulary import DEFAULT_MEASURAND, MEASURANDS, UNITS, Unit, default_unit
from shared.events import Measurements, Novelty, NoveltyKind, Sample
from shared.instants import Instant

MAX_COLUMNS = 200
"""A table row has 252 columns of its own; real messages fill 10 to 20."""

_MAX_NAME_LENGTH = 100


def measure(items: Iterable[MeasurementItem], transaction_id: str | None) -> tuple[Measurements, list[Novelty]]:
    """The values with their columns, and what was new among them.

    Of several values for one column the newest by device time is kept; all others are counted in `left_out` and stay
    in the raw body.
    """
    samples: dict[str, Sample] = {}
    novelties: dict[tuple[NoveltyKind, str], Novelty] = {}
    left_out = 0
    for item in items:
        measurand = item.measurand or DEFAULT_MEASURAND
        unit_name = item.unit if item.unit is not None else default_unit(measurand)
        column, unit = _column(measurand, item.phase or "", unit_name)
        for novelty in _novelties(measurand, unit_name):
            novelties.setdefault((novelty.kind, novelty.name), novelty)
        value = _number(item.value)
        if value is None:
            novelty = Novelty(NoveltyKind.UNREADABLE, "Measurements.measurements.value", _clip(item.value or ""))
            novelties.setdefault((novelty.kind, novelty.name), novelty)
        sample = None if value is None else Sample(column, value * unit.factor + unit.offset, unit_name, item.device_at)
        older = samples.get(column)
        if (
            sample is None
            or (older is None and len(samples) >= MAX_COLUMNS)
            or (older and not _is_newer(sample, older))
        ):
            left_out += 1
            continue
        left_out += older is not None
        samples[column] = sample
    return Measurements(transaction_id, tuple(samples.values()), left_out), list(novelties.values())


@lru_cache(maxsize=4096)
def _column(measurand: str, phase: str, unit_name: str) -> tuple[str, Unit]:
    """`energy_active_import_register_wh`, `voltage_l1_n_v`, and the way to the base unit."""
    unit = UNITS.get(unit_name.lower())
    if unit is None:
        unit = Unit(unit_name)
    words = re.sub(r"[\W_]+", "_", f"{measurand} {phase} {unit.base}".lower(), flags=re.ASCII).strip("_")
    return ("m_" + words if words[:1].isdigit() else words)[:_MAX_NAME_LENGTH], unit


@lru_cache(maxsize=4096)
def _novelties(measurand: str, unit_name: str) -> tuple[Novelty, ...]:
    found = []
    if measurand not in MEASURANDS:
        found.append(Novelty(NoveltyKind.MEASURAND, _clip(measurand), _clip(unit_name)))
    if unit_name and unit_name.lower() not in UNITS:
        found.append(Novelty(NoveltyKind.UNIT, _clip(unit_name), _clip(measurand)))
    return tuple(found)


def _is_newer(sample: Sample, other: Sample) -> bool:
    return (sample.measured_at or Instant(0)) >= (other.measured_at or Instant(0))


def _number(text: str | None) -> float | None:
    """A finite number from text, with a decimal point or a decimal comma; None for anything else."""
    if text is None:
        return None
    try:
        value = float(text.replace(",", ".") if "," in text else text)
    except ValueError:
        return None
    return value if value - value == 0 else None  # neither infinite nor NaN


def _clip(text: str) -> str:
    return text[:_MAX_NAME_LENGTH]
