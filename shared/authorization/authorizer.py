"""From a tag and a charger to a decision, always in time: by the rules, or as the operator chose for failures."""

import asyncio
import logging
import time
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NamedTuple

from shared.authorization.chargers import find_charger
from shared.authorization.decisions import Decided, Source
from shared.authorization.lookups import Found, Lifetimes, Lookup
from shared.authorization.registry import Pointer, Registry
from shared.authorization.rules import Decision, Tap, decide
from shared.authorization.tags import Charger, Tag, canonical_tag
from shared.deadlines import Deadline
from shared.emabler.realtime_auth import AuthRequest, Reason
from shared.errors import EmablerError, Unacceptable
from shared.instants import Instant
from shared.tables.store import Tables

UNKNOWN_FRESH_SECONDS: Final = 5.0
"""How long "no such tag", "no such charger" and "this list is in use" are believed: a new card works at once."""

NOT_A_TAG: Final = Decision(is_allowed=False, reason=Reason.UNAUTHORIZED_RFID_TAG_ID, rule="not-a-tag")
TAG_UNREADABLE: Final = Decision(is_allowed=False, reason=Reason.UNAUTHORIZED_RFID_TAG_ID, rule="tag-unreadable")

_POINTER = "pointer"

_log = logging.getLogger(__name__)


class OnFailure(StrEnum):
    """What is answered when the rules could not be asked in time."""

    DENY = "deny"
    ALLOW = "allow"
    ERROR = "error"  # an HTTP failure, so that the fallback configured at eMabler decides


@dataclass(frozen=True, slots=True)
class Policy:
    """What the operator chose; the settings `REALTIME_AUTH_...` say the same."""

    cache_seconds: float = 30.0
    stale_seconds: float = 3600.0
    deadline_seconds: float = 0.8
    on_failure: OnFailure = OnFailure.DENY
    refuses_unknown_chargers: bool = False


class InList(NamedTuple):
    """What a list has of a tag: the tag, or None; unreadable where somebody spoiled its row."""

    list_table: str | None
    tag: Tag | None
    is_readable: bool = True


class Authorizer:
    """Decides about taps. One instance serves a process and remembers what it looked up."""

    def __init__(self, tables: Tables, shards: int, policy: Policy) -> None:
        self._tables = tables
        self._shards = shards
        self._policy = policy
        self._registry = Registry(tables)
        known = Lifetimes(policy.cache_seconds, policy.cache_seconds)
        # A charger hardly ever moves, so a known one never makes a driver wait again.
        known_charger = Lifetimes(max(policy.cache_seconds, policy.stale_seconds), policy.cache_seconds)
        unknown = Lifetimes(*[min(UNKNOWN_FRESH_SECONDS, policy.cache_seconds)] * 2)
        pointer = Lifetimes(unknown.fresh_seconds, unknown.fresh_seconds / 2)
        self._pointers = Lookup("list in use", self._ask_pointer, lambda _: pointer, policy.stale_seconds)
        self._tags = Lookup(
            "tag", self._ask_tag, lambda found: unknown if found.tag is None else known, policy.stale_seconds
        )
        self._chargers = Lookup(
            "charger",
            self._ask_charger,
            lambda charger: known_charger if charger.is_known else unknown,
            policy.stale_seconds,
        )

    async def decide(self, request: AuthRequest) -> tuple[Decided, Tag | None]:
        """The decision about a tap, and the tag where it is known; never raises, never later than the deadline."""
        begun_seconds = time.perf_counter()
        now = Instant.now()
        id_tag, in_list = request.rfid_tag_id, InList(None, None)
        try:
            id_tag = canonical_tag(request.rfid_tag_id)
        except Unacceptable:
            decision, source = NOT_A_TAG, Source.LIVE
        else:
            decision, source, in_list = await self._decide(id_tag, request.charger_id, now)
        latency_seconds = time.perf_counter() - begun_seconds
        decided = Decided(request.charger_id, id_tag, decision, source, now, latency_seconds, in_list.list_table)
        return decided, in_list.tag

    async def _decide(self, id_tag: str, charger_id: str, now: Instant) -> tuple[Decision, Source, InList]:
        try:
            found, charger = await self._look_up(id_tag, charger_id)
            tap = Tap(found.value.tag, charger.value, now, self._policy.refuses_unknown_chargers)
            decision = decide(tap) if found.value.is_readable else TAG_UNREADABLE
            return decision, _source(found.source, charger.source), found.value
        except EmablerError:
            pass  # the look-up has logged it
        except Exception as error:  # noqa: BLE001  # the driver gets an answer also where this app has a fault
            # Its text could hold anything.
            _log.error("tap not decided by the rules error=%s; a fault of this app, report it", type(error).__name__)
        return decision_on_failure(self._policy.on_failure), Source.DEADLINE, InList(None, None)

    async def _look_up(self, id_tag: str, charger_id: str) -> tuple[Found[InList], Found[Charger]]:
        """Tag and charger, both at once where storage has to be asked."""
        tag, charger = self._tags.remembered(id_tag), self._chargers.remembered(charger_id)
        if tag is not None and charger is not None:
            return tag, charger
        deadline = Deadline.after(self._policy.deadline_seconds)
        if charger is not None:
            return await self._tags.find(id_tag, deadline), charger
        if tag is not None:
            return tag, await self._chargers.find(charger_id, deadline)
        return await asyncio.gather(self._tags.find(id_tag, deadline), self._chargers.find(charger_id, deadline))

    async def _ask_pointer(self, _key: str, deadline: Deadline) -> Pointer | None:
        return await self._registry.pointer(deadline)

    async def _ask_tag(self, id_tag: str, deadline: Deadline) -> InList:
        pointer = (await self._pointers.find(_POINTER, deadline)).value
        if pointer is None:
            return InList(None, None)
        table = pointer.current.table
        try:
            return InList(table, await self._registry.find(table, id_tag, deadline))
        except Unacceptable:
            _log.error("tap refused: a row of the list %s cannot be read; import the list again", table)
            return InList(table, None, is_readable=False)

    async def _ask_charger(self, charger_id: str, deadline: Deadline) -> Charger:
        return await find_charger(self._tables, charger_id, self._shards, deadline)


def decision_on_failure(on_failure: OnFailure) -> Decision:
    """What is answered without the rules. `UNKNOWN_RFID_TAG_ID` would say what nobody knows."""
    is_allowed = on_failure is OnFailure.ALLOW
    reason = None if is_allowed else Reason.UNAUTHORIZED_RFID_TAG_ID
    return Decision(is_allowed, reason, f"on-failure-{on_failure}")


def _source(*sources: Source) -> Source:
    """The least certain of them."""
    return max(sources, key=(Source.CACHE, Source.LIVE, Source.STALE).index)
