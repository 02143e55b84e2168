"""eMabler's REST API as an object: what a test says it has, and the errors that a test orders."""

from collections.abc import AsyncGenerator, Callable, Iterable

from shared.emabler.rest.addresses import ApiVersion
from shared.emabler.rest.answers import ChargerSeen, PolledSession, Statistics
from shared.emabler.rest.errors import NotFound
from shared.emabler.rest.limits import RunLimits
from shared.emabler.rest.listings import Ended, Listing, Tally
from shared.instants import Instant


class FakeEmabler:
    """Implements what polling asks of `EmablerApi`. `before` is called with the name of each method."""

    def __init__(self, version: ApiVersion = ApiVersion.V2) -> None:
        self.version = version
        self.chargers_now: dict[str, ChargerSeen] = {}
        self.sessions_now: list[PolledSession] = []
        self.statistics_now = b"{}"
        self.ended = Ended.LAST_PAGE
        self.failures: dict[str, Exception] = {}
        self.asked_sessions: list[tuple[Instant, Instant]] = []
        self.asked_ids: list[str] = []
        self.before: Callable[[str], None] = lambda _: None

    def chargers(self, known_ids: Iterable[str], limits: RunLimits) -> Listing[ChargerSeen]:
        """v2 has all of them, v1 those that are asked for."""
        self.asked_ids = list(known_ids)
        wanted = list(self.chargers_now) if self.version is ApiVersion.V2 else self.asked_ids

        async def rows(tally: Tally) -> AsyncGenerator[ChargerSeen, None]:
            for charger_id in wanted:
                self.before("charger")
                limits.spend_call()
                if charger_id in self.failures:
                    tally.failures[charger_id] = self.failures[charger_id]
                elif charger_id not in self.chargers_now:
                    tally.failures[charger_id] = NotFound(f"no charger {charger_id}")
                else:
                    tally.rows += 1
                    yield self.chargers_now[charger_id]
            tally.ended = self.ended

        return Listing(rows)

    def sessions(self, start: Instant, end: Instant, limits: RunLimits) -> Listing[PolledSession]:
        """Those that ended in the window, the ends of the window included."""
        self.asked_sessions.append((start, end))

        async def rows(tally: Tally) -> AsyncGenerator[PolledSession, None]:
            for session in self.sessions_now:
                if session.ended_at is not None and start <= session.ended_at <= end:
                    self.before("session")
                    tally.rows += 1
                    yield session
            self.before("sessions")
            limits.spend_call()
            tally.ended = self.ended

        return Listing(rows)

    async def statistics(self, limits: RunLimits) -> Statistics:
        """As a test says."""
        self.before("statistics")
        limits.spend_call()
        return Statistics(None, self.statistics_now)

    async def close(self) -> None:
        """Nothing is open."""
