"""Workers that are killed while they read the topic, one after the other, and what each has left behind."""

import asyncio
import random
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import count

from tests.crash.in_flight import Left, Traces, phases_hit
from tests.crash.kill_points import Executioner, KillPoint, Phase
from tests.crash.rig import Worker, storage_connection
from tests.crash.wiretap import Wiretap, pass_on_everything
from tests.kafka.rig import KafkaRig, deliveries_of
from tests.kafka.waiting import until

_LOOK_SECONDS = 1.0


class Moment(StrEnum):
    """When a worker dies."""

    MERGING = "archived, about to merge"
    COMMITTING = "stored, its offset not committed"
    LATER = "after commits of its own"
    ARCHIVING = "before or while archiving"


@dataclass
class Killings:
    """What the lives of the workers came to."""

    kills: Counter[Moment] = field(default_factory=Counter)
    left: Counter[Left] = field(default_factory=Counter)
    deliveries_of_survivors: int = 0

    @property
    def has_hit_both(self) -> bool:
        """Whether workers died with events half stored, and with stored ones whose offset was not committed."""
        return {Left.NOT_MERGED, Left.NOT_COMPLETED} <= set(self.left)


class Crashes:
    """Kills one worker after the other over a topic that has messages for them."""

    def __init__(self, rig: KafkaRig, tap: Wiretap, events: Mapping[bytes, str], chance: random.Random) -> None:
        self.found = Killings()
        self._rig, self._topic, self._tap = rig, rig.topic, tap
        self._events, self._chance = events, chance
        self._moments = _moments_without_end()
        self._traces = Traces(frozenset(), frozenset())

    async def kill_workers(self, kills: int, *, until_both_hit: bool = False) -> None:
        """Kill so many; then up to as many again while one kind of half-done work was not met. Ends with the topic."""
        for number in range(2 * kills):
            if number >= kills and (self.found.has_hit_both or not until_both_hit):
                return
            if not await self._live_and_die(next(self._moments)):
                return

    async def live_on(self) -> None:
        """A worker to which nothing happens until the topic is worked off; then it is killed while it waits.

        It gets each message once that was not committed, and no other.
        """
        not_committed = sum(self._topic.end_offsets) - sum(self._topic.committed())
        worker = self._start()
        await until(self._topic.is_worked_off, worker)
        assert deliveries_of(worker) == not_committed, "a message came twice to one worker, or after its commit"
        self.found.deliveries_of_survivors += not_committed
        worker.service.kill()

    async def _live_and_die(self, moment: Moment) -> bool:
        """One worker's life; returns whether it came as far as the moment before the topic was worked off."""
        worker = self._start()
        died = await (self._die_behind_a_batch(worker) if moment is Moment.COMMITTING else self._die(worker, moment))
        if not died:
            worker.service.kill()
            return False
        offsets, traces = await asyncio.gather(
            asyncio.to_thread(self._topic.committed), asyncio.to_thread(Traces.read, self._rig.tables)
        )
        self.found.kills[moment] += 1
        self.found.left += phases_hit(self._topic.waiting(offsets), self._events, self._traces, traces)
        self._traces = traces
        return True

    def _start(self) -> Worker:
        self._tap.watch = pass_on_everything
        return self._rig.start_worker(EventStorage=storage_connection(self._tap.port))

    async def _die(self, worker: Worker, moment: Moment) -> bool:
        """At a piece of its traffic with storage."""
        if moment is Moment.LATER:
            before = await asyncio.to_thread(self._topic.committed)
            await until(lambda: self._topic.committed() != before, worker)
        executioner = Executioner(worker.service, _point(moment, self._chance))
        self._tap.watch = executioner.watch_storage
        while not await executioner.has_killed_within(_LOOK_SECONDS):
            worker.service.check()
            if await asyncio.to_thread(self._topic.is_worked_off):
                return False
        return True

    async def _die_behind_a_batch(self, worker: Worker) -> bool:
        """As soon as it says that a batch is stored; the client library commits some time later."""
        await until(lambda: deliveries_of(worker), worker)
        worker.service.kill()
        return True


def _moments_without_end() -> Iterator[Moment]:
    """The two that leave half-done work first."""
    return (list(Moment)[number % len(Moment)] for number in count())


def _point(moment: Moment, chance: random.Random) -> KillPoint:
    is_passed_on = chance.random() < 0.5  # a request is carried out, or never arrived
    match moment:
        case Moment.MERGING:
            return KillPoint(Phase.MERGING, chance.randint(5, 30), after_archive=True, is_passed_on=is_passed_on)
        case Moment.ARCHIVING:
            return KillPoint(Phase.ARCHIVING, chance.randint(1, 6), is_passed_on=is_passed_on)
        case _:
            return KillPoint(Phase.LATER, chance.randint(1, 400), is_passed_on=is_passed_on)
