"""What can be asked of eMabler's REST API, whichever version answers."""

from collections.abc import Iterable
from typing import Protocol

from shared.emabler.rest.addresses import ApiVersion
from shared.emabler.rest.answers import ChargerSeen, PolledSession, PushIntegration, SiteSeen, Statistics
from shared.emabler.rest.limits import RunLimits
from shared.emabler.rest.listings import Listing
from shared.instants import Instant


class EmablerApi(Protocol):
    """One account at eMabler. Every method may raise any error of `shared.emabler.rest.errors`.

    Nothing is asked before a listing is read, and what it did not hand out is told by its tally.
    """

    @property
    def version(self) -> ApiVersion:
        """Which of eMabler's APIs this is."""
        ...

    def chargers(self, known_ids: Iterable[str], limits: RunLimits) -> Listing[ChargerSeen]:
        """The account's chargers as they are now: v2 lists them, v1 is asked for each of the known ids."""
        ...

    async def charger(self, charger_id: str, limits: RunLimits) -> ChargerSeen:
        """One charger as it is now. Raises NotFound where the account has none of that id."""
        ...

    def sessions(self, start: Instant, end: Instant, limits: RunLimits) -> Listing[PolledSession]:
        """The sessions of a window of time, of v2 those that ended in it. What v1's window is about is not documented.

        So windows have to overlap.
        """
        ...

    def sites(self, limits: RunLimits) -> Listing[SiteSeen]:
        """The account's sites. Raises NotOffered in v1."""
        ...

    def push_integrations(self, limits: RunLimits) -> Listing[PushIntegration]:
        """The account's push configurations, without their secrets. Raises NotOffered in v1."""
        ...

    async def statistics(self, limits: RunLimits) -> Statistics:
        """v1's statistics as they come. Raises NotOffered in v2."""
        ...

    async def add_site(self, name: str, limits: RunLimits) -> str:
        """Add a site and give its id: for operators' commands only. Raises NotOffered in v2."""
        ...

    async def add_charger(self, charger_id: str, site_id: str, name: str, limits: RunLimits) -> None:
        """Add a charger to a site: for operators' commands only. Raises NotOffered in v2."""
        ...

    async def close(self) -> None:
        """Close the connections."""
        ...
