"""How a command ends: its exit code, and what to do about an error."""

from enum import IntEnum
from typing import Final

from shared.authorization.lists import ListChanged, NoSuchList
from shared.emabler.rest.errors import (
    CallBudgetSpent,
    ContractBroken,
    CredentialsRefused,
    EmablerUnavailable,
    NotFound,
    NotOffered,
    PermissionMissing,
    RateLimited,
    RequestRefused,
    RunDeadlineReached,
    WrongAddress,
)
from shared.errors import (
    ConfigurationError,
    EmablerError,
    QueueUnavailable,
    RowConflict,
    StorageRefusesAccess,
    Unacceptable,
)
from shared.polling.errors import AnotherRun, ListNotWhole


class ExitCode(IntEnum):
    """What a script can count on; `EXIT_CODES_HELP` and docs/commands.md say it to people."""

    DONE = 0
    INPUT_HAS_PROBLEMS = 1
    WRONG_USAGE = 2
    STORAGE_FAILS = 3
    NOT_FOUND = 4
    CHANGED_MEANWHILE = 5
    NOT_CONFIRMED = 6
    EMABLER_FAILS = 7
    NOT_CONNECTED = 8


EXIT_CODES_HELP: Final = (
    "Exit codes: 0 done; 1 the input has problems, nothing was changed; 2 wrong usage; 3 storage or the queue cannot "
    "be reached, refuses, or is not set; 4 no such tag, list, entry, charger or site; 5 somebody else is at it, or "
    "was: run it again; 6 not confirmed, nothing was changed; 7 eMabler cannot be reached, refuses the key, lacks a "
    "permission, is not set, or `account check` found something to mend; 8 the charger did not connect in time; 130 "
    "stopped by Ctrl-C."
)


class NoSuchTag(EmablerError):
    """The list, or the inbox, does not have this tag."""


class NoSuchEntry(EmablerError):
    """Quarantine does not have this entry."""


class NotConfirmed(EmablerError):
    """A person said no, or there was nobody to ask."""


class InputProblems(EmablerError):
    """The input cannot be used; what is wrong with it was shown, or is the text."""


class EmablerNotSet(ConfigurationError):
    """The settings do not lead to an account at eMabler; the text says what to set."""


class WriteInDoubt(EmablerError):
    """Nobody knows whether eMabler has carried out a write; the text says how to look."""


class AccountNeedsMending(EmablerError):
    """The account was checked, and something that a person has to mend was shown."""


class StillDisconnected(EmablerError):
    """A charger was waited for, and did not connect in time."""


_EMABLER_FAILS: Final[tuple[type[EmablerError], ...]] = (
    EmablerNotSet,
    CredentialsRefused,
    PermissionMissing,
    WrongAddress,
    NotOffered,
    EmablerUnavailable,
    RateLimited,
    CallBudgetSpent,
    RunDeadlineReached,
    ContractBroken,
    ListNotWhole,
    WriteInDoubt,
    AccountNeedsMending,
)

# The first that fits counts, so an error stands above those it derives from.
_CODES: Final[dict[type[EmablerError], ExitCode]] = {
    NotFound: ExitCode.NOT_FOUND,
    RequestRefused: ExitCode.INPUT_HAS_PROBLEMS,
    **dict.fromkeys(_EMABLER_FAILS, ExitCode.EMABLER_FAILS),
    StillDisconnected: ExitCode.NOT_CONNECTED,
    Unacceptable: ExitCode.INPUT_HAS_PROBLEMS,
    InputProblems: ExitCode.INPUT_HAS_PROBLEMS,
    NoSuchTag: ExitCode.NOT_FOUND,
    NoSuchList: ExitCode.NOT_FOUND,
    NoSuchEntry: ExitCode.NOT_FOUND,
    ListChanged: ExitCode.CHANGED_MEANWHILE,
    RowConflict: ExitCode.CHANGED_MEANWHILE,
    AnotherRun: ExitCode.CHANGED_MEANWHILE,
    NotConfirmed: ExitCode.NOT_CONFIRMED,
}

_STORAGE_UNREACHABLE: Final = (
    "Is it running, and do EventStorage or EventStorage__tableServiceUri name it? Then run it again."
)

_NEXT_STEPS: Final[dict[type[EmablerError], str]] = {
    StorageRefusesAccess: (
        "Log in with `az login` as somebody with the role 'Storage Table Data Contributor' on the account, or correct "
        "the key in EventStorage."
    ),
    QueueUnavailable: (
        "Is it there, do ServiceBusConnection and PUSH_EVENTS_QUEUE name it, and may you listen and send? Then run it "
        "again."
    ),
    EmablerUnavailable: "Is this machine online? Where EMABLER_BASE_URL is set, is it right? Then run it again.",
    RateLimited: "These are more calls than eMabler takes for now. Wait a minute, and run it again.",
    NotFound: "Is the id right, in capitals and small letters too, and does EMABLER_ENVIRONMENT name where it is?",
    RequestRefused: "Is what you typed right?",
}
"""What to do about errors whose texts do not say so, because their usual reader is a log."""


def exit_code_of(error: EmablerError) -> ExitCode:
    """The exit code of an error: whatever is not known to be somebody else's doing is storage's."""
    return next((code for kind, code in _CODES.items() if isinstance(error, kind)), ExitCode.STORAGE_FAILS)


def message_of(error: EmablerError) -> str:
    """The error, and what to do next where it does not say so itself."""
    if isinstance(error, Unacceptable) and error.reason == "unreadable-tag":
        return f"{error}. Put this tag into a file and import it."
    next_step = next((text for kind, text in _NEXT_STEPS.items() if isinstance(error, kind)), None)
    if next_step is None and exit_code_of(error) is ExitCode.STORAGE_FAILS:
        next_step = None if isinstance(error, ConfigurationError) else _STORAGE_UNREACHABLE
    return str(error) if next_step is None else f"{error}. {next_step}"
