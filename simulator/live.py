"""The fleet on the real clock: the same lives with times that are now, pushed until someone stops it."""

import asyncio
from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, suppress
from dataclasses import dataclass, replace
from typing import Protocol

from azure.servicebus.exceptions import ServiceBusError

from simulator.happenings import Happening
from simulator.messages import Message, write
from simulator.moments import TICKS_PER_SECOND, now_ticks

_MAX_BATCH_LENGTH = 100
_SECONDS_BEFORE_ANOTHER_TRY = 2.0
_MAX_PINS = 200_000
_TROUBLE = (ServiceBusError, TimeoutError, OSError)
_ASSUMED_SPEED = 60
"""How fast simulated time is taken to flow before the first message and ahead of the newest."""


class LiveClock(Protocol):
    """What simulated times are in real time. It never runs backwards, so what came first stays first."""

    def due(self, received_at: int) -> int:
        """When the next message is to be sent; asked once for each, in order of the receive times."""

    def real(self, moment: int) -> int:
        """The real time of any simulated time, for messages that are due."""


class SpeedClock:
    """Simulated time that flows so many times faster than the real one."""

    def __init__(self, simulated_start: int, speed: float, real_start: int) -> None:
        self._simulated_start = simulated_start
        self._speed = speed
        self._real_start = real_start

    def due(self, received_at: int) -> int:
        """When simulated time gets there."""
        return self.real(received_at)

    def real(self, moment: int) -> int:
        """See LiveClock."""
        return self._real_start + int((moment - self._simulated_start) / self._speed)


class RateClock:
    """Simulated time that flows just so fast that there are so many messages a second.

    Each message pins its receive time to the real time it is due; times between two pins are in proportion.
    """

    def __init__(self, messages_per_second: float, real_start: int) -> None:
        self._ticks_apart = TICKS_PER_SECOND / messages_per_second
        self._real_start = real_start
        self._due_messages = 0
        self._simulated_pins: list[int] = []
        self._real_pins: list[int] = []

    def due(self, received_at: int) -> int:
        """One interval after the message before."""
        due_at = self._real_start + int(self._due_messages * self._ticks_apart)
        self._due_messages += 1
        self._simulated_pins.append(received_at)
        self._real_pins.append(due_at)
        if len(self._simulated_pins) > _MAX_PINS:
            del self._simulated_pins[: _MAX_PINS // 2], self._real_pins[: _MAX_PINS // 2]
        return due_at

    def real(self, moment: int) -> int:
        """See LiveClock."""
        simulated, real = self._simulated_pins, self._real_pins
        after = bisect_right(simulated, moment)
        if after == 0:
            return real[0] - (simulated[0] - moment) // _ASSUMED_SPEED
        if after == len(simulated):
            return real[-1] + (moment - simulated[-1]) // _ASSUMED_SPEED
        share = (moment - simulated[after - 1]) / (simulated[after] - simulated[after - 1])
        return real[after - 1] + int(share * (real[after] - real[after - 1]))


def retimed(happening: Happening, clock: LiveClock) -> Happening:
    """The same happening with all its times on the real clock."""

    def real(moment: int | None) -> int | None:
        return None if moment is None else clock.real(moment)

    return replace(
        happening,
        received_at=clock.real(happening.received_at),
        device_at=real(happening.device_at),
        started_at=real(happening.started_at),
        ended_at=real(happening.ended_at),
    )


@dataclass(slots=True)
class Progress:
    """How far a live push has come."""

    sent: int = 0
    kept_back: int = 0
    simulated_at: int = 0
    trouble: str = ""
    """Why the latest try to send failed; empty when it did not."""


class LiveSender(Protocol):
    """An open way to a customer; raises ServiceBusError, TimeoutError or OSError for what it cannot send."""

    async def send(self, messages: Sequence[Message]) -> None:
        """Send each message."""


class PersistentSender:
    """Sends to where may go away and come back; what was under way then can arrive twice, as with eMabler.

    `connect` makes a new connection; it is asked again after each failure.
    """

    def __init__(self, connect: Callable[[], AbstractAsyncContextManager[LiveSender]], stopping: asyncio.Event) -> None:
        self._connect = connect
        self._stopping = stopping
        self._connected = AsyncExitStack()
        self._sender: LiveSender | None = None

    async def send(self, messages: Sequence[Message], progress: Progress) -> None:
        """Send the messages, however long it takes, unless `stopping` is set; `progress` tells what becomes of it."""
        while True:
            try:
                if self._sender is None:
                    self._sender = await self._connected.enter_async_context(self._connect())
                await self._sender.send(messages)
            except _TROUBLE as error:
                progress.trouble = type(error).__name__
                await self.close()
                await _pause(_SECONDS_BEFORE_ANOTHER_TRY, self._stopping)
                if self._stopping.is_set():
                    return
            else:
                progress.sent += len(messages)
                progress.trouble = ""
                return

    async def close(self) -> None:
        """Give the connection up; the next send makes another."""
        self._sender = None
        with suppress(*_TROUBLE):
            await self._connected.aclose()


async def push_live(
    sender: PersistentSender,
    happenings: Iterable[Happening],
    clock: LiveClock,
    progress: Progress,
    stopping: asyncio.Event,
    is_pushed: Callable[[Happening], bool] = lambda _: True,
) -> None:
    """Push every happening when it is due, until they end or `stopping` is set; keep `progress` up to date.

    `is_pushed` is told of each, in real time, and says whether it is pushed or lost.
    It stops between two sends and is not to be cancelled: an interrupt in the middle of the SDK can leave it hanging.
    """
    due_messages: list[Message] = []
    for happening in happenings:
        due_at = clock.due(happening.received_at)
        if due_messages and (due_at > now_ticks() or len(due_messages) == _MAX_BATCH_LENGTH):
            await sender.send(due_messages, progress)
            due_messages = []
        await _pause((due_at - now_ticks()) / TICKS_PER_SECOND, stopping)
        if stopping.is_set():
            break
        told = retimed(happening, clock)
        if is_pushed(told):
            due_messages.append(write(told))
        else:
            progress.kept_back += 1
        progress.simulated_at = happening.received_at
    if due_messages:
        await sender.send(due_messages, progress)


async def _pause(seconds: float, stopping: asyncio.Event) -> None:
    """Wait so long, or until it is time to stop."""
    if seconds > 0:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await stopping.wait()
