"""The flows of a tap: its answer, and the answer's way into the tables."""

import asyncio
import functools
import time
from collections.abc import Awaitable, Callable
from typing import Final

from shared.authorization.authorizer import Authorizer, Policy
from shared.authorization.decisions import Decided, Source
from shared.authorization.recorder import Recorder
from shared.authorization.rules import Decision
from shared.authorization.tags import Tag
from shared.emabler.realtime_auth import AuthRequest, Reason
from shared.ingest.ingest import Ingest
from shared.instants import Instant
from tests.faults.matrix import Flow, Work
from tests.support.faulty_tables import FaultyTables
from tests.support.memory_tables import MemoryTables
from tests.support.messages import deliver, documented, within
from tests.support.tag_lists import LIST, use_list

SHARDS: Final = 2
DEADLINE_SECONDS: Final = 0.8
OUTAGE_SECONDS: Final = 120.0
_LATER_SECONDS = 60.0
"""When look-ups have ended, and what they found has to be asked for again."""

_POLICY = Policy(deadline_seconds=DEADLINE_SECONDS, refuses_unknown_chargers=True)
_KNOWN_CHARGER = "ID_OF_CHARGER"


async def _registered(tables: MemoryTables) -> None:
    """A list with a good tag, and a charger that push has told of."""
    await use_list(tables, LIST, Tag("GOOD", "RFID"))
    await Ingest(tables, SHARDS).store(deliver(documented("mt", "charger_state")), within(20))


async def _tap(tables: FaultyTables, *, id_tag: str, charger_id: str, is_remembered: bool = False) -> Work:
    """The word is the rule that decided, where it was the rules; and how the answer was come by, where it was not."""
    asked = AuthRequest(charger_id=charger_id, rfid_tag_id=id_tag)
    authorizer = Authorizer(tables, SHARDS, _POLICY)
    for lookup in (authorizer._pointers, authorizer._tags, authorizer._chargers):
        lookup._clock = time.monotonic
    if is_remembered:
        await authorizer.decide(asked)
        await asyncio.sleep(_POLICY.stale_seconds / 2)

    async def tap(again: bool) -> str:  # noqa: FBT001  # see Work
        if again:
            await asyncio.sleep(_LATER_SECONDS)
        decided, _ = await authorizer.decide(asked)
        if decided.source is Source.STALE:
            return f"{decided.decision.rule}, as last known"
        return decided.decision.rule

    return tap


_UNKNOWN_TAG: Final = Decision(is_allowed=False, reason=Reason.UNKNOWN_RFID_TAG_ID, rule="tag-unknown")
_ALLOWED: Final = Decision(is_allowed=True, reason=None, rule="allowed")
_DECIDED_AT: Final = Instant.from_iso("2026-01-15T12:00:00.0000000Z")
_DECISIONS: Final = [
    Decided("C1", "GOOD", _ALLOWED, Source.LIVE, _DECIDED_AT, 0.01, LIST, "decision-1"),
    Decided("C2", "GOOD", _ALLOWED, Source.CACHE, _DECIDED_AT, 0.01, LIST, "decision-2"),
    Decided("C1", "NEW", _UNKNOWN_TAG, Source.LIVE, _DECIDED_AT, 0.01, LIST, "decision-3"),
]


async def _recorder(tables: FaultyTables) -> Work:
    recorder = Recorder(tables, SHARDS)

    async def record(again: bool) -> str:  # noqa: FBT001  # see Work
        if not again:
            for decided in _DECISIONS:
                recorder.keep(decided)
        await asyncio.sleep(OUTAGE_SECONDS)
        return "written" if recorder._writing is None or recorder._writing.done() else "waiting"

    return record


async def _recorded_before(tables: MemoryTables) -> None:
    recorder = Recorder(tables, SHARDS)
    recorder.keep(Decided("C1", "NEW", _UNKNOWN_TAG, Source.LIVE, _DECIDED_AT, 0.01, LIST, "decision-0"))
    await recorder.flush(within(20))
    await asyncio.sleep(1)


async def _nothing(_tables: MemoryTables) -> None:
    """New tables."""


def _tap_flow(name: str, id_tag: str, charger_id: str, rule: str, *, is_remembered: bool = False) -> Flow:
    start = functools.partial(_tap, id_tag=id_tag, charger_id=charger_id, is_remembered=is_remembered)
    return Flow(name, _registered, start, rule, DEADLINE_SECONDS)


def _recorder_flow(name: str, prepare: Callable[[MemoryTables], Awaitable[None]]) -> Flow:
    counts = {"UnknownTags": "taps"}
    return Flow(name, prepare, _recorder, "written", OUTAGE_SECONDS, statistics=counts, is_of_one_process=True)


FLOWS: Final = [
    _tap_flow("tap, in the list", "GOOD", _KNOWN_CHARGER, "allowed"),
    _tap_flow("tap, tag unknown", "NEW", _KNOWN_CHARGER, "tag-unknown"),
    _tap_flow("tap, charger unknown", "GOOD", "C9", "charger-unknown"),
    _tap_flow("tap, known before", "GOOD", _KNOWN_CHARGER, "allowed", is_remembered=True),
    _recorder_flow("recorder, new tables", _nothing),
    _recorder_flow("recorder, known tables", _recorded_before),
]
