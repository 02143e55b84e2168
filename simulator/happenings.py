"""What happens in a fleet, in no generation's words: chargers, what they do, and what they measure."""

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple


class Generation(StrEnum):
    """In which of eMabler's three dialects a charger's messages come (tests/fixtures/messages/README.md)."""

    V1 = "v1"
    EX = "ex"
    MT = "mt"


class Kind(StrEnum):
    """What happened, by the name of the message type that tells it; a start and a stop share one."""

    STATE = "ChargerState"
    BOOT = "ChargerBoot"
    START = "ChargingTransaction start"
    STOP = "ChargingTransaction stop"
    FULL = "FullChargingTransaction"
    MEASUREMENTS = "Measurements"

    @property
    def message_type(self) -> str:
        """The message type's name in eMabler's documents."""
        return self.value.split()[0]


class Current(StrEnum):
    """What a charger feeds into a car."""

    SINGLE_PHASE = "AC, one phase"
    THREE_PHASE = "AC, three phases"
    DIRECT = "DC"


@dataclass(frozen=True, slots=True)
class Charger:
    """One charger as it was built and set up; nothing of it changes."""

    charger_id: str
    generation: Generation
    socket_ids: tuple[int, ...]
    """As found in the wild: 1, 2; 101, 102; or seven-digit serial numbers of connectors."""
    current: Current
    power_w: int
    site_id: str
    external_site_id: str | None
    serial_number: str
    model: str
    firmware_version: str
    sim_card: tuple[str, str] | None
    """ICCID and IMSI, where there is a SIM card."""
    meter_serial_number: str | None
    writes_kilo: bool
    """Whether it reports kWh and kW; else Wh and W."""
    names_watt_hours: bool
    """Whether it writes the unit Wh; it is OCPP's default, so some do not."""
    time_digits: int
    """Fractional digits of its clock, 1 to 7."""
    clock_error_ticks: int
    """How far its clock is ahead of the platform's; 0 for nearly all."""
    utc_offset_hours: int
    """V1 has been seen to write the end of a session in local time."""

    @property
    def tells_device_time(self) -> bool:
        """V1 messages have one clock only, the platform's."""
        return self.generation is not Generation.V1


class Reading(NamedTuple):
    """One measured value: as the charger writes it, and what it means in the base unit (Wh, W, A, V, Percent)."""

    measurand: str
    phase: str | None
    text: str
    unit: str | None
    base_value: float
    base_unit: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """One thing that happened at a charger and that one message tells. Times are ticks (simulator.moments)."""

    kind: Kind
    charger: Charger
    socket_id: int | None = None
    received_at: int
    """By the platform's clock."""
    device_at: int | None = None
    """By the charger's own clock; None where the message does not tell it."""
    status: str | None = None
    error_code: str | None = None
    message: str | None = None
    transaction_id: int | None = None
    id_tag: str | None = None
    started_at: int | None = None
    ended_at: int | None = None
    meter_start_wh: int | None = None
    meter_end_wh: int | None = None
    readings: tuple[Reading, ...] = ()
