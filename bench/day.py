"""The messages that everything here is measured with: a simulated fleet's, in the order in which eMabler has them.

Boots, states, starts, stops, whole sessions and measurements in the proportions of `simulator`, of all three
generations, the same for the same number of chargers.
"""

import random
from collections.abc import Sequence

from simulator.fleet import Fleet

_SEED = 1
_MEAN_DISTANCE = 200
"""Messages between an original and its repeat, on the average."""


def day_of(chargers: int) -> list[bytes]:
    """The messages of one day."""
    return [message.body for message in Fleet(seed=_SEED, chargers=chargers).day()]


def first_messages(chargers: int, count: int) -> list[bytes]:
    """So many messages, of as many days as it takes."""
    return [message.body for message in Fleet(seed=_SEED, chargers=chargers).take(count)]


def with_repeats(bodies: Sequence[bytes], share: float) -> list[bytes]:
    """The messages with that share of them once more, each some time after its original."""
    chance = random.Random(_SEED)
    repeated = chance.sample(range(len(bodies)), round(share * len(bodies)))
    placed = [(float(place), body) for place, body in enumerate(bodies)]
    placed += [(place + chance.expovariate(1 / _MEAN_DISTANCE), bodies[place]) for place in repeated]
    return [body for _, body in sorted(placed, key=lambda item: item[0])]
