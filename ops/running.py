"""Runs a command: connects, does the work, and turns every error of ours into a message and an exit code."""

import asyncio
import logging
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, NoReturn, TypeVar
from urllib.parse import urlsplit

import typer

from ops.exits import EmablerNotSet, NotConfirmed, exit_code_of, message_of
from ops.output import Output
from shared.authorization.registry import POINTER_KEYS, TAGS
from shared.deadlines import Deadline
from shared.emabler.rest.addresses import Environment, base_url_of
from shared.emabler.rest.api import EmablerApi
from shared.emabler.rest.limits import CallBudget, RunLimits
from shared.errors import ConfigurationError, EmablerError
from shared.polling.connecting import connect_emabler
from shared.services import connect_tables
from shared.settings import Settings
from shared.tables.store import Tables

FIRST_ANSWER_SECONDS: Final = 10.0
"""How long storage may take for its first answer; after that it is there, and is waited for with more patience."""

EMABLER_SECONDS: Final = 60.0
"""How long a command may ask eMabler in all, unless it waits for something: an operator sits there."""

Result = TypeVar("Result")

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Account:
    """The operator's account at eMabler for one command: how to ask, how much, and the settings that led there."""

    api: EmablerApi
    limits: RunLimits
    settings: Settings

    @property
    def host(self) -> str:
        """The host that is asked, and nothing of its URL's path."""
        environment = Environment(self.settings.emabler_environment)
        base_url = self.settings.emabler_base_url or base_url_of(self.api.version, environment)
        return urlsplit(base_url.strip()).netloc

    @property
    def environment(self) -> str | None:
        """Which of eMabler's environments is asked; None where EMABLER_BASE_URL stands in for them."""
        return None if self.settings.emabler_base_url else self.settings.emabler_environment

    @property
    def place(self) -> str:
        """Host and environment, for people."""
        return f"{self.host} ({self.environment or 'EMABLER_BASE_URL'})"


def run(work: Callable[[Tables, Settings], Awaitable[None]], out: Output) -> None:
    """Do the work of a command with the tables of the settings; raises typer.Exit with the code of an error."""
    try:
        asyncio.run(_connected(work))
    except EmablerError as error:
        fail(error, out)


def run_with_emabler(
    work: Callable[[Account], Awaitable[Result]], out: Output, *, seconds: float = EMABLER_SECONDS
) -> Result:
    """What the work of a command gives, done with the account of the settings, without storage, in so many seconds.

    Raises typer.Exit with the code of an error.
    """
    try:
        return asyncio.run(_with_account(work, seconds))
    except EmablerError as error:
        fail(error, out)


def confirm(question: str, out: Output, *, is_answered_yes: bool) -> None:
    """Ask, unless it is answered already; anything but a yes ends the command.

    Not to be called within `run` or `run_with_emabler`: a running event loop keeps the first Ctrl-C to itself.
    """
    try:
        out.confirm(question, is_answered_yes=is_answered_yes)
    except NotConfirmed as error:
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


async def _with_account(work: Callable[[Account], Awaitable[Result]], seconds: float) -> Result:
    try:
        chosen = Settings.from_environment()
        api = connect_emabler(chosen)
    except ConfigurationError as error:
        raise EmablerNotSet(str(error)) from None
    try:
        return await work(
            Account(api, RunLimits(Deadline.after(seconds), CallBudget(chosen.poll_calls_per_run)), chosen)
        )
    finally:
        await api.close()
