"""A day of an operator, in simulated time: pushes that are lost, late and repeated, and polls beside them."""

import time
from collections import Counter
from dataclasses import dataclass, field
from itertools import takewhile

from pydantic import SecretStr

from shared.deadlines import Deadline
from shared.emabler.rest.opening import open_api
from shared.ingest.ingest import Ingest
from shared.ingest.rows import Delivery
from shared.instants import TICKS_PER_SECOND, Instant
from shared.polling.chargers import Looking
from shared.polling.ledger import DAY_TICKS
from shared.polling.poller import Poller, PollPlan
from simulator import Fleet, Truth
from simulator.losing import lose
from simulator.messages import write
from simulator.moments import ticks
from simulator.rest.routes_v1 import API_KEY, CLIENT_ID
from simulator.rest.server import serve_rest
from simulator.rest.world import World

UNIX_EPOCH = 621_355_968_000_000_000
"""1970 in .NET's ticks, which an Instant counts; the simulator counts from 1970."""

SHARDS = 4
BATCH = 64
HOURS = 24
LATE_HOURS = 6
SESSIONS_EVERY_MINUTES = 15
CHARGERS_EVERY_MINUTES = 60


def instant(simulated_ticks):
    """A moment of the simulator's."""
    return Instant(simulated_ticks + UNIX_EPOCH)


@dataclass(slots=True)
class DayLived:
    """What a day came to."""

    truth: Truth
    rows: list[dict] = field(default_factory=list)
    ledger: list[dict] = field(default_factory=list)
    lost: Counter = field(default_factory=Counter)
    deliveries: int = 0
    calls: int = 0
    seconds: Counter = field(default_factory=Counter)

    def told(self):
        """The sessions that have ended, as the fleet lived them: charger, socket, energy, tag."""
        return Counter(
            (charger_id, session.socket_id, session.energy_wh, session.id_tag)
            for (charger_id, _), session in self.truth.sessions.items()
            if session.has_full
        )

    def kept(self):
        """The sessions that are complete in the tables."""
        return Counter(
            (row["charger_id"], row["socket_id"], int(row["energy_wh"]), row["id_tag"])
            for row in self.rows
            if row["state"] == "complete"
        )


class Day:
    """Lives a day of a fleet against one account's tables."""

    def __init__(self, tables, version, chargers, *, seed=1, clock_skew_seconds=0.0, measurement_interval_seconds=900):
        self._tables = tables
        self._version = version
        fleet = Fleet(seed=seed, chargers=chargers, measurement_interval_seconds=measurement_interval_seconds)
        end = fleet.start_ticks + ticks(3600 * HOURS)
        happenings = list(takewhile(lambda happening: happening.received_at < end, fleet.happenings()))
        self._messages = [write(happening) for happening in happenings]
        self._losses = lose(self._messages, seed, late_seconds=LATE_HOURS * 3600)
        self._now = fleet.start_ticks
        self._start, self._end = fleet.start_ticks, end + ticks(3600 * (LATE_HOURS + 1))
        self._world = World(
            fleet.chargers, lambda: self._now, clock_skew_seconds=clock_skew_seconds, source=iter(happenings)
        )

    async def live(self):
        """All of it; returns what there is afterwards."""
        lived = DayLived(Truth.of(self._messages), deliveries=len(self._losses.arrivals))
        lived.lost = Counter(message.meaning.kind for message in self._losses.lost)
        ingest = Ingest(self._tables, SHARDS)
        waiting = iter(self._losses.arrivals)
        arrival = next(waiting, None)
        async with serve_rest(self._world) as server:
            api = open_api(
                version=self._version,
                environment="test",
                api_key=SecretStr(API_KEY),
                client_id=CLIENT_ID,
                base_url=server.base_url(self._version),
            )
            silence_ticks = 60 * 60 * TICKS_PER_SECOND
            plan = PollPlan(Looking(SHARDS, silence_ticks), 1_000_000)
            poller = Poller(self._tables, api, plan, lambda: instant(self._now))
            step = ticks(60 * SESSIONS_EVERY_MINUTES)
            for number, moment in enumerate(range(self._start + step, self._end + 1, step), 1):
                self._now = moment
                bodies = []
                while arrival is not None and arrival.at <= moment:
                    bodies.append(arrival.body)
                    arrival = next(waiting, None)
                with _timed(lived.seconds, "push"):
                    await self._push(ingest, bodies)
                with _timed(lived.seconds, "poll of sessions"):
                    await poller.sessions()
                if number % (CHARGERS_EVERY_MINUTES // SESSIONS_EVERY_MINUTES) == 0:
                    with _timed(lived.seconds, "poll of chargers"):
                        await poller.chargers()
            day = Instant(instant(self._start) // DAY_TICKS * DAY_TICKS)
            with _timed(lived.seconds, "reconciliation"):
                for _ in range(2):
                    await poller.reconcile([day], repairs=True)
            await api.close()
            lived.calls = len(server.calls)
        lived.rows = await self._rows("Transactions")
        lived.ledger = await self._rows("Reconciliation")
        return lived

    async def _push(self, ingest, bodies):
        for first in range(0, len(bodies), BATCH):
            batch = [Delivery(body, "servicebus", instant(self._now)) for body in bodies[first : first + BATCH]]
            await ingest.store(batch, Deadline.after(60))

    async def _rows(self, table):
        found = [stored.row async for stored in self._tables.query(table)]
        return [{name: value for name, value in row.items() if value is not None} for row in found]


class _timed:  # noqa: N801  # reads as a function where it is used
    """Adds the seconds that a block takes."""

    def __init__(self, seconds, name):
        self._seconds = seconds
        self._name = name

    def __enter__(self):
        self._begun = time.monotonic()

    def __exit__(self, *_):
        self._seconds[self._name] += time.monotonic() - self._begun
