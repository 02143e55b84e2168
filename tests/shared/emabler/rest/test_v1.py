"""What v1 is asked, and what only v1 does."""

import httpx
import pytest

from shared.emabler.rest.errors import (
    ContractBroken,
    EmablerUnavailable,
    NotFound,
    NotOffered,
    RequestRefused,
)
from shared.instants import Instant
from tests.shared.emabler.rest.support import CHARGER, ScriptedEmabler, limits, opened

START, END = Instant.from_iso("2025-04-02T00:00:00.0000000Z"), Instant.from_iso("2025-04-03T00:00:00.0000000Z")


def asked(emabler):
    """Method and path of what came, beneath the base URL."""
    return [f"{request.method} {request.url.raw_path.decode().split('?')[0]}" for request in emabler.requests]


async def test_every_known_charger_is_asked_for():
    """v1 has no list; one that is gone costs the others nothing."""

    def answer(request):
        charger_id = request.url.path.rsplit("/", 1)[-1]
        return httpx.Response(404) if charger_id == "B" else httpx.Response(200, json={"chargerId": charger_id})

    emabler = ScriptedEmabler(answer)
    listing = opened("v1", emabler.network()).chargers(["A", "B", "C"], limits())

    assert [charger.charger_id async for charger in listing] == ["A", "C"]
    assert {charger_id: type(error) for charger_id, error in listing.tally.failures.items()} == {"B": NotFound}
    assert sorted(asked(emabler)) == [f"GET /base/charger/{charger_id}" for charger_id in "ABC"]


@pytest.mark.parametrize(
    ("charger_id", "segment"),
    [("A/B", "A%2FB"), ("A?b=c", "A%3Fb%3Dc"), ("A#1", "A%231"), ("A b", "A%20b"), ("ä", "%C3%A4"), ("50%", "50%25")],
)
@pytest.mark.parametrize(("version", "path"), [("v1", "/base/charger/"), ("v2", "/base/v2/chargers/")])
async def test_an_id_stays_one_segment_of_the_path(charger_id, segment, version, path):
    """Ids come from chargers and may hold anything."""
    emabler = ScriptedEmabler(httpx.Response(200, json=CHARGER[version]))

    await opened(version, emabler.network()).charger(charger_id, limits())

    assert asked(emabler) == [f"GET {path}{segment}"]


@pytest.mark.parametrize("charger_id", ["", ".", "..", "\ud800"])
@pytest.mark.parametrize("version", ["v1", "v2"])
async def test_an_id_that_would_be_another_path_is_not_asked_for(charger_id, version):
    """`chargers/` is the list of all, and `..` leads out of it."""
    emabler = ScriptedEmabler(httpx.Response(200, json=CHARGER[version]))

    with pytest.raises(RequestRefused):
        await opened(version, emabler.network()).charger(charger_id, limits())

    assert emabler.requests == []


async def test_sessions_are_one_call_for_a_window():
    """v1 has no pages; a row that comes twice is one."""
    rows = [{"chargerId": "A", "socketId": 1, "startTimeUTC": "2025-04-02T10:00:00"}] * 2
    emabler = ScriptedEmabler(httpx.Response(200, json={"results": rows}))
    listing = opened("v1", emabler.network()).sessions(START, END, limits())

    sessions = [session async for session in listing]

    assert [session.charger_id for session in sessions] == ["A"]
    assert asked(emabler) == ["POST /base/statistics/transactions"]
    assert emabler.bodies() == [
        {"startTime": "2025-04-02T00:00:00.0000000Z", "endTime": "2025-04-03T00:00:00.0000000Z"}
    ]
    assert (listing.tally.repeated_rows, listing.tally.is_whole) == (1, True)


async def test_statistics_are_kept_as_they_come():
    """Their shape is not documented; that they are JSON is all we ask."""
    body = b'{"sessions" : 5, "new": [1.50]}'
    emabler = ScriptedEmabler(httpx.Response(200, content=body))

    statistics = await opened("v1", emabler.network()).statistics(limits())

    assert statistics.raw == body
    assert statistics.value == {"sessions": 5, "new": [1.5]}
    assert asked(emabler) == ["GET /base/statistics"]


@pytest.mark.parametrize("answer", [b"123", b'"123"', b'{"id": 123}', b'{"groupId": "123"}'])
async def test_a_new_site_gives_its_id(answer):
    """Documented as a bare integer."""
    emabler = ScriptedEmabler(httpx.Response(200, content=answer))

    assert await opened("v1", emabler.network()).add_site("North Yard", limits()) == "123"

    assert asked(emabler) == ["POST /base/group/add"]
    assert emabler.bodies() == [{"name": "North Yard"}]


@pytest.mark.parametrize("answer", [b"", b"<html>", b"{}", b"null", b"[]"])
async def test_a_new_site_without_an_id_is_told_as_added(answer):
    """So that nobody adds it again."""
    emabler = ScriptedEmabler(httpx.Response(200, content=answer))

    with pytest.raises(ContractBroken, match="look for it"):
        await opened("v1", emabler.network()).add_site("North Yard", limits())


async def test_a_new_charger_is_added_to_its_site():
    """What is answered beside success does not matter."""
    emabler = ScriptedEmabler(httpx.Response(200, text="A/1"))

    await opened("v1", emabler.network()).add_charger("A/1", "123", "North", limits())

    assert asked(emabler) == ["POST /base/charger/add/A%2F1/123"]
    assert emabler.bodies() == [{"chargerName": "North"}]


@pytest.mark.parametrize("fault", [httpx.ReadTimeout("slow"), httpx.Response(502)])
async def test_a_write_in_doubt_is_made_once_and_says_so(fault):
    """Nobody knows whether the site is there now."""
    emabler = ScriptedEmabler(fault)

    with pytest.raises(EmablerUnavailable, match="look before you repeat it"):
        await opened("v1", emabler.network()).add_site("North Yard", limits())

    assert len(emabler.requests) == 1


@pytest.mark.parametrize("operation", ["sites", "push_integrations"])
def test_what_v1_does_not_have_is_said_at_once(operation):
    """And which version has it."""
    with pytest.raises(NotOffered, match="v2"):
        getattr(opened("v1"), operation)(limits())
