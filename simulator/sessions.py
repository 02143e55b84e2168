"""One charging session, from the cable in to the cable out, as happenings in order of time."""

import random
from dataclasses import dataclass

from simulator.chance import happens
from simulator.happenings import Charger, Current, Happening, Kind, Reading
from simulator.moments import TICKS_PER_SECOND, ticks, truncated
from simulator.tags import DRIVERS, Driver

_PLATFORM_DIGITS = (7, 7, 7, 6, 5)
"""The platform writes 5 to 7 fractional digits."""

_SECONDS_PER_HOUR = 3600
_VOLTS = (228, 236)


def received(at: int, rng: random.Random) -> int:
    """When the platform has what a charger sent at that time: 50 to 150 ms later."""
    return truncated(at + ticks(rng.uniform(0.05, 0.15)), rng.choice(_PLATFORM_DIGITS))


def by_own_clock(charger: Charger, at: int) -> int:
    """That time as the charger's clock has it, errors and digits included."""
    return truncated(at + charger.clock_error_ticks, charger.time_digits)


def state(charger: Charger, socket_id: int, at: int, status: str, rng: random.Random, **told: str) -> Happening:
    """A state as a charger reports it; `told` can be `error_code` and `message`."""
    return Happening(
        kind=Kind.STATE,
        charger=charger,
        socket_id=socket_id,
        received_at=received(at, rng),
        device_at=by_own_clock(charger, at) if charger.tells_device_time else None,
        status=status,
        error_code=told.get("error_code", "NoError"),
        message=told.get("message", "Simulator status update"),
    )


@dataclass(frozen=True, slots=True)
class Session:
    """What will happen in a session, decided at its beginning. Times are ticks."""

    charger: Charger
    socket_id: int
    transaction_id: int
    id_tag: str
    cable_in_at: int
    started_at: int
    ended_at: int
    cable_out_at: int
    meter_start_wh: int
    power_w: int
    target_wh: int
    """The energy that fills the car; a driver who leaves earlier takes less."""
    is_cut_off: bool
    """The charger dies in the session: neither stop nor full transaction is ever sent."""

    @classmethod
    def plan(
        cls,
        charger: Charger,
        socket_id: int,
        transaction_id: int,
        cable_in_at: int,
        meter_start_wh: int,
        rng: random.Random,
    ) -> "Session":
        """A session as drivers have them: half of them leave when the car is full or before."""
        power_w = round(charger.power_w * rng.uniform(0.55, 1.0), -1)
        target_wh = rng.randrange(1_500, 55_000)
        seconds_to_full = target_wh / power_w * _SECONDS_PER_HOUR
        seconds = seconds_to_full * (rng.uniform(0.3, 1.0) if happens(rng, 0.5) else rng.uniform(1.05, 4.0))
        started_at = cable_in_at + ticks(rng.uniform(4, 45))
        ended_at = started_at + ticks(min(seconds, 12 * _SECONDS_PER_HOUR))
        return cls(
            charger=charger,
            socket_id=socket_id,
            transaction_id=transaction_id,
            id_tag=Driver(rng.randrange(1, DRIVERS)).id_tag,
            cable_in_at=cable_in_at,
            started_at=started_at,
            ended_at=ended_at,
            cable_out_at=ended_at + ticks(rng.uniform(4, 200)),
            meter_start_wh=meter_start_wh,
            power_w=int(power_w),
            target_wh=target_wh,
            is_cut_off=happens(rng, 0.01),
        )

    @property
    def full_at(self) -> int:
        """When the car takes no more."""
        return self.started_at + ticks(self.target_wh / self.power_w * _SECONDS_PER_HOUR)

    @property
    def meter_end_wh(self) -> int:
        """The energy register at the end."""
        return self.meter_wh(self.ended_at)

    def meter_wh(self, at: int) -> int:
        """The energy register at a time of the session."""
        seconds = (min(at, self.full_at) - self.started_at) / TICKS_PER_SECOND
        return self.meter_start_wh + min(self.target_wh, int(self.power_w * seconds / _SECONDS_PER_HOUR))

    def happenings(self, interval_seconds: float, rng: random.Random) -> list[Happening]:
        """All that is told of it, with measurements at that interval."""
        return [*self._beginning(rng), *self._charging(ticks(interval_seconds), rng), *self._end(rng)]

    def _beginning(self, rng: random.Random) -> list[Happening]:
        return [
            self._state(self.cable_in_at, "Preparing", rng),
            self._transaction(Kind.START, self.started_at, rng),
            self._state(self.started_at + ticks(1.5), "Charging", rng),
        ]

    def _charging(self, interval: int, rng: random.Random) -> list[Happening]:
        moments = range(self.started_at + interval, self.ended_at, interval)
        happenings = [self._measurement(at, rng) for at in moments]
        if self.full_at < self.ended_at:
            happenings.append(self._state(self.full_at, "SuspendedCAR", rng))
        return happenings

    def _end(self, rng: random.Random) -> list[Happening]:
        unplugged = self._state(self.cable_out_at, "Available", rng)
        if self.is_cut_off:
            return [unplugged]
        # Version 2 tells the stop with the full transaction only.
        tells_stop = not self.charger.tells_device_time
        stop = [self._transaction(Kind.STOP, self.ended_at, rng)] if tells_stop else []
        full_at = self.ended_at + ticks(1)
        return [
            *stop,
            self._state(self.ended_at + ticks(0.5), "Finishing", rng),
            self._transaction(Kind.FULL, full_at, rng),
            unplugged,
        ]

    def _state(self, at: int, status: str, rng: random.Random) -> Happening:
        return state(self.charger, self.socket_id, at, status, rng)

    def _transaction(self, kind: Kind, at: int, rng: random.Random) -> Happening:
        is_full = kind is Kind.FULL
        tells_device_time = self.charger.tells_device_time and not is_full
        return Happening(
            kind=kind,
            charger=self.charger,
            socket_id=self.socket_id,
            received_at=received(at, rng),
            device_at=by_own_clock(self.charger, at) if tells_device_time else None,
            transaction_id=self.transaction_id,
            id_tag=self.id_tag,
            # The documents' example has the start to a tenth of a second here and exactly in the start's message.
            started_at=truncated(by_own_clock(self.charger, self.started_at), 1) if is_full else None,
            ended_at=by_own_clock(self.charger, self.ended_at) if is_full else None,
            meter_start_wh=None if kind is Kind.STOP else self.meter_start_wh,
            meter_end_wh=None if kind is Kind.START else self.meter_end_wh,
        )

    def _measurement(self, at: int, rng: random.Random) -> Happening:
        return Happening(
            kind=Kind.MEASUREMENTS,
            charger=self.charger,
            socket_id=self.socket_id,
            received_at=received(at, rng),
            device_at=by_own_clock(self.charger, at) if self.charger.tells_device_time else None,
            transaction_id=self.transaction_id if self.charger.tells_device_time else None,
            readings=self._readings(at, rng),
        )

    def _readings(self, at: int, rng: random.Random) -> tuple[Reading, ...]:
        power_w = self.power_w if at < self.full_at else 0
        energy_wh = self.meter_wh(at)
        totals = (_power(power_w, self.charger), _energy(energy_wh, self.charger))
        if self.charger.current is Current.DIRECT:
            filled = min(1.0, (energy_wh - self.meter_start_wh) / self.target_wh)
            percent = 20 + int(80 * filled)
            return (*totals, Reading("SoC", None, str(percent), "Percent", percent, "Percent"))
        phases = ("L1", "L2", "L3") if self.charger.current is Current.THREE_PHASE else ("L1",)
        return (*(value for phase in phases for value in _phase(phase, power_w / len(phases), rng)), *totals)


def _phase(phase: str, power_w: float, rng: random.Random) -> tuple[Reading, Reading]:
    volts = rng.randint(*_VOLTS)
    tenths_of_amperes = round(10 * power_w / volts)
    amperes = tenths_of_amperes / 10
    return (
        Reading("Current.Import", phase, f"{amperes:.1f}", "A", amperes, "A"),
        Reading("Voltage", f"{phase}-N", str(volts), "V", volts, "V"),
    )


def _power(power_w: int, charger: Charger) -> Reading:
    if charger.writes_kilo:
        return Reading("Power.Active.Import", None, f"{power_w / 1000:.2f}", "kW", power_w, "W")
    return Reading("Power.Active.Import", None, str(power_w), "W", power_w, "W")


def _energy(energy_wh: int, charger: Charger) -> Reading:
    measurand = "Energy.Active.Import.Register"
    if charger.writes_kilo:
        return Reading(measurand, None, f"{energy_wh / 1000:.3f}", "kWh", energy_wh, "Wh")
    return Reading(measurand, None, str(energy_wh), "Wh" if charger.names_watt_hours else None, energy_wh, "Wh")
