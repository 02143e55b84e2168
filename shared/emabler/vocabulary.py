"""The words eMabler uses for states, errors, measurands and units, and what we make of each.

Sources: eMabler's Push API examples and "Charger socket states"; OCPP 1.6, sections 7.6 to 7.8 and 7.31 to 7.45.
"""

from typing import NamedTuple

STATUSES = {
    status.lower(): status
    for status in (
        "Available",
        "Preparing",
        "Charging",
        "SuspendedCAR",
        "SuspendedCHARGER",
        "Finishing",
        "Reserved",
        "Booting",
        "Error",
        "Offline",
        "Online",
        "Unavailable",
        "Unknown",
        "Info",
    )
} | {
    # OCPP's own words, should a charger-specific message let them through.
    "suspendedev": "SuspendedCAR",
    "suspendedevse": "SuspendedCHARGER",
    "faulted": "Error",
    "occupied": "Occupied",
}
"""Known states by their lower-cased word, in eMabler's push spelling (its REST API writes `SuspendedCharger`)."""

MEASURANDS = {
    measurand.lower(): measurand
    for measurand in (
        "Current.Export",
        "Current.Import",
        "Current.Offered",
        "Energy.Active.Export.Register",
        "Energy.Active.Import.Register",
        "Energy.Reactive.Export.Register",
        "Energy.Reactive.Import.Register",
        "Energy.Active.Export.Interval",
        "Energy.Active.Import.Interval",
        "Energy.Reactive.Export.Interval",
        "Energy.Reactive.Import.Interval",
        "Energy.Active.Net",
        "Energy.Reactive.Net",
        "Energy.Apparent.Net",
        "Energy.Apparent.Import",
        "Energy.Apparent.Export",
        "Frequency",
        "Power.Active.Export",
        "Power.Active.Import",
        "Power.Factor",
        "Power.Offered",
        "Power.Reactive.Export",
        "Power.Reactive.Import",
        "RPM",
        "SoC",
        "Temperature",
        "Voltage",
    )
}
"""OCPP's measurands by their lower-cased name."""

DEFAULT_MEASURAND = "Energy.Active.Import.Register"


class Unit(NamedTuple):
    """A unit's base unit, as columns write it, and how to get there: value * factor + offset."""

    base: str
    factor: float = 1.0
    offset: float = 0.0


UNITS = {
    "wh": Unit("wh"),
    "kwh": Unit("wh", 1000.0),
    "varh": Unit("varh"),
    "kvarh": Unit("varh", 1000.0),
    "vah": Unit("vah"),
    "kvah": Unit("vah", 1000.0),
    "w": Unit("w"),
    "kw": Unit("w", 1000.0),
    "va": Unit("va"),
    "kva": Unit("va", 1000.0),
    "var": Unit("var"),
    "kvar": Unit("var", 1000.0),
    "a": Unit("a"),
    "v": Unit("v"),
    "celsius": Unit("celsius"),
    "celcius": Unit("celsius"),  # the misspelling of early OCPP schemas
    "k": Unit("celsius", 1.0, -273.15),
    "fahrenheit": Unit("celsius", 5.0 / 9.0, -160.0 / 9.0),
    "percent": Unit("percent"),
    "%": Unit("percent"),
    "hz": Unit("hz"),
    "hertz": Unit("hz"),
    "rpm": Unit("rpm"),
}
"""Units by their lower-cased name. Energy comes in Wh or kWh depending on the charger: convert, never assume."""


def default_unit(measurand: str) -> str:
    """The unit of a value that came without one. OCPP's default is Wh; for what is no energy, its usual unit."""
    for beginning, unit in _DEFAULT_UNITS:
        if measurand.startswith(beginning):
            return unit
    return "Wh"


_DEFAULT_UNITS = (
    ("Energy.Reactive", "varh"),
    ("Energy.Apparent", "VAh"),
    ("Current", "A"),
    ("Voltage", "V"),
    ("Power.Reactive", "var"),
    ("Power.Factor", ""),
    ("Power", "W"),
    ("SoC", "Percent"),
    ("Temperature", "Celsius"),
    ("Frequency", "Hz"),
    ("RPM", "rpm"),
)
