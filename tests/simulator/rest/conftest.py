"""A day of a fleet, and the platform's REST APIs of it."""

from itertools import takewhile

import pytest

from simulator import Fleet
from simulator.moments import TICKS_PER_DAY
from simulator.rest.server import serve_rest
from simulator.rest.world import World
from tests.simulator.rest.support import Day


@pytest.fixture(scope="session")
def day():
    """What happens to forty chargers of all generations in a day; nobody changes it."""
    fleet = Fleet(seed=1, chargers=40, measurement_interval_seconds=3600)
    end = fleet.start_ticks + TICKS_PER_DAY
    happenings = tuple(takewhile(lambda happening: happening.received_at < end, fleet.happenings()))
    return Day(fleet, happenings, end)


@pytest.fixture
def world(day):
    """The platform at the end of the day, having received all of it."""
    world = World(day.fleet.chargers, lambda: day.end)
    for happening in day.happenings:
        world.hear(happening)
    return world


@pytest.fixture
async def server(world):
    """The REST APIs of that platform."""
    async with serve_rest(world) as server:
        yield server
