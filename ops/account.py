"""The command `account check`: what the key may do, and what eMabler pushes."""

import asyncio
from collections.abc import Awaitable
from typing import Final, TypeVar

import typer

from ops.account_findings import Examination, Probe
from ops.account_view import examination_data, examination_parts
from ops.exits import AccountNeedsMending
from ops.options import AsJson
from ops.output import Output
from ops.running import Account, run_with_emabler
from shared.emabler.rest.addresses import ApiVersion
from shared.emabler.rest.listings import Listing
from shared.emabler.rest.reading import Row
from shared.emabler.rest.requests import Permission
from shared.errors import EmablerError
from shared.instants import TICKS_PER_SECOND, Instant

SESSIONS_WINDOW_SECONDS: Final = 600
"""The window that is asked for sessions: an answer is wanted, not its content."""

Result = TypeVar("Result")

verbs = typer.Typer(
    no_args_is_help=True, help="The account at eMabler: its key, its permissions, its push integration."
)


@verbs.command()
def check(*, as_json: AsJson = False) -> None:
    """Check the key, each permission the app needs, and what eMabler pushes; say what to mend, and how."""
    out = Output(as_json=as_json)

    async def work(account: Account) -> None:
        if account.api.version is ApiVersion.V1:
            examination = await _examine_v1(account)
        else:
            examination = await _examine_v2(account)
        out.show(examination_data(account, examination), *examination_parts(account, examination))
        if examination.problems:
            raise AccountNeedsMending("The account needs mending. When it is mended, check it again.")

    run_with_emabler(work, out)


async def _examine_v2(account: Account) -> Examination:
    """All questions at once: one that hangs holds up none of the others."""
    api, limits = account.api, account.limits
    asked_chargers, asked_sessions, asked_sites, asked_push = await asyncio.gather(
        _asked(Permission.READ_CHARGERS, _count(api.chargers([], limits))),
        _asked(Permission.READ_SESSIONS, _ask_for_sessions(account)),
        _asked(Permission.READ_SITES, _begin(api.sites(limits))),
        _asked(Permission.READ_INTEGRATIONS, _whole(api.push_integrations(limits))),
    )
    probes = [asked_chargers[0], asked_sessions[0], asked_sites[0], asked_push[0]]
    return Examination(api.version, probes, chargers=asked_chargers[1], integrations=asked_push[1])


async def _examine_v1(account: Account) -> Examination:
    """v1 has no list of chargers, so one that the settings name has to serve; and it knows nothing of push."""
    charger_id = next(filter(None, map(str.strip, account.settings.poll_charger_ids.split(","))), None)
    sessions_probe, _ = await _asked(Permission.READ_SESSIONS, _ask_for_sessions(account))
    charger_probe = Probe(Permission.READ_CHARGERS, is_possible=False)
    if charger_id is not None:
        question = account.api.charger(charger_id, account.limits)
        charger_probe, _ = await _asked(Permission.READ_CHARGERS, question)
    return Examination(account.api.version, [charger_probe, sessions_probe])


async def _asked(permission: Permission, question: Awaitable[Result]) -> tuple[Probe, Result | None]:
    """How a question ended, and its answer: one that fails does not stop the others."""
    try:
        return Probe(permission), await question
    except EmablerError as error:
        return Probe(permission, error), None


async def _ask_for_sessions(account: Account) -> None:
    now = Instant.now()
    start = Instant(now - SESSIONS_WINDOW_SECONDS * TICKS_PER_SECOND)
    await _begin(account.api.sessions(start, now, account.limits))


async def _begin(listing: Listing[Row]) -> None:
    """Read the first row of a list, or learn that there is none."""
    async for _ in listing:
        return


async def _whole(listing: Listing[Row]) -> list[Row]:
    return [row async for row in listing]


async def _count(listing: Listing[Row]) -> int:
    """How many rows a list has: as its first page announces it, and counted where that says nothing."""
    async for _ in listing:
        if listing.tally.announced_rows is not None:
            return listing.tally.announced_rows
    return listing.tally.rows
