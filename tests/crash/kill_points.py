"""Where a worker is killed: random points of its conversation with storage and broker, spread over a batch's phases."""

import asyncio
import random
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum

from local.stack.process import RunningService

BATCH = 64
"""Messages that the host takes at once (host.json)."""
_ARCHIVE = b"/PushEvents"
"""In every request that inserts events."""


class Phase(StrEnum):
    """What a worker is about when it is killed."""

    BEGINNING = "before archiving"
    ARCHIVING = "while archiving"
    MERGING = "while merging"
    COMPLETING = "while completing"
    LATER = "in a later batch"


@dataclass(frozen=True, slots=True)
class KillPoint:
    """The worker dies at a piece of its traffic with storage, of which those are counted that come after something.

    Where `storage_pieces` is 0 it dies at the last of the completions itself. The piece at which it dies is passed on
    or is not: a request is then carried out and its answer lost, or it never arrived.
    """

    phase: Phase
    storage_pieces: int = 0
    after_completions: int = 0
    after_archive: bool = False
    """Count after storage's first answer to the archive, when a part of the batch is there for certain."""
    is_passed_on: bool = True


def kill_points(rng: random.Random) -> Iterator[KillPoint]:
    """Points without end: each phase once in every five, in random order, but for the later batch, which comes last.

    So every fifth life completes a whole batch at least, and the stream gets on.
    """
    while True:
        phases = [phase for phase in Phase if phase is not Phase.LATER]
        rng.shuffle(phases)
        for phase in [*phases, Phase.LATER]:
            yield _point(phase, rng)


def _point(phase: Phase, rng: random.Random) -> KillPoint:
    is_passed_on = rng.random() < 0.5
    match phase:
        case Phase.BEGINNING:
            return KillPoint(phase, storage_pieces=rng.randint(1, 3), is_passed_on=is_passed_on)
        case Phase.ARCHIVING:
            return KillPoint(phase, rng.randint(1, 4), after_archive=True, is_passed_on=is_passed_on)
        case Phase.MERGING:
            return KillPoint(phase, rng.randint(5, 150), after_archive=True, is_passed_on=is_passed_on)
        case Phase.COMPLETING:
            return KillPoint(phase, after_completions=rng.randint(1, BATCH), is_passed_on=is_passed_on)
        case Phase.LATER:
            return KillPoint(phase, rng.randint(1, 100), after_completions=BATCH, is_passed_on=is_passed_on)


class Executioner:
    """Kills one worker at a point, and counts its traffic until then."""

    def __init__(self, worker: RunningService, point: KillPoint) -> None:
        self._has_killed = asyncio.Event()
        self._worker, self._point = worker, point
        self._storage_pieces = self._completions = 0
        self._has_begun = self._has_asked_archive = self._is_archive_answered = False

    async def has_killed_within(self, seconds: float) -> bool:
        """Wait for the kill, so long at most."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._has_killed.wait(), seconds)
        return self._has_killed.is_set()

    def watch_storage(self, piece: bytes, is_sent_by_worker: bool) -> bool:  # noqa: FBT001  # see Watch
        """The watch of the wiretap before storage."""
        point = self._point
        self._has_begun = True
        self._is_archive_answered |= self._has_asked_archive and not is_sent_by_worker
        self._has_asked_archive |= is_sent_by_worker and _ARCHIVE in piece
        if self._completions >= point.after_completions and (self._is_archive_answered or not point.after_archive):
            self._storage_pieces += 1
            return self._kill_if(self._storage_pieces == point.storage_pieces)
        return True

    def watch_broker(self, _piece: bytes, is_sent_by_worker: bool) -> bool:  # noqa: FBT001  # see Watch
        """The watch of the wiretap before the broker: while a batch is stored it is silent, then come completions."""
        if not (self._has_begun and is_sent_by_worker):
            return True
        self._completions += 1
        is_last = self._completions == self._point.after_completions
        return self._kill_if(is_last and self._point.storage_pieces == 0)

    def _kill_if(self, is_due: bool) -> bool:  # noqa: FBT001  # a condition, computed where it is asked
        """Kill where it is due, at most once; returns whether the piece is passed on."""
        if not is_due or self._has_killed.is_set():
            return True
        self._worker.kill()
        self._has_killed.set()
        return self._point.is_passed_on
