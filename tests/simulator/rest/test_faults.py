"""Every fault that can be ordered, as a client meets it on the wire."""

import json

import httpx
import pytest

from simulator.rest.faults import Fault, FaultKind
from simulator.rest.server import ORDERS, serve_rest
from tests.simulator.rest.support import read_pages, v1, v2

PATIENCE_SECONDS = 0.3
CLIENTS = {"v1": (v1, "/statistics"), "v2": (v2, "/v2/chargers")}


@pytest.fixture(params=CLIENTS)
async def ask(request, server):
    """Asks one version of the API something that it answers when nothing is wrong."""
    opened, path = CLIENTS[request.param]
    async with opened(server, timeout=PATIENCE_SECONDS) as client:
        yield lambda: client.get(path)


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        (Fault(FaultKind.UNAUTHORIZED), 401),
        (Fault(FaultKind.FORBIDDEN), 403),
        (Fault(FaultKind.NOT_FOUND), 404),
        (Fault(FaultKind.RATE_LIMITED), 429),
        (Fault(FaultKind.SERVER_ERROR), 503),
        (Fault(FaultKind.SERVER_ERROR, status=500), 500),
        (Fault(FaultKind.REDIRECT), 302),
    ],
    ids=lambda value: str(value.kind) if isinstance(value, Fault) else str(value),
)
async def test_a_status_is_answered_instead_of_the_answer(server, ask, fault, status):
    """And counted as a call."""
    server.faults.order(fault)

    response = await ask()

    assert (response.status_code, server.calls[-1].status) == (status, status)


@pytest.mark.parametrize("retry_after", [None, "7", "Fri, 31 Dec 2999 23:59:59 GMT"])
async def test_a_rate_limit_may_say_when_to_come_back(server, ask, retry_after):
    """In seconds, as a date, or not at all."""
    server.faults.order(Fault(FaultKind.RATE_LIMITED, retry_after=retry_after))

    assert (await ask()).headers.get("Retry-After") == retry_after


async def test_a_redirect_leads_elsewhere(server, ask):
    """To where nobody should take the key."""
    server.faults.order(Fault(FaultKind.REDIRECT))

    assert "Location" in (await ask()).headers


async def test_a_page_for_people_comes_as_a_success(server, ask):
    """HTML with 200."""
    server.faults.order(Fault(FaultKind.HTML))

    response = await ask()

    assert (response.status_code, response.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert response.text.startswith("<html>")


async def test_truncated_json_has_an_honest_length(server, ask):
    """It is whole for HTTP, and half for whoever reads it."""
    whole = (await ask()).content
    server.faults.order(Fault(FaultKind.TRUNCATED))

    response = await ask()

    assert response.content == whole[: len(whole) // 2]
    assert int(response.headers["Content-Length"]) == len(response.content)
    with pytest.raises(json.JSONDecodeError):
        response.json()


async def test_a_connection_is_cut_in_the_middle_of_the_body(server, ask):
    """After a length that is never reached; the next request is answered."""
    server.faults.order(Fault(FaultKind.CUT_CONNECTION, times=1))

    with pytest.raises(httpx.RemoteProtocolError):
        await ask()
    assert (await ask()).status_code == 200


async def test_a_hanging_server_never_answers_and_still_closes(world):
    """Who asks has to give up by himself."""
    async with serve_rest(world) as server, v2(server, timeout=PATIENCE_SECONDS) as client:
        server.faults.order(Fault(FaultKind.HANG))
        with pytest.raises(httpx.ReadTimeout):
            await client.get("/v2/chargers")

    assert server.stopping.is_set()


async def test_endless_pages_repeat_the_last_one(server):
    """And always promise another."""
    async with v2(server) as client:
        whole = await read_pages(client, "/v2/chargers", limit=15)
        server.faults.order(Fault(FaultKind.ENDLESS_PAGES))
        pages = [
            (await client.get("/v2/chargers", params={"page": number, "limit": 15})).json() for number in range(1, 7)
        ]

    assert [page["items"] for page in pages] == [page["items"] for page in whole] + [whole[-1]["items"]] * 3
    assert all(page["hasNextPage"] for page in pages)


async def test_shifting_pages_repeat_rows_at_their_boundaries_and_miss_none(server):
    """One more for each page that was read."""
    async with v2(server) as client:
        [whole] = await read_pages(client, "/v2/chargers", limit=100)
        server.faults.order(Fault(FaultKind.SHIFTING_PAGES))
        pages = [page["items"] for page in await read_pages(client, "/v2/chargers", limit=15)]

    assert len(pages) == 3
    assert pages[1][0] == pages[0][-1]
    assert pages[2][0] == pages[1][-1]
    assert [*pages[0], *pages[1][1:], *pages[2][1:]] == whole["items"]


async def test_a_fault_comes_so_many_times(server, ask):
    """Then the next that fits, then none."""
    server.faults.order(Fault(FaultKind.SERVER_ERROR, times=2), Fault(FaultKind.FORBIDDEN, times=1))

    assert [(await ask()).status_code for _ in range(4)] == [503, 503, 403, 200]


async def test_a_fault_is_of_the_paths_that_it_names(server):
    """One bad charger, and the others well."""
    async with v1(server) as client:
        bad, good = list(server.world.chargers)[:2]
        server.faults.order(Fault(FaultKind.SERVER_ERROR, path=f"charger/{bad}"))

        assert (await client.get(f"/charger/{bad}")).status_code == 503
        assert (await client.get(f"/charger/{good}")).status_code == 200


async def test_cleared_faults_are_gone(server, ask):
    """All of them at once."""
    server.faults.order(Fault(FaultKind.FORBIDDEN), Fault(FaultKind.HTML))
    server.faults.clear()

    assert (await ask()).json()


async def test_other_processes_order_and_clear_over_http(server, ask):
    """Without the key, and without a count of calls."""
    async with httpx.AsyncClient(base_url=server.url, trust_env=False) as other:
        ordered = await other.put(
            ORDERS, json=[{"kind": "rate_limited", "path": "/", "retry_after": 3}, {"kind": "html", "times": 1}]
        )
        met = await ask()
        cleared = await other.delete(ORDERS)

    assert (ordered.json(), cleared.status_code) == ({"ordered": 2}, 200)
    assert (met.status_code, met.headers["Retry-After"]) == (429, "3")
    assert (await ask()).status_code == 200
    assert all(ORDERS not in call.path for call in server.calls)


@pytest.mark.parametrize(
    "order",
    ["{", "7", '["html"]', "[{}]", '[{"kind":"rain"}]', '[{"kind":"html","times":"twice"}]', '[{"kind":"html","x":1}]'],
)
async def test_an_order_of_no_fault_is_refused_as_a_whole(server, ask, order):
    """With what is wrong about it."""
    async with httpx.AsyncClient(base_url=server.url, trust_env=False) as other:
        refused = await other.put(ORDERS, content=order)

    assert refused.status_code == 400
    assert refused.json()["error"]
    assert (await ask()).status_code == 200
