"""What can go wrong before the first function runs; every text tells the developer what to change."""


class HostError(Exception):
    """The app cannot be started as it is."""


class IndexingError(HostError):
    """The app could not be imported or indexed, so production would run 0 functions; the text ends in the traceback."""
