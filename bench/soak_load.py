"""The load of a soak: a small fleet's life in a hurry, with repeats and messages that cannot be used among it.

The fleet is so small that its months pass within minutes: what production does in years, the tables of new months among
it, happens here. And months that are over can be dropped, so that Azurite, which searches tables from one end to the
other, has the same to search at the end as at the beginning.
"""

import asyncio
import random
import time
from collections import deque
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from itertools import count, islice
from typing import Final
from uuid import uuid4

from azure.servicebus import ServiceBusMessage
from azure.servicebus.aio import ServiceBusSender

from bench.soak_progress import Progress
from simulator.fleet import DEFAULT_START, Fleet
from simulator.happenings import Kind
from simulator.messages import write
from simulator.moments import TICKS_PER_SECOND, ticks_of

CHARGERS: Final = 30
REPEATED_SHARE: Final = 0.05
POISONED_SHARE: Final = 0.004

_OTHER_CHARGERS: Final = 2000
_SESSION_KINDS: Final = frozenset({Kind.START, Kind.STOP, Kind.FULL})
_HARDLY_EVER_SECONDS: Final = 86_400.0
_REPEATABLE: Final = 200
_TICK_SECONDS: Final = 0.05
_SENT_AT_ONCE: Final = 50
_MOST_WAITING: Final = 2000


class Life:
    """The messages of the small fleet, without end and never the same ones again, but for those sent twice."""

    def __init__(self) -> None:
        self._chance = random.Random(1)
        self._happenings = Fleet(chargers=CHARGERS).happenings()
        self._earlier: deque[bytes] = deque(maxlen=_REPEATABLE)
        self._poisoned = count(1)
        self._now_ticks = ticks_of(DEFAULT_START)

    @property
    def now(self) -> datetime:
        """The fleet's own time: when the latest of its messages was received."""
        return datetime.fromtimestamp(self._now_ticks / TICKS_PER_SECOND, UTC)

    def take(self, number: int) -> list[bytes]:
        """The next bodies, so many of them."""
        return [self._next() for _ in range(number)]

    def _next(self) -> bytes:
        chance = self._chance.random()
        if chance < POISONED_SHARE:
            # Each another one: a repeat of it would change one row, and be no load.
            return f'{{"chargerId": "soak", "socketId": {next(self._poisoned)}'.encode()
        if chance < POISONED_SHARE + REPEATED_SHARE and self._earlier:
            return self._chance.choice(self._earlier)
        happening = next(self._happenings)
        self._now_ticks = happening.received_at
        body = write(happening).body
        self._earlier.append(body)
        return body


def sessions_of_others(number: int) -> Iterator[bytes]:
    """Starts, stops and whole sessions of so many sessions, about, of chargers that the small fleet has not."""
    fleet = Fleet(chargers=_OTHER_CHARGERS + CHARGERS, measurement_interval_seconds=_HARDLY_EVER_SECONDS)
    fleet.chargers = fleet.chargers[CHARGERS:]
    told = (happening for happening in fleet.happenings() if happening.kind in _SESSION_KINDS)
    return (write(happening).body for happening in islice(told, 3 * number))


async def pour(
    sender: ServiceBusSender, life: Life, messages_a_second: float, seconds: float, progress: Progress
) -> None:
    """Send at an even rate, whatever becomes of what was sent; a message's time begins when it is due."""
    begun_at_seconds = time.perf_counter()
    sent = 0
    for tick in range(round(seconds / _TICK_SECONDS)):
        due_at_seconds = begun_at_seconds + tick * _TICK_SECONDS
        number = round((tick + 1) * _TICK_SECONDS * messages_a_second) - sent
        sent += number
        bodies = life.take(number)
        await asyncio.sleep(due_at_seconds - time.perf_counter())
        progress.send(number, due_at_seconds)
        await _send(sender, bodies)


async def flood(sender: ServiceBusSender, bodies: Iterable[bytes], progress: Progress) -> None:
    """Send as fast as the app stores, and return when all is stored; at no time there is nothing to do for it."""
    waiting = iter(bodies)
    while part := list(islice(waiting, _SENT_AT_ONCE)):
        await progress.at_most_waiting(_MOST_WAITING)
        progress.send(len(part), time.perf_counter())
        await _send(sender, part)
    await progress.at_most_waiting(0)


async def _send(sender: ServiceBusSender, bodies: Iterable[bytes]) -> None:
    await sender.send_messages([ServiceBusMessage(body, message_id=uuid4().hex) for body in bodies])
