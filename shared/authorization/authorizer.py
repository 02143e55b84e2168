"""From a tag and a charger to a decision, always in time: by the rules, or as the operator chose for failures."""

import asyncio
import logging
import time
from collections.abc import Coroutine
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, NamedTuple

from shared.authorization.chargers import find_charger
from shared.authorization.decisions import Decided, Source
from shared.authorization.lookups import Found, Lifetimes, Lookup
from shared.authorization.registry import Pointer, Registry
from shared.authorization.rules import Decision, Tap, decide, decide_without_charger
from shared.authorization.tags import Charger, Tag, canonical_tag
from shared.deadlines import Deadline
from shared.emabler.realtime_auth import AuthRequest, Reason
from shared.errors import EmablerError, Unacceptable
from shared.instants import Instant
from shared.tables.layout import Layout
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
    is_from_stale_list: bool = False
    """Whether it is only taken to be the list in use, because storage did not say which is."""


class Authorizer:
    """Decides about taps. One instance serves a process and remembers what it looked up."""

    def __init__(self, tables: Tables, shards: int, policy: Policy) -> None:
        self._tables = tables
        self._shards = shards
        self._policy = policy
        self._layout = Layout(tables, shards)
        self._shards_are_right = False
        self._registry = Registry(tables)
        known = Lifetimes(policy.cache_seconds, policy.cache_seconds)
        # A charger hardly ever moves, so a known one never makes a driver wait again.
        charger_seconds = max(policy.cache_seconds, policy.stale_seconds) if policy.cache_seconds else 0.0
        known_charger = Lifetimes(charger_seconds, policy.cache_seconds)
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
            decision, charger_source = self._by_the_rules(found.value, charger, charger_id, now)
            source = Source.STALE if found.value.is_from_stale_list else found.source
            return decision, _least_certain(source, charger_source), found.value
        except EmablerError:
            pass  # the look-up has logged it
        except Exception as error:  # noqa: BLE001  # the driver gets an answer also where this app has a fault
            # Its text could hold anything.
            _log.error("tap not decided by the rules error=%s; a fault of this app, report it", type(error).__name__)
        return decision_on_failure(self._policy.on_failure), Source.DEADLINE, InList(None, None)

    def _by_the_rules(
        self, in_list: InList, charger: Found[Charger] | EmablerError, charger_id: str, now: Instant
    ) -> tuple[Decision, Source]:
        """The decision; raises why nothing is known of the charger, where the decision hangs on that."""
        if not in_list.is_readable:
            return TAG_UNREADABLE, Source.CACHE
        refuses_unknown = self._policy.refuses_unknown_chargers
        if not isinstance(charger, EmablerError):
            return decide(Tap(in_list.tag, charger.value, now, refuses_unknown)), charger.source
        decision = decide_without_charger(Tap(in_list.tag, Charger(charger_id, is_known=False), now, refuses_unknown))
        if decision is None:
            raise charger
        return decision, Source.CACHE

    async def _look_up(self, id_tag: str, charger_id: str) -> tuple[Found[InList], Found[Charger] | EmablerError]:
        """Tag and charger, both at once where storage has to be asked; for the charger perhaps why it is not known."""
        tag, charger = self._tags.remembered(id_tag), self._chargers.remembered(charger_id)
        if tag is not None and charger is not None:
            return tag, charger
        deadline = Deadline.after(self._policy.deadline_seconds)
        return await asyncio.gather(
            self._tags.find(id_tag, deadline), _or_error(self._chargers.find(charger_id, deadline))
        )

    async def _ask_pointer(self, _key: str, deadline: Deadline) -> Pointer | None:
        return await self._registry.pointer(deadline)

    async def _ask_tag(self, id_tag: str, deadline: Deadline) -> InList:
        # With no more patience than a tap has, so that an older one can still help the tap that waits for it.
        patience = Deadline.after(min(deadline.remaining_seconds, self._policy.deadline_seconds))
        pointer = await self._pointers.find(_POINTER, patience)
        found = await self._in_list(pointer, id_tag, deadline)
        if found.tag is None and found.is_readable and pointer.source is Source.CACHE:
            # Before it is said that nobody knows the tag: a list that has it may have been switched to just now.
            newer = await self._pointers.find(_POINTER, patience, anew=True)
            if newer.value != pointer.value:
                found = await self._in_list(newer, id_tag, deadline)
        return found

    async def _in_list(self, pointer: Found[Pointer | None], id_tag: str, deadline: Deadline) -> InList:
        if pointer.value is None:
            return InList(None, None)
        table, is_stale = pointer.value.current.table, pointer.source is Source.STALE
        try:
            tag = await self._registry.find(table, id_tag, deadline)
        except Unacceptable:
            _log.error("tap refused: a row of the list %s cannot be read; import the list again", table)
            return InList(table, None, is_readable=False, is_from_stale_list=is_stale)
        return InList(table, tag, is_from_stale_list=is_stale)

    async def _ask_charger(self, charger_id: str, deadline: Deadline) -> Charger:
        if not self._shards_are_right:
            # With another count of shards the charger would be looked for where it is not, and its site not found.
            await self._layout.look(deadline)
            self._shards_are_right = True
        return await find_charger(self._tables, charger_id, self._shards, deadline)


async def _or_error(finding: Coroutine[Any, Any, Found[Charger]]) -> Found[Charger] | EmablerError:
    try:
        return await finding
    except EmablerError as error:
        return error


def decision_on_failure(on_failure: OnFailure) -> Decision:
    """What is answered without the rules. `UNKNOWN_RFID_TAG_ID` would say what nobody knows."""
    is_allowed = on_failure is OnFailure.ALLOW
    reason = None if is_allowed else Reason.UNAUTHORIZED_RFID_TAG_ID
    return Decision(is_allowed, reason, f"on-failure-{on_failure}")


def _least_certain(*sources: Source) -> Source:
    return max(sources, key=(Source.CACHE, Source.LIVE, Source.STALE).index)
