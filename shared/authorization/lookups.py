"""Look-ups that are remembered: what was found answers at once, and for longer where storage fails.

    remembered, fresh ----------------------------------------> answer (CACHE)
    remembered, due   --> answer (CACHE), and storage is asked in the background
    remembered, old   --> storage is asked --in time--> answer (LIVE)
                                 '------ fails, late --> answer (STALE), for as long as it may be
    not remembered    --> storage is asked --in time--> answer (LIVE)
                                 '------ fails, late --> the error

However many ask for one key, storage is asked once. An answer that comes too late is remembered all the same.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Generic, NamedTuple, TypeVar

from cachetools import LRUCache

from shared.authorization.decisions import Source
from shared.deadlines import Deadline
from shared.errors import EmablerError, StorageUnavailable

MOST_REMEMBERED = 50_000
ASKING_SECONDS = 5.0
"""How long storage is asked for one key, also when nobody waits any more."""

_log = logging.getLogger(__name__)

Value = TypeVar("Value")


class Lifetimes(NamedTuple):
    """How long what was found is fresh, and from when on it is asked for again in the background, in seconds."""

    fresh_seconds: float
    due_seconds: float


class Found(NamedTuple, Generic[Value]):
    """What a look-up found, and where."""

    value: Value
    source: Source


@dataclass(slots=True)
class _Remembered(Generic[Value]):
    value: Value
    found_at_seconds: float


@dataclass(slots=True)
class _Asking(Generic[Value]):
    task: "asyncio.Task[Value]"
    begun_at_seconds: float


class Lookup(Generic[Value]):
    """Finds values by key through `ask`, which raises EmablerError where it cannot; `lifetimes` may hang on the value.

    `stale_seconds` is how long a value may stand in while storage fails. Times are those of `clock`, in seconds.
    """

    def __init__(
        self,
        name: str,
        ask: Callable[[str, Deadline], Awaitable[Value]],
        lifetimes: Callable[[Value], Lifetimes],
        stale_seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._name = name
        self._ask = ask
        self._lifetimes = lifetimes
        self._stale_seconds = stale_seconds
        self._clock = clock
        self._remembered: LRUCache[str, _Remembered[Value]] = LRUCache(MOST_REMEMBERED)
        self._asking: dict[str, _Asking[Value]] = {}

    def remembered(self, key: str) -> Found[Value] | None:
        """What is fresh in memory, without waiting; None where storage has to be asked."""
        kept = self._remembered.get(key)
        if kept is None:
            return None
        age_seconds = self._clock() - kept.found_at_seconds
        lifetimes = self._lifetimes(kept.value)
        if age_seconds >= lifetimes.fresh_seconds:
            return None
        if age_seconds >= lifetimes.due_seconds:
            self._begin(key)
        return Found(kept.value, Source.CACHE)

    async def find(self, key: str, deadline: Deadline, *, anew: bool = False) -> Found[Value]:
        """What is remembered or what storage says, by the deadline; with `anew`, storage is asked in any case.

        With something to fall back on, storage gets half of the time. Raises what `ask` raises, or StorageUnavailable
        where it is late, when there is nothing to fall back on.
        """
        found = None if anew else self.remembered(key)
        if found is not None:
            return found
        kept = self._remembered.get(key)
        if kept is not None and self._clock() - kept.found_at_seconds >= self._stale_seconds:
            kept = None
        try:
            return Found(
                await self._answer(key, deadline.remaining_seconds, has_fallback=kept is not None), Source.LIVE
            )
        except EmablerError:
            if kept is None:
                raise
            return Found(kept.value, Source.STALE)

    async def _answer(self, key: str, patience_seconds: float, *, has_fallback: bool) -> Value:
        asking = self._begin(key)
        if has_fallback:  # whoever asked before has waited already
            patience_seconds = max(0.0, patience_seconds / 2 - (self._clock() - asking.begun_at_seconds))
        done, _ = await asyncio.wait({asking.task}, timeout=patience_seconds)
        if not done:
            raise StorageUnavailable(f"the look-up of the {self._name} is late")
        return asking.task.result()

    def _begin(self, key: str) -> _Asking[Value]:
        """Ask storage, or join who asks already."""
        asking = self._asking.get(key)
        if asking is None:
            task = asyncio.get_running_loop().create_task(self._ask_and_remember(key))
            task.add_done_callback(self._ended)
            asking = self._asking[key] = _Asking(task, self._clock())
        return asking

    async def _ask_and_remember(self, key: str) -> Value:
        try:
            value = await self._ask(key, Deadline.after(ASKING_SECONDS))
            self._remembered[key] = _Remembered(value, self._clock())
            return value
        finally:
            del self._asking[key]

    def _ended(self, task: "asyncio.Task[Value]") -> None:
        """Say what failed, because often nobody waits for it any more. Our errors' texts hold no key."""
        if not task.cancelled() and (error := task.exception()) is not None:
            text = str(error) if isinstance(error, EmablerError) else "a fault of this app, report it"
            _log.warning("tap look-up failed what=%s error=%s: %s", self._name, type(error).__name__, text)
