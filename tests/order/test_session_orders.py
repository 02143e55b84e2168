"""All 720 orders of a session's six words, by any doors: the same rows (docs/tables.md, docs/decisions/0010).

Five are pushed, the sixth is what REST tells of the session. A failure names the order and the seed of its doors;
ORDER_SEED=... chooses other doors. On Azurite a sample is tried: ORDER_ON_AZURITE=720 tries all.
"""

import os
from collections.abc import Sequence
from itertools import permutations
from random import Random

import pytest

from shared.emabler.rest.addresses import ApiVersion
from shared.emabler.rest.answers import PolledSession
from shared.instants import Instant
from tests.order.conftest import EmptyTables
from tests.order.deliveries import Told, tell
from tests.order.deployment import Deployment
from tests.order.rows import Rows, differences, everything
from tests.order.telling import Session, later
from tests.support.fake_emabler import FakeEmabler
from tests.support.messages import body

SEED = os.environ.get("ORDER_SEED", "1")
ON_AZURITE = int(os.environ.get("ORDER_ON_AZURITE", "12"))
SHARES = 6
"""Into how many tests the 720 orders are divided."""

pytestmark = pytest.mark.timeout(900)
"""For the long form."""

BEGAN_AT = Instant.from_iso("2025-03-31T23:40:00.0000000Z")
SESSION = Session("C1", "77", BEGAN_AT, later(BEGAN_AT, 3600))
"""It ends in another month than it began in."""
NOW = later(SESSION.ended_at, 600)

REST = {
    "the charger's id": (ApiVersion.V2, SESSION.by_rest()),
    "eMabler's id": (ApiVersion.V2, SESSION.by_rest(evse=False, number="77")),
    "no id": (ApiVersion.V1, SESSION.by_rest(evse=False)),
}


async def _poll(deployment: Deployment) -> None:
    await deployment.poll_sessions()


SIX: tuple[Told, ...] = (
    *(body(told) for told in (SESSION.start(), SESSION.charging(), SESSION.measured(), SESSION.stop(), SESSION.full())),
    _poll,
)
ORDERS = list(permutations(range(len(SIX))))


async def _rows_after(
    empty: EmptyTables, order: Sequence[int], rest: tuple[ApiVersion, PolledSession], seed: str
) -> Rows:
    version, session = rest
    api = FakeEmabler(version)
    api.sessions_now = [session]
    tables = await empty()
    deployment = Deployment(tables, api, lambda: NOW)
    await tell(deployment, [SIX[number] for number in order], Random(seed))
    if session.evse_transaction_id is None:
        await _poll(deployment)  # what REST alone told is joined by the next poll after its push (docs/polling.md)
    return await everything(tables)


async def _assert_same(
    empty: EmptyTables, orders: Sequence[Sequence[int]], known_by: str, in_memory: EmptyTables
) -> None:
    expected = await _rows_after(in_memory, range(len(SIX)), REST[known_by], "in order")
    for order in orders:
        seed = f"{SEED} {order}"
        found = differences(await _rows_after(empty, order, REST[known_by], seed), expected)
        assert not found, f"ORDER_SEED={SEED}, order {order}, REST knows {known_by}: {found}"


async def test_the_six_words_make_one_session_with_all_that_they_tell(in_memory):
    """So that the orders are not all wrong alike."""
    rows = await _rows_after(in_memory, range(len(SIX)), REST["the charger's id"], "in order")

    assert {name: len(found) for name, found in rows.items()} == {
        "ChargerStatus": 1,
        "Layout": 1,
        "Measurements202503": 1,
        "PushEvents202503": 3,
        "PushEvents202504": 2,
        "Transactions": 1,
    }
    ((key, row),) = rows["Transactions"].items()
    assert key[1] == "C1!77"
    assert (row["state"], row["source"], row["energy_wh"]) == ("complete", "both", 5000)
    assert (row["started_at"], row["ended_at"]) == (SESSION.began_at, SESSION.ended_at)
    assert all(row[f"has_{kind}"] for kind in ("start", "stop", "full", "poll"))


@pytest.mark.parametrize("known_by", REST)
@pytest.mark.parametrize("share", range(SHARES))
async def test_every_order_of_a_session_ends_in_the_same_rows(in_memory, share, known_by):
    """With repeats, in any batches, over queue, webhook and poll."""
    await _assert_same(in_memory, ORDERS[share::SHARES], known_by, in_memory)


@pytest.mark.parametrize("known_by", REST)
async def test_orders_of_a_session_end_in_the_same_rows_on_azurite(on_azurite, in_memory, known_by):
    """A sample, held to the rows in memory."""
    sample = Random(f"{SEED} {known_by}").sample(ORDERS, max(1, ON_AZURITE // len(REST)))
    await _assert_same(on_azurite, sample, known_by, in_memory)
