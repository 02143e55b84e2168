"""Our own events: what a charger did, whichever generation, transport or field name it was told in.

Names are snake_case with their unit, ids are text, times are `Instant`s (UTC, 100 ns). Everything an event says but its
charger is optional: eMabler promises no field, and leaves fields out (see docs/tables.md for what becomes of each).
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from shared.instants import Instant


class EventType(StrEnum):
    """The message types of eMabler's Push API, under its own names."""

    CHARGER_STATE = "ChargerState"
    CHARGER_BOOT = "ChargerBoot"
    CHARGING_TRANSACTION = "ChargingTransaction"
    FULL_CHARGING_TRANSACTION = "FullChargingTransaction"
    MEASUREMENTS = "Measurements"
    REAL_TIME_AUTH = "RealTimeAuth"
    """An authorization request; answered over HTTP, so here it is kept and nothing else."""
    UNKNOWN = "Unknown"


class Clock(StrEnum):
    """Whose clock an event's time is from. The platform's is trusted; a charger's can be hours or years off."""

    PLATFORM = "platform"
    DEVICE = "device"
    NONE = "none"


class Precedence(NamedTuple):
    """Which of two events is newer: a total order that depends on nothing but the events.

    Platform times come after device times whatever they say, so that one charger with its clock in 2080 cannot freeze a
    row for ever; equal times are decided by the event ids.
    """

    by_platform_clock: bool
    occurred_at: Instant
    event_id: str


class FragmentKind(StrEnum):
    """Which part of a session a fragment tells about; `POLL` is all of it, as eMabler's REST API has it."""

    START = "start"
    STOP = "stop"
    FULL = "full"
    POLL = "poll"


class NoveltyKind(StrEnum):
    """What can be new in the vendor's messages."""

    FIELD = "field"
    TYPE = "type"
    STATUS = "status"
    MEASURAND = "measurand"
    UNIT = "unit"
    UNREADABLE = "unreadable"
    ACTION = "action"
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class Novelty:
    """Something in a message that we did not expect: kept, counted and shown to the operator, never an error.

    `name` says what it is (`ChargerState.fanSpeed`), `sample` the value it came with, as text.
    """

    kind: NoveltyKind
    name: str
    sample: str


@dataclass(frozen=True, slots=True)
class ChargerState:
    """What a socket does now. `status` is in eMabler's spelling; `Info` is a report, never a state."""

    status: str | None = None
    error_code: str | None = None
    message: str | None = None

    @property
    def is_state(self) -> bool:
        """Whether this replaces the state before it: `Info` does not, nor does a message without a status."""
        return self.status is not None and self.status != "Info"


@dataclass(frozen=True, slots=True)
class ChargerBoot:
    """What a charger said about itself when it started. `iccid` and `imsi` name its SIM card: never logged."""

    serial_number: str | None = None
    charger_model: str | None = None
    manufacturer: str | None = None
    firmware_version: str | None = None
    iccid: str | None = None
    imsi: str | None = None
    meter_serial_number: str | None = None
    meter_type: str | None = None


@dataclass(frozen=True, slots=True)
class SessionFragment:
    """What one message tells about a charging session; any of a session's fragments may come first, late or never.

    Times are the session's own, from the charger's clock where the message has it. Meter reads and energy are whole Wh.
    """

    kind: FragmentKind
    transaction_id: str | None = None
    started_at: Instant | None = None
    ended_at: Instant | None = None
    meter_start_wh: int | None = None
    meter_stop_wh: int | None = None
    energy_wh: int | None = None
    id_tag: str | None = None
    socket_name: str | None = None


class Sample(NamedTuple):
    """One measured value in its base unit, under the name of its column (`voltage_l1_n_v`)."""

    column: str
    value: float
    source_unit: str
    measured_at: Instant | None


@dataclass(frozen=True, slots=True)
class Measurements:
    """The values of one message, in base units (Wh, W, A, V and so on), at most one for each column.

    `left_out` counts values without a column here: no number (signed data), or older than another of their column.
    """

    transaction_id: str | None = None
    samples: tuple[Sample, ...] = ()
    left_out: int = 0


Content = ChargerState | ChargerBoot | SessionFragment | Measurements | None


@dataclass(frozen=True, slots=True)
class Event:
    """One message, understood as far as it can be.

    `event_id` is the SHA-256 of its canonical JSON: the same message is the same event, whatever brought it and however
    often. `charger_id` is "" where the message names none. `raw` is the body as it came.
    """

    event_id: str
    event_type: EventType
    raw: bytes
    charger_id: str = ""
    socket_id: str | None = None
    received_at: Instant | None = None
    device_at: Instant | None = None
    site_id: str | None = None
    external_site_id: str | None = None
    content: Content = None
    novelties: tuple[Novelty, ...] = field(default=())

    @property
    def occurred_at(self) -> Instant | None:
        """The time that decides where the event is kept: the platform's, else the charger's, else none."""
        return self.received_at if self.received_at is not None else self.device_at

    @property
    def clock(self) -> Clock:
        """Whose clock `occurred_at` is from."""
        if self.received_at is not None:
            return Clock.PLATFORM
        return Clock.DEVICE if self.device_at is not None else Clock.NONE

    @property
    def precedence(self) -> Precedence:
        """Its place in the order that decides which of two events is newer; without any time it is the oldest."""
        moment = self.occurred_at
        return Precedence(self.received_at is not None, moment if moment is not None else Instant(0), self.event_id)
