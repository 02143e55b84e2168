"""Waits until a charger is connected: looks every few seconds, and more rarely where eMabler asks for that."""

from asyncio import sleep
from typing import Final

from ops.charger_view import connection_in_words
from ops.exits import StillDisconnected
from ops.output import Output
from ops.running import Account
from shared.deadlines import Deadline
from shared.emabler.rest.answers import ChargerSeen
from shared.emabler.rest.errors import CallBudgetSpent, EmablerUnavailable, RateLimited, RunDeadlineReached
from shared.emabler.rest.limits import RunLimits
from shared.instants import Instant

LOOK_EVERY_SECONDS: Final = 5.0

LOOK_SECONDS: Final = 15.0
"""How long one look may take, retries included: somebody who waits wants to hear that eMabler does not answer."""


async def wait_until_connected(account: Account, charger_id: str, out: Output) -> ChargerSeen:
    """The charger as soon as it is connected; a line is said whenever something has changed.

    eMabler being away or busy does not end the wait. Raises StillDisconnected when the run's time or calls are over,
    and every error that waiting does not mend, such as NotFound.
    """
    seconds = account.limits.deadline.remaining_seconds
    waiting = _Waiting(account, charger_id, out)
    with out.progress(f"waiting for {charger_id}, up to {seconds:,.0f} s", round(seconds)) as advance:
        shown_seconds = 0
        while True:
            charger, pause_seconds = await waiting.look()
            if charger is not None:
                return charger
            remaining_seconds = account.limits.deadline.remaining_seconds
            if remaining_seconds <= pause_seconds:
                raise StillDisconnected(_advice(charger_id))
            await sleep(pause_seconds)
            gone_seconds = int(seconds - account.limits.deadline.remaining_seconds)
            advance(gone_seconds - shown_seconds)
            shown_seconds = gone_seconds


class _Waiting:
    """Looks at one charger again and again."""

    def __init__(self, account: Account, charger_id: str, out: Output) -> None:
        self._account = account
        self._charger_id = charger_id
        self._out = out
        self._told = ""

    async def look(self) -> tuple[ChargerSeen | None, float]:
        """The charger where it is connected, and how long to pause where not. Raises StillDisconnected."""
        run = self._account.limits
        limits = RunLimits(Deadline.after(min(LOOK_SECONDS, run.deadline.remaining_seconds)), run.budget)
        try:
            charger = await self._account.api.charger(self._charger_id, limits)
        except (EmablerUnavailable, RateLimited) as error:
            self._tell(f"{error}. Still waiting.")
            return None, max(LOOK_EVERY_SECONDS, error.retry_after_seconds or 0.0)
        except RunDeadlineReached:
            return None, LOOK_EVERY_SECONDS
        except CallBudgetSpent:
            raise StillDisconnected(_advice(self._charger_id)) from None
        self._tell(connection_in_words(charger, Instant.now()))
        return (charger if charger.is_connected else None), LOOK_EVERY_SECONDS

    def _tell(self, line: str) -> None:
        if line != self._told:
            self._out.say(line)
            self._told = line


def _advice(charger_id: str) -> str:
    """What to do at the charger."""
    return (
        f"The time for waiting is over. At the charger: is its OCPP id {charger_id}, in capitals and small "
        "letters too, is its OCPP URL the one that eMabler gave you, and is it online? Then wait again."
    )
