"""How the chargers of a fleet are built: sockets, phases, units and clocks as real fleets have them."""

import random

from simulator.chance import happens
from simulator.happenings import Charger, Current, Generation
from simulator.moments import ticks

_ID_FORMS = ("SIM-{:05d}", "evb-P{:07d}", "DEPOT.{:04d}", "{:08d}", "Garage_{:d}-A")

# Kinds of chargers with their power in W, and how many of a hundred are so.
_POWERS = {
    (Current.SINGLE_PHASE, 3_700): 10,
    (Current.SINGLE_PHASE, 7_400): 20,
    (Current.THREE_PHASE, 11_000): 35,
    (Current.THREE_PHASE, 22_000): 27,
    (Current.DIRECT, 50_000): 5,
    (Current.DIRECT, 150_000): 3,
}
_MODELS = {Current.SINGLE_PHASE: "eMablerSIM-1", Current.THREE_PHASE: "eMablerSIM-3", Current.DIRECT: "eMablerSIM-DC"}
_CLOCK_ERRORS_SECONDS = (-7_200.0, -95.0, 12.5, 3_600.0)
_CONNECTOR_SERIALS = 1_800_000
"""Where the seven-digit socket ids begin."""


def build_charger(number: int, seed: int, generation: Generation | None) -> Charger:
    """The charger with that number in the fleet with that seed; without a generation it has any of the three."""
    rng = random.Random(f"charger {seed} {number}")
    current, power_w = rng.choices(list(_POWERS), list(_POWERS.values()))[0]
    site = rng.randrange(100, 100 + 10 * (1 + number // 10))
    return Charger(
        charger_id=_ID_FORMS[number % len(_ID_FORMS)].format(number),
        generation=generation or rng.choice(list(Generation)),
        socket_ids=_socket_ids(number, rng),
        current=current,
        power_w=power_w,
        site_id=str(site),
        external_site_id=f"EXT-{site}" if happens(rng, 0.8) else None,
        serial_number=str(rng.randrange(10**8, 10**9)) if happens(rng, 0.7) else "NotSet",
        model=_MODELS[current],
        firmware_version=f"1.{rng.randrange(20)}",
        sim_card=(str(rng.randrange(10**18, 10**19)), str(rng.randrange(10**14, 10**15)))
        if happens(rng, 0.4)
        else None,
        meter_serial_number=str(rng.randrange(10**7, 10**8)) if happens(rng, 0.6) else None,
        writes_kilo=happens(rng, 0.3),
        names_watt_hours=happens(rng, 0.9),
        time_digits=rng.choice((1, 3, 5, 6, 7, 7)),
        clock_error_ticks=ticks(rng.choice(_CLOCK_ERRORS_SECONDS)) if happens(rng, 0.02) else 0,
        utc_offset_hours=rng.choice((0, 2)),
    )


def _socket_ids(number: int, rng: random.Random) -> tuple[int, ...]:
    count = rng.choices((1, 2, 4), (60, 37, 3))[0]
    first = rng.choices((1, 101, _CONNECTOR_SERIALS + 10 * number), (85, 9, 6))[0]
    return tuple(range(first, first + count))
