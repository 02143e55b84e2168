"""The command itself: one group of verbs for each thing that an operator has."""

import gc
import logging
from typing import Annotated

import typer

from ops import (
    account,
    auth,
    chargers,
    dead_letters,
    gaps,
    polling,
    quarantine,
    rebuild,
    sites,
    tag_edits,
    tag_inbox,
    tag_lists,
)
from ops.exits import EXIT_CODES_HELP
from ops.running import log_to_stderr

app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False)

tags = typer.Typer(no_args_is_help=True, help="The tags that may charge: whole lists, single tags, unknown tags.")
for part in (tag_lists.verbs, tag_edits.verbs, tag_inbox.verbs):
    tags.add_typer(part)

app.add_typer(tags, name="tags")
app.add_typer(auth.verbs, name="auth")
app.add_typer(account.verbs, name="account")
app.add_typer(sites.verbs, name="site")
app.add_typer(chargers.verbs, name="charger")
app.add_typer(polling.verbs, name="poll")
app.add_typer(quarantine.verbs, name="quarantine")
app.add_typer(dead_letters.verbs, name="deadletters")
for commands in (polling.reconciling, gaps.verbs, rebuild.verbs):
    app.add_typer(commands)


@app.callback(epilog=EXIT_CODES_HELP)
def emabler(
    *, verbose: Annotated[bool, typer.Option("--verbose", help="Say more on stderr, for a fault.")] = False
) -> None:
    """Tags that may charge at your chargers, why a tap was answered so, what push did not tell or nobody could use.

    Storage is that of the app's settings: EventStorage, or EventStorage__tableServiceUri. The account at eMabler is
    that of EMABLER_API_KEY; `account`, `site` and `charger` ask it alone, and need no storage. `deadletters` asks the
    queue of ServiceBusConnection alone.
    """
    if verbose:
        log_to_stderr()


def main() -> None:
    """What `.venv/bin/emabler` runs. Libraries do not log: what matters is said by the commands."""
    logging.getLogger().addHandler(logging.NullHandler())
    # A long list is hundreds of thousands of objects that live until the end: looking for cycles among them as often as
    # a server does would take a third of the time.
    gc.set_threshold(100_000, 20, 100)
    app(prog_name="emabler")
