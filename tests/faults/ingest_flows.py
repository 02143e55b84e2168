"""The flows that store events: batches of every kind from the queue, and the webhook that stores by itself."""

import functools
import random
from collections.abc import Awaitable, Callable
from typing import Final

from shared.ingest.ingest import Ingest
from shared.webhook.reading import Kind
from shared.webhook.webhook import STORE_SECONDS, Webhook
from tests.faults.matrix import Flow, Work
from tests.support.faulty_tables import FaultyTables
from tests.support.memory_tables import MemoryTables
from tests.support.messages import body, deliver, documented, within

INGEST_SECONDS: Final = 120.0
SHARDS: Final = 2

_LARGE_MESSAGE: Final = random.Random(6).randbytes(2_000).hex()
"""Does not get smaller by compression."""
_EARLIER = "2025-04-02T08:00:00.0000000Z"
_ARRIVALS: Final = {"Quarantine": frozenset({"deliveries", "last_received_at"})}
_STATISTICS: Final = {"Drift": "count"}

_STATE = documented("mt", "charger_state")
_MIXED: Final = [
    body(message)
    for message in (
        _STATE,
        documented("mt", "charger_state", chargerId="C2", aNewField="never seen before"),
        documented("mt", "charger_boot"),
        documented("mt", "charging_transaction"),
        documented("mt", "full_charging_transaction"),
        documented("mt", "measurements"),
    )
]
_EARLIER_ONES: Final = [
    body(message | {"receivedTimestamp": _EARLIER})
    for message in (_STATE, documented("mt", "charging_transaction"), documented("mt", "measurements"))
]
_LARGE: Final = [body(_STATE | {"message": _LARGE_MESSAGE}), b"no JSON, and large: " + _LARGE_MESSAGE.encode()]
_ONE_BAD: Final = [body(_STATE), b"ChargerState;C1;Available"]


_Prepare = Callable[[MemoryTables], Awaitable[None]]


async def _nothing(_tables: MemoryTables) -> None:
    """New tables."""


def _stored_before(*bodies: bytes) -> _Prepare:
    async def prepare(tables: MemoryTables) -> None:
        await Ingest(tables, SHARDS).store(deliver(*bodies), within(20))

    return prepare


async def _ingest(tables: FaultyTables, *, bodies: list[bytes], shards: int) -> Work:
    ingest = Ingest(tables, shards)

    async def store(again: bool) -> str:  # noqa: FBT001  # a redelivery is the same
        await ingest.store(deliver(*bodies), within(INGEST_SECONDS))
        return "stored"

    return store


async def _webhook(tables: FaultyTables) -> Work:
    ingest = Ingest(tables, SHARDS)
    webhook = Webhook(None, lambda: ingest)

    async def take(again: bool) -> str:  # noqa: FBT001  # eMabler's repeat is the same
        answer = await webhook.take(_MIXED[1], Kind.EVENTS)
        return str(answer.status)

    return take


def _flow(name: str, prepare: _Prepare, bodies: list[bytes], shards: int = SHARDS) -> Flow:
    return Flow(
        name,
        prepare,
        functools.partial(_ingest, bodies=bodies, shards=shards),
        "stored",
        INGEST_SECONDS,
        _ARRIVALS,
        _STATISTICS,
    )


FLOWS: Final = [
    _flow("ingest, new tables", _nothing, _MIXED, shards=1),
    _flow("ingest, known tables", _stored_before(*_EARLIER_ONES), _MIXED),
    _flow("ingest, large bodies", _nothing, _LARGE),
    _flow("ingest, one quarantined", _stored_before(*_EARLIER_ONES), _ONE_BAD),
    _flow("ingest, repeat", _stored_before(*_MIXED), _MIXED),
    Flow("webhook", _stored_before(*_EARLIER_ONES), _webhook, "200", STORE_SECONDS, _ARRIVALS, _STATISTICS),
]
