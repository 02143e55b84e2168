"""`python -m bench.polls_stub`: answers REST v1 and v2 for a fleet of 1,000 chargers, each call after 50 ms.

Answers are written once: what a call costs here must not be taken for what it costs who polls.
"""

import asyncio
import signal

import orjson
from aiohttp import web

from bench.polls import CHARGERS, LATENCY_SECONDS
from simulator import Fleet
from simulator.happenings import Kind
from simulator.moments import TICKS_PER_DAY
from simulator.rest.bodies import v1_charger, v2_charger
from simulator.rest.routes_v2 import MOST_ROWS
from simulator.rest.world import World


def _world() -> World:
    """A fleet whose chargers have all said something."""
    fleet = Fleet(chargers=CHARGERS, measurement_interval_seconds=86_400)
    ends_at = fleet.start_ticks + TICKS_PER_DAY
    world = World(fleet.chargers, lambda: ends_at)
    for message in fleet.day():
        if message.meaning.kind is Kind.STATE:
            world.hear(message.meaning)
    return world


def _answers(world: World) -> dict[str, bytes]:
    """Every answer by its path, v2's pages by their number."""
    chargers = [world.chargers[charger_id] for charger_id in sorted(world.chargers)]
    answers = {f"/api/charger/{charger.charger_id}": orjson.dumps(v1_charger(world, charger)) for charger in chargers}
    for first in range(0, len(chargers), MOST_ROWS):
        page = {
            "page": first // MOST_ROWS + 1,
            "limit": MOST_ROWS,
            "totalRecords": len(chargers),
            "hasNextPage": first + MOST_ROWS < len(chargers),
            "items": [v2_charger(world, charger) for charger in chargers[first : first + MOST_ROWS]],
        }
        answers[f"{page['page']}"] = orjson.dumps(page)
    return answers


async def _serve() -> None:
    answers = _answers(_world())

    async def answer(request: web.Request) -> web.Response:
        await asyncio.sleep(LATENCY_SECONDS)
        return web.Response(body=answers[request.query.get("page", request.path)], content_type="application/json")

    application = web.Application()
    application.router.add_get("/{path:.*}", answer)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print(f"listening on http://127.0.0.1:{runner.addresses[0][1]}", flush=True)
    stopping = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)
    await stopping.wait()
    await runner.cleanup()


if __name__ == "__main__":
    asyncio.run(_serve())
