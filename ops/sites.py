"""Commands about sites: `site add`."""

from typing import Annotated

import typer

from ops.emabler_writes import check_offered, written
from ops.exits import InputProblems
from ops.options import AsJson, DryRun, Yes
from ops.output import Output, pairs_of
from ops.running import Account, confirm, fail, run_with_emabler

_HOW_TO_LOOK = "in eMabler Connect (API v1 has no list of sites)"

verbs = typer.Typer(no_args_is_help=True, help="Sites at eMabler: add one.")


@verbs.command()
def add(
    name: Annotated[str, typer.Argument(metavar="NAME", help="How people call the site.")],
    *,
    yes: Yes = False,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Add a site, and print the id that eMabler gives it (API v1 alone)."""
    out = Output(as_json=as_json)
    try:
        name = checked_name(name)
    except InputProblems as error:
        fail(error, out)

    async def look(account: Account) -> str:
        check_offered(account.api, "a site")
        return account.place

    async def write(account: Account) -> None:
        site_id = await written(account.api.add_site(name, account.limits), _HOW_TO_LOOK, out)
        _show(out, name, site_id)

    place = run_with_emabler(look, out)
    if dry_run:
        _show(out, name, None)
        return
    confirm(f"Add the site {name} at {place}?", out, is_answered_yes=yes)
    run_with_emabler(write, out)


def checked_name(text: str) -> str:
    """A name for people, without spaces around it. Raises InputProblems."""
    name = text.strip()
    if not name:
        raise InputProblems("The name is empty. Say how people call it.")
    if not name.isprintable():
        raise InputProblems("The name has a hidden character in it, such as a line break. Type it anew.")
    return name


def _show(out: Output, name: str, site_id: str | None) -> None:
    """What was added; without an id, what would be."""
    is_added = site_id is not None
    ending = (
        f"Added. `emabler charger add ID --site {site_id} --name NAME` adds a charger there."
        if is_added
        else "Would be added. Nothing was changed."
    )
    data = {"name": name, "site_id": site_id, "added": is_added}
    out.show(data, pairs_of({"site": name, "id": site_id}), ending)
