"""Runs a command: connects, does the work, and turns every error of ours into a message and an exit code."""

import asyncio
import logging
import sys
from collections.abc import Awaitable, Callable
from typing import Final, NoReturn

import typer

from ops.exits import exit_code_of, message_of
from ops.output import Output
from shared.authorization.registry import POINTER_KEYS, TAGS
from shared.deadlines import Deadline
from shared.errors import ConfigurationError, EmablerError
from shared.services import connect_tables
from shared.settings import Settings
from shared.tables.store import Tables

FIRST_ANSWER_SECONDS: Final = 10.0
"""How long storage may take for its first answer; after that it is there, and is waited for with more patience."""

_log = logging.getLogger(__name__)


def run(work: Callable[[Tables, Settings], Awaitable[None]], out: Output) -> None:
    """Do the work of a command with the tables of the settings; raises typer.Exit with the code of an error."""
    try:
        asyncio.run(_connected(work))
    except EmablerError as error:
        fail(error, out)


def fail(error: EmablerError, out: Output) -> NoReturn:
    """Say what is wrong and what to do next, and end with the error's code."""
    _log.debug("where it happened", exc_info=error)
    out.say(message_of(error))
    raise typer.Exit(exit_code_of(error)) from None


def connect(chosen: Settings) -> Tables:
    """The tables of the settings. Raises ConfigurationError, which tells an operator what to set."""
    if chosen.event_storage is None and chosen.event_storage_table_uri is None:
        raise ConfigurationError(
            "No storage is set. For the local stack: export EventStorage=UseDevelopmentStorage=true. In Azure: "
            "export EventStorage__tableServiceUri=https://ACCOUNT.table.core.windows.net, and log in with `az login`."
        )
    return connect_tables(chosen)


def log_to_stderr() -> None:
    """For `--verbose`: what our own code logs. Azure's libraries log addresses, and those of tags are tags."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s"))
    for room in ("ops", "shared"):
        logging.getLogger(room).addHandler(handler)
        logging.getLogger(room).setLevel(logging.DEBUG)


async def _connected(work: Callable[[Tables, Settings], Awaitable[None]]) -> None:
    chosen = Settings.from_environment()
    tables = connect(chosen)
    try:
        # Asked with little patience, so that an operator learns soon that nothing is there.
        await tables.get(TAGS, *POINTER_KEYS, Deadline.after(FIRST_ANSWER_SECONDS))
        await work(tables, chosen)
    finally:
        await tables.close()
