"""How a command ends: its exit code, and what to do about an error."""

from enum import IntEnum
from typing import Final

from shared.authorization.lists import ListChanged, NoSuchList
from shared.errors import ConfigurationError, EmablerError, RowConflict, StorageRefusesAccess, Unacceptable


class ExitCode(IntEnum):
    """What a script can count on; `EXIT_CODES_HELP` and docs/commands.md say it to people."""

    DONE = 0
    INPUT_HAS_PROBLEMS = 1
    WRONG_USAGE = 2
    STORAGE_FAILS = 3
    NOT_FOUND = 4
    CHANGED_MEANWHILE = 5
    NOT_CONFIRMED = 6


EXIT_CODES_HELP: Final = (
    "Exit codes: 0 done; 1 the input has problems, nothing was changed; 2 wrong usage; 3 storage cannot be reached, "
    "refuses, or is not set; 4 no such tag or list; 5 changed by somebody else meanwhile: run it again; "
    "6 not confirmed, nothing was changed."
)


class NoSuchTag(EmablerError):
    """The list, or the inbox, does not have this tag."""


class NotConfirmed(EmablerError):
    """A person said no, or there was nobody to ask."""


class InputProblems(EmablerError):
    """The input cannot be used; what is wrong with it was shown."""


_CODES: Final[dict[type[EmablerError], ExitCode]] = {
    Unacceptable: ExitCode.INPUT_HAS_PROBLEMS,
    InputProblems: ExitCode.INPUT_HAS_PROBLEMS,
    NoSuchTag: ExitCode.NOT_FOUND,
    NoSuchList: ExitCode.NOT_FOUND,
    ListChanged: ExitCode.CHANGED_MEANWHILE,
    RowConflict: ExitCode.CHANGED_MEANWHILE,
    NotConfirmed: ExitCode.NOT_CONFIRMED,
}

_REFUSED: Final = (
    "Log in with `az login` as somebody with the role 'Storage Table Data Contributor' on the account, or correct the "
    "key in EventStorage."
)
_UNREACHABLE: Final = "Is it running, and do EventStorage or EventStorage__tableServiceUri name it? Then run it again."


def exit_code_of(error: EmablerError) -> ExitCode:
    """The exit code of an error: whatever is not the input's, the operator's or a colleague's doing is storage's."""
    return next((code for kind, code in _CODES.items() if isinstance(error, kind)), ExitCode.STORAGE_FAILS)


def message_of(error: EmablerError) -> str:
    """The error, and what to do next where it does not say so itself."""
    if isinstance(error, Unacceptable) and error.reason == "unreadable-tag":
        return f"{error}. Put this tag into a file and import it."
    if exit_code_of(error) is not ExitCode.STORAGE_FAILS or isinstance(error, ConfigurationError):
        return str(error)
    return f"{error}. {_REFUSED if isinstance(error, StorageRefusesAccess) else _UNREACHABLE}"
