"""v2's requests and answers against eMabler's own OpenAPI document, played by Prism.

For development only: set EMABLER_V2_OPENAPI to the document, and have `prism` (npm, @stoplight/prism-cli) on the PATH.
"""

import os
import shutil
import socket
import subprocess
import time

import httpx
import pytest

from shared.emabler.rest.listings import Ended
from shared.instants import Instant
from tests.shared.emabler.rest.support import limits, opened

DOCUMENT = os.environ.get("EMABLER_V2_OPENAPI")
PRISM = shutil.which("prism")
START_SECONDS = 30

pytestmark = pytest.mark.skipif(not (DOCUMENT and PRISM), reason="needs EMABLER_V2_OPENAPI and prism")

START, END = Instant.from_iso("2025-04-02T00:00:00.0000000Z"), Instant.from_iso("2025-04-03T00:00:00.0000000Z")
LISTS = {
    "chargers": lambda api: api.chargers((), limits()),
    "sockets": lambda api: api.sockets(limits()),
    "charger events": lambda api: api.charger_events("C1", START, END, limits()),
    "sessions": lambda api: api.sessions(START, END, limits()),
    "ongoing sessions": lambda api: api.ongoing_sessions(limits()),
    "sites": lambda api: api.sites(limits()),
    "push integrations": lambda api: api.push_integrations(limits()),
}

ENDLESS = {"transactionLengthMinutes"}
"""Prism's example of a double is the least there is, which no table row needs to hold."""


@pytest.fixture(scope="module")
def prism():
    """The base URL of a Prism that refuses every request the document does not allow."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [PRISM, "mock", "--errors", "--host", "127.0.0.1", "--port", str(port), DOCUMENT]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            _wait_until_it_answers(f"http://127.0.0.1:{port}", process)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()


def _wait_until_it_answers(url, process):
    """Any answer will do."""
    give_up_at = time.monotonic() + START_SECONDS
    while time.monotonic() < give_up_at and process.poll() is None:
        try:
            httpx.get(url, trust_env=False)
        except httpx.TransportError:
            time.sleep(0.1)
        else:
            return
    pytest.fail("prism did not start")


@pytest.mark.parametrize("name", LISTS)
async def test_every_list_is_accepted_and_read(name, prism):
    """Each answer of the document's kind gives a row, and every field of it that we read can be read."""
    api = opened("v2", base_url=prism)
    listing = LISTS[name](api)

    rows = [row async for row in listing]
    await api.close()

    assert len(rows) == 1
    assert listing.tally.unreadable_rows == 0
    assert set(listing.tally.unreadable_fields) <= ENDLESS
    assert listing.tally.ended in (Ended.LAST_PAGE, Ended.REPEATED_PAGE)


async def test_a_single_charger_is_accepted_and_read(prism):
    """With the id that the document's example has."""
    api = opened("v2", base_url=prism)

    charger = await api.charger("C1", limits())
    await api.close()

    assert charger.charger_id
    assert charger.sockets
