"""One charger's life: its happenings for ever, in the order in which the platform receives them."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import count

from simulator.chance import happens
from simulator.happenings import Charger, Happening, Kind
from simulator.moments import TICKS_PER_DAY, ticks
from simulator.sessions import Session, received, state

MAIN_CONTROLLER = 0
"""The socket id of the charger as a whole."""

SESSIONS_A_DAY = {0: 25, 1: 33, 2: 22, 3: 13, 4: 7}
"""How many sessions a charger has in a day, and how many of a hundred chargers have so many."""

_ERROR_CHANCE, _BOOT_CHANCE, _INFO_CHANCE, _OUTAGE_CHANCE = 0.02, 0.03, 0.25, 0.03
"""Of one charger on one day."""

_FREEST_SOCKET_SHARE = 0.7
"""So many drivers take the socket that has been free the longest; the others queue at any."""

_ERRORS = ("GroundFailure", "HighTemperature", "OverCurrentFailure", "PowerMeterFailure", "ReaderFailure", "OtherError")
_SHORTEST_GAP = ticks(0.02)
"""Between what the platform receives of one charger: so no two of its states have the same time."""


@dataclass(slots=True)
class _Socket:
    socket_id: int
    free_at: int
    meter_wh: int


class ChargerLife:
    """What a charger does from a midnight on, planned day by day.

    The plan says when things happen at the charger. A lost connection changes when the platform hears of them: the
    charger keeps them and sends them, old device times and all, when it is back.
    """

    def __init__(self, charger: Charger, seed: int, midnight: int, measurement_interval_seconds: float) -> None:
        self._charger = charger
        self._rng = random.Random(f"life {seed} {charger.charger_id}")
        self._midnight = midnight
        self._interval_seconds = measurement_interval_seconds
        self._sockets = [
            _Socket(socket_id, midnight, self._rng.randrange(5_000_000)) for socket_id in charger.socket_ids
        ]
        self._next_transaction_id = count(self._rng.randrange(10_000, 2_000_000_000))
        self._outage = range(0)
        self._planned: list[Happening] = []

    def happenings(self) -> Iterator[Happening]:
        """All of them, in order of their receive times, without end."""
        last_received_at = 0
        for midnight in count(self._midnight, TICKS_PER_DAY):
            for happening in self._received_on(midnight):
                last_received_at = max(happening.received_at, last_received_at + _SHORTEST_GAP)
                yield replace(happening, received_at=last_received_at)

    def _received_on(self, midnight: int) -> list[Happening]:
        self._planned += self._plan_sessions(midnight)
        self._planned += self._plan_incidents(midnight)
        self._plan_outage(midnight)
        # In the order of the plan first, so that what is kept during an outage is sent in the order it happened.
        self._planned.sort(key=_received_at)
        heard = [(happening, self._delayed(happening)) for happening in self._planned]
        tomorrow = midnight + TICKS_PER_DAY
        self._planned = [planned for planned, delayed in heard if delayed.received_at >= tomorrow]
        return sorted((delayed for _, delayed in heard if delayed.received_at < tomorrow), key=_received_at)

    def _plan_sessions(self, midnight: int) -> list[Happening]:
        rng = self._rng
        sessions = rng.choices(list(SESSIONS_A_DAY), list(SESSIONS_A_DAY.values()))[0]
        happenings: list[Happening] = []
        for hour in sorted(_hour_of_arrival(rng) for _ in range(sessions)):
            socket = self._choose_socket()
            arrival = max(midnight + ticks(3600 * hour), socket.free_at + ticks(rng.uniform(60, 600)))
            if arrival >= midnight + TICKS_PER_DAY:
                continue
            session = Session.plan(
                self._charger, socket.socket_id, next(self._next_transaction_id), arrival, socket.meter_wh, rng
            )
            socket.meter_wh = session.meter_end_wh
            socket.free_at = session.cable_out_at
            happenings += session.happenings(self._interval_seconds, rng)
        return happenings

    def _choose_socket(self) -> _Socket:
        if happens(self._rng, _FREEST_SOCKET_SHARE):
            return min(self._sockets, key=lambda socket: socket.free_at)
        return self._rng.choice(self._sockets)

    def _plan_incidents(self, midnight: int) -> list[Happening]:
        rng = self._rng
        happenings: list[Happening] = []
        if happens(rng, _ERROR_CHANCE):
            happenings += self._error(rng.choice(self._sockets), midnight)
        if happens(rng, _BOOT_CHANCE):
            happenings += self._boot(midnight)
        if happens(rng, _INFO_CHANCE):
            happenings += [self._info(midnight) for _ in range(rng.randint(1, 3))]
        return happenings

    def _error(self, socket: _Socket, midnight: int) -> list[Happening]:
        """A fault of a socket that nobody uses, until it is well again."""
        rng = self._rng
        broken_at = max(midnight, socket.free_at) + ticks(rng.uniform(300, 7200))
        socket.free_at = broken_at + ticks(rng.uniform(120, 7200))
        return [
            state(
                self._charger,
                socket.socket_id,
                broken_at,
                "Error",
                rng,
                error_code=rng.choice(_ERRORS),
                message="Fault found by the simulator",
            ),
            state(self._charger, socket.socket_id, socket.free_at, "Available", rng),
        ]

    def _boot(self, midnight: int) -> list[Happening]:
        """A start of the whole charger when no car is there; all sockets report."""
        rng, charger = self._rng, self._charger
        begins_at = max(midnight, *(socket.free_at for socket in self._sockets)) + ticks(rng.uniform(300, 3600))
        ready_at = begins_at + ticks(rng.uniform(20, 60))
        for socket in self._sockets:
            socket.free_at = ready_at + ticks(5)
        return [
            state(charger, MAIN_CONTROLLER, begins_at, "Booting", rng),
            Happening(kind=Kind.BOOT, charger=charger, received_at=received(ready_at, rng)),
            *(
                state(charger, socket_id, ready_at + ticks(1), "Available", rng)
                for socket_id in (MAIN_CONTROLLER, *charger.socket_ids)
            ),
        ]

    def _info(self, midnight: int) -> Happening:
        """A report, never a state: it can come in the middle of anything."""
        rng = self._rng
        at = midnight + rng.randrange(TICKS_PER_DAY)
        socket_id = rng.choice(self._charger.socket_ids)
        return state(self._charger, socket_id, at, "Info", rng, message=f"RSSI -{rng.randint(51, 99)} dBm")

    def _plan_outage(self, midnight: int) -> None:
        """A connection lost for half an hour to six hours, in what is planned by now."""
        rng = self._rng
        if not happens(rng, _OUTAGE_CHANCE):
            return
        lost_at = max(midnight + rng.randrange(TICKS_PER_DAY), self._outage.stop)
        self._outage = range(lost_at, lost_at + ticks(rng.uniform(1800, 6 * 3600)))
        noticed_at = received(lost_at + ticks(rng.uniform(30, 90)), rng)
        for socket in self._sockets:
            status = self._status_at_return(socket)
            self._planned += [
                Happening(
                    kind=Kind.STATE,
                    charger=self._charger,
                    socket_id=socket.socket_id,
                    received_at=noticed_at,
                    status="Offline",
                    error_code="NoError",
                    message="Connection to the charger lost",
                ),
                state(self._charger, socket.socket_id, self._outage.stop + ticks(30), status, rng),
            ]

    def _status_at_return(self, socket: _Socket) -> str:
        """What a socket does when the connection is back."""
        past = [
            happening
            for happening in self._planned
            if happening.socket_id == socket.socket_id
            and happening.kind is Kind.STATE
            and happening.status != "Info"
            and happening.received_at < self._outage.stop
        ]
        latest = max(past, key=_received_at, default=None)
        return "Available" if latest is None or latest.status is None else latest.status

    def _delayed(self, happening: Happening) -> Happening:
        """What the charger says without a connection arrives when it is back; the platform's own word does not wait."""
        if happening.status == "Offline" or happening.received_at not in self._outage:
            return happening
        return replace(happening, received_at=self._outage.stop)


def _received_at(happening: Happening) -> int:
    return happening.received_at


def _hour_of_arrival(rng: random.Random) -> float:
    """Most come to work or come home; the rest at any time."""
    peak = rng.choices((8.0, 17.5, None), (40, 35, 25))[0]
    return rng.uniform(0, 23.9) if peak is None else min(23.9, max(0.0, rng.gauss(peak, 1.8)))
