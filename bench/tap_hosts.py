"""Our app and one that does nothing, each under a host of its own, ready to be asked about the same tags.

Each side has its own process, because one process would charge ours to both: its memory to the garbage collector, and
the decisions that are written half a second later. So that they do not fall into the other side's turn either, a turn
ends when all servers are quiet.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Final

import psutil

from bench.apps import NOTHING, OURS, running_app
from bench.http_calls import Call, Connection, Latencies, connections_to
from bench.processes import Server, running
from bench.queues import running_broker
from bench.rounds import Spread
from bench.tap_world import TOKEN, write_tap_world
from shared.authorization.recorder import GATHER_SECONDS
from tests.support.azurite import azurite_table

_LOOK_SECONDS: Final = GATHER_SECONDS + 0.2
_QUIET_SHARE: Final = 0.05
"""Of one core: what idle servers take for their listeners is less."""
_LIMIT_SECONDS: Final = 60.0


Ask = Callable[[Sequence[Connection], Sequence[Call]], Awaitable[Latencies]]
"""A way to make calls: see `bench.http_calls`."""


@dataclass(frozen=True, slots=True)
class TapHosts:
    """The two hosts, and the storage that both have."""

    ours: Server
    nothing: Server
    storage: str


@dataclass(frozen=True, slots=True)
class Asked:
    """What one turn of a side took."""

    latencies: Latencies
    cpu_microseconds: float
    """Of the host, for one call, with everything that it did afterwards."""


Turn = Callable[[int], Awaitable[Asked]]
"""A side's turn, given the round's number."""


@asynccontextmanager
async def tap_hosts(id_tags: Sequence[str]) -> AsyncIterator[TapHosts]:
    """Both apps, whole, with their queue triggers waiting, over one Azurite with a list of these tags."""
    with azurite_table() as storage, running_broker(("ours", "nothing")) as queues:
        await write_tap_world(storage, id_tags)
        environment = {"EventStorage": storage, "ServiceBusConnection": queues, "REALTIME_AUTH_TOKENS": TOKEN}
        with (
            running_app(OURS, environment | {"PUSH_EVENTS_QUEUE": "ours"}) as ours,
            running_app(NOTHING, environment | {"PUSH_EVENTS_QUEUE": "nothing"}) as nothing,
        ):
            yield TapHosts(ours, nothing, storage)


def asking(
    host: Server,
    ask: Ask,
    connections: int,
    calls: Callable[[], Sequence[Call]],
    beside: Callable[[], AbstractContextManager[object]] = nullcontext,
) -> Turn:
    """A side that makes calls to a host over so many connections; `calls` gives a turn's, `beside` runs meanwhile."""

    async def turn(_number: int) -> Asked:
        asked = calls()
        cpu_seconds = host.cpu_seconds
        with beside():
            async with connections_to(host.address, connections) as opened:
                latencies = await ask(opened, asked)
        await quiet()
        return Asked(latencies, (host.cpu_seconds - cpu_seconds) * 1e6 / len(asked))

    return turn


def decision_writer(storage: str, decisions_a_second: int) -> Callable[[], AbstractContextManager[object]]:
    """A process that writes so many decisions into the storage, to run beside a side that records none.

    It shows what those writes alone make others wait: Azurite does one thing at a time, and takes one of the cores.
    """
    return partial(running, "bench.decision_writer", str(decisions_a_second), environment={"EventStorage": storage})


async def quiet() -> None:
    """Return when all servers have done nothing for longer than decisions are gathered: they are written then."""
    servers = psutil.Process().children()
    async with asyncio.timeout(_LIMIT_SECONDS):
        while True:
            cpu_seconds = _cpu_seconds(servers)
            await asyncio.sleep(_LOOK_SECONDS)
            if _cpu_seconds(servers) - cpu_seconds < _QUIET_SHARE * _LOOK_SECONDS:
                return


def _cpu_seconds(processes: Iterable[psutil.Process]) -> float:
    times = [process.cpu_times() for process in processes]
    return float(sum(each.user + each.system for each in times))


def percentiles(turns: Iterable[Asked], percent: float) -> list[float]:
    """Turn by turn, the milliseconds within which that part of the answers came."""
    return [asked.latencies.percentile(percent) for asked in turns]


def figures(turns: Sequence[Asked]) -> list[str]:
    """The columns of a side, as `FIGURES` names them."""
    return [
        Spread.of(percentiles(turns, 50)).text(2),
        Spread.of(percentiles(turns, 99)).text(2),
        Spread.of(asked.latencies.answers_a_second for asked in turns).text(0),
        Spread.of(asked.cpu_microseconds for asked in turns).text(0),
    ]


FIGURES: Final = ["p50 ms", "p99 ms", "answers/s", "host CPU µs"]
