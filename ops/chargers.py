"""Commands about chargers at eMabler: `charger add`, `charger status`."""

from typing import Annotated, Final

import typer

from ops.charger_ids import checked_charger_id
from ops.charger_view import charger_data, charger_parts
from ops.charger_wait import wait_until_connected
from ops.emabler_writes import check_offered, written
from ops.exits import InputProblems
from ops.options import AsJson, ChargerId, DryRun, Yes
from ops.output import Output, pairs_of
from ops.running import EMABLER_SECONDS, Account, confirm, fail, run_with_emabler
from ops.sites import checked_name
from shared.emabler.rest.errors import NotFound, RequestRefused
from shared.instants import Instant

LONGEST_WAIT_MINUTES: Final = 240

verbs = typer.Typer(no_args_is_help=True, help="Chargers at eMabler: add one, see whether it is connected.")


@verbs.command()
def add(
    charger_id: ChargerId,
    *,
    site: Annotated[str, typer.Option(metavar="SITE", help="The id of its site, as `site add` prints it.")],
    name: Annotated[str, typer.Option(metavar="NAME", help="How people call the charger.")],
    yes: Yes = False,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Add a charger to a site, after a look at whether its id is fit and free (API v1 alone)."""
    out = Output(as_json=as_json)
    try:
        charger_id, site, name = checked_charger_id(charger_id), checked_name(site), checked_name(name)
    except InputProblems as error:
        fail(error, out)

    async def look(account: Account) -> str:
        check_offered(account.api, "a charger")
        await _check_is_free(account, charger_id)
        return account.place

    async def write(account: Account) -> None:
        adding = account.api.add_charger(charger_id, site, name, account.limits)
        try:
            await written(adding, f"with `emabler charger status {charger_id}`", out)
        except RequestRefused as error:
            raise InputProblems(
                f"{error}. Has it a site {site}? If so, the id may be another operator's: choose another one."
            ) from None

    place = run_with_emabler(look, out)
    if not dry_run:
        confirm(f"Add the charger {charger_id} ({name}) to site {site} at {place}?", out, is_answered_yes=yes)
        run_with_emabler(write, out)
    data = {"charger_id": charger_id, "site_id": site, "name": name, "added": not dry_run}
    ending = "Would be added. Nothing was changed." if dry_run else _what_next(charger_id)
    out.show(data, pairs_of({"charger": charger_id, "name": name, "site": site}), ending)


@verbs.command()
def status(
    charger_id: ChargerId,
    *,
    wait: Annotated[bool, typer.Option("--wait", help="Look again until it is connected; 8 where it is not.")] = False,
    timeout_minutes: Annotated[
        float, typer.Option(min=0.1, max=LONGEST_WAIT_MINUTES, help="How long to wait at most.")
    ] = 10,
    as_json: AsJson = False,
) -> None:
    """Show whether a charger is connected, when it was last seen, and what its sockets do."""
    out = Output(as_json=as_json)

    async def work(account: Account) -> None:
        if wait:
            charger = await wait_until_connected(account, charger_id, out)
        else:
            charger = await account.api.charger(charger_id, account.limits)
        now = Instant.now()
        out.show(charger_data(charger, now), *charger_parts(charger, now))

    run_with_emabler(work, out, seconds=timeout_minutes * 60 if wait else EMABLER_SECONDS)


async def _check_is_free(account: Account, charger_id: str) -> None:
    """Raises InputProblems where the account has a charger of that id; another operator's cannot be seen."""
    try:
        charger = await account.api.charger(charger_id, account.limits)
    except NotFound:
        return
    where = f" at site {charger.site_name or charger.site_id}" if charger.site_name or charger.site_id else ""
    raise InputProblems(
        f"eMabler has the charger {charger_id} already{where}. `emabler charger status {charger_id}` shows it; for "
        "another charger, choose another id."
    )


def _what_next(charger_id: str) -> str:
    return (
        f"Added. Now, at the charger, set its OCPP id to {charger_id}, and its OCPP URL to the one that eMabler gave "
        f"you. Then `emabler charger status {charger_id} --wait` tells when it is connected."
    )
