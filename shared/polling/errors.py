"""What can go wrong with a poll beside eMabler and storage, named by what the caller has to do."""

from shared.errors import GiveBack


class ListNotWhole(GiveBack):
    """eMabler's list ended before everything was handed out: no watermark may move past it."""


class AnotherRun(GiveBack):
    """The same poll is under way elsewhere: leave it to that run, or try again when it has ended."""
