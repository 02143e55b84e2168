"""What can go wrong with a poll beside eMabler and storage, named by what the caller has to do."""

from http import HTTPStatus

from shared.emabler.rest.errors import ContractBroken, EmablerUnavailable, RequestRefused
from shared.errors import EmablerError, GiveBack


class ListNotWhole(GiveBack):
    """eMabler's list ended before everything was handed out: no watermark may move past it."""


class AnotherRun(GiveBack):
    """The same poll is under way elsewhere: leave it to that run, or try again when it has ended."""


def is_of_one_list(error: EmablerError) -> bool:
    """Whether an error is about one list alone, so that asking for another window can still end well."""
    if isinstance(error, EmablerUnavailable):
        return error.status == HTTPStatus.INTERNAL_SERVER_ERROR
    return isinstance(error, ListNotWhole | ContractBroken | RequestRefused)
