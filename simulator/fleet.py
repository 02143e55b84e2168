"""A fleet: many chargers' lives as one stream of messages, in the order in which the platform receives them."""

import heapq
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import dropwhile, islice, takewhile

from simulator.chargers import ChargerLife
from simulator.equipment import build_charger
from simulator.happenings import Charger, Generation, Happening
from simulator.messages import Message, write
from simulator.moments import TICKS_PER_DAY, ticks, ticks_of

MIXED = "mixed"
DEFAULT_START = datetime(2025, 4, 2, tzinfo=UTC)
DEFAULT_MEASUREMENT_INTERVAL_SECONDS = 900.0


class Fleet:
    """Chargers that live from `start` on, always the same for the same arguments.

    `generation` is "v1", "ex", "mt", or "mixed" for one of the three for each charger. A start in the middle of a day
    finds the fleet in the middle of its sessions. `messages`, `day` and `take` begin anew at every call.
    """

    def __init__(
        self,
        *,
        seed: int = 1,
        chargers: int = 50,
        start: datetime = DEFAULT_START,
        generation: str = MIXED,
        measurement_interval_seconds: float = DEFAULT_MEASUREMENT_INTERVAL_SECONDS,
    ) -> None:
        only = None if generation == MIXED else Generation(generation)
        self.chargers: list[Charger] = [build_charger(number, seed, only) for number in range(chargers)]
        self.start_ticks = ticks_of(start)
        self._seed = seed
        self._measurement_interval_seconds = measurement_interval_seconds

    def happenings(self) -> Iterator[Happening]:
        """All that happens, in order of the platform's receive times, without end."""
        midnight = self.start_ticks - self.start_ticks % TICKS_PER_DAY
        lives = [
            ChargerLife(charger, self._seed, midnight, self._measurement_interval_seconds).happenings()
            for charger in self.chargers
        ]
        merged = heapq.merge(*lives, key=_received_at)
        return dropwhile(lambda happening: happening.received_at < self.start_ticks, merged)

    def messages(self, hours: float | None = None) -> Iterator[Message]:
        """The messages of so many hours, or, without a number, of all time."""
        happenings = self.happenings()
        if hours is not None:
            end = self.start_ticks + ticks(3600 * hours)
            happenings = takewhile(lambda happening: happening.received_at < end, happenings)
        return map(write, happenings)

    def day(self) -> list[Message]:
        """The messages of the first 24 hours."""
        return list(self.messages(hours=24))

    def take(self, count: int) -> list[Message]:
        """The first messages, so many of them."""
        return list(islice(self.messages(), count))


def _received_at(happening: Happening) -> int:
    return happening.received_at
