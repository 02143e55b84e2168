"""Polls the sessions: what push should have told of them, joined to what it did tell."""

import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final

from shared.emabler.rest.answers import PolledSession
from shared.emabler.rest.api import EmablerApi
from shared.emabler.rest.limits import RunLimits
from shared.emabler.rest.listings import Listing
from shared.errors import EmablerError
from shared.instants import Instant
from shared.polling.chunks import in_chunks
from shared.polling.errors import ListNotWhole, is_of_one_list
from shared.polling.session_store import SessionsStored, SessionStore
from shared.polling.windows import Window, slices

MOST_AT_ONCE: Final = 50_000
"""Sessions that are joined and written together: all of a day, unless it is a very large fleet's."""

_log = logging.getLogger(__name__)


async def poll_sessions(
    api: EmablerApi,
    store: SessionStore,
    window: Window,
    limits: RunLimits,
    *,
    now: Callable[[], Instant],
    stored_up_to: Callable[[Instant], Awaitable[None]],
) -> SessionsStored:
    """Ask for the sessions of a window and store them; `stored_up_to` is told after each slice that is stored whole.

    A slice that is not to be had whole does not keep those after it from being stored, but `stored_up_to` is told of
    none of them; its error is raised at the end. Errors of `shared.emabler.rest.errors` that are not about one list,
    and those of storage, are raised at once; what came before is stored.
    """
    total = SessionsStored()
    failure: EmablerError | None = None
    for piece in slices(window):
        try:
            async for sessions in whole_list(api.sessions(piece.start, piece.end, limits)):
                chargers = await store.join(sessions, limits.deadline, since=piece.end)
                total.add(await store.store(chargers, now(), limits.deadline))
        except EmablerError as error:
            if not is_of_one_list(error):
                raise
            failure = failure or error
            _log.error("poll sessions: those until %s were not to be had whole: %s", piece.end.iso, error)
        if failure is None:
            await stored_up_to(piece.end)
    if failure is not None:
        raise failure
    return total


async def whole_list(listing: Listing[PolledSession]) -> AsyncIterator[list[PolledSession]]:
    """The sessions of a list, many at a time. Raises ListNotWhole after the last where more were announced."""
    async for sessions in in_chunks(listing, MOST_AT_ONCE):
        yield sessions
    tally = listing.tally
    if tally.unreadable_rows:
        _log.warning("poll sessions: %d rows name no charger and were left out", tally.unreadable_rows)
    if not tally.is_whole:
        raise ListNotWhole(
            f"the list of sessions ended after {tally.rows} rows ({tally.ended}), before all that eMabler announced; "
            "the next run asks for them again"
        )
