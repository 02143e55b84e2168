"""What the tests of the simulated REST APIs share: a day, and asking over real HTTP."""

from dataclasses import dataclass

import httpx

from simulator import Fleet
from simulator.happenings import Happening, Kind
from simulator.moments import write_time
from simulator.rest.routes_v1 import API_KEY, CLIENT_ID

V1_KEY = {"code": API_KEY, "clientId": CLIENT_ID}
V2_KEY = {"x-api-key": API_KEY}


@dataclass(frozen=True)
class Day:
    """All that happens to a fleet in a day that ends at `end` (ticks)."""

    fleet: Fleet
    happenings: tuple[Happening, ...]
    end: int

    def of(self, kind: Kind) -> list[Happening]:
        """What happens of one kind."""
        return [happening for happening in self.happenings if happening.kind is kind]


def v1(server, **options):
    """A client of v1 with the key."""
    return httpx.AsyncClient(base_url=server.base_url("v1"), params=V1_KEY, trust_env=False, **options)


def v2(server, **options):
    """A client of v2 with the key."""
    return httpx.AsyncClient(base_url=server.base_url("v2"), headers=V2_KEY, trust_env=False, **options)


async def read_pages(client, path, limit, **asked):
    """The pages of a list, followed as they say; a list of sessions is asked for with a body."""
    pages = []
    while not pages or pages[-1]["hasNextPage"]:
        paging = {"page": len(pages) + 1, "limit": limit}
        if path.endswith("/transactions"):
            response = await client.post(path, json=paging | asked)
        else:
            response = await client.get(path, params=paging | asked)
        pages.append(response.raise_for_status().json())
    return pages


async def read_all(client, path, limit=100, **asked):
    """The items of all pages."""
    return [item for page in await read_pages(client, path, limit, **asked) for item in page["items"]]


def window(first, last, begin="stopTimeSearchBegin", end="stopTime"):
    """The filter of v2's sessions for a window of time in ticks."""
    return {begin: write_time(first), end: write_time(last)}
