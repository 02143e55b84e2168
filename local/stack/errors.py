"""What can be wrong with a local stack; every text says what to do."""


class StackError(Exception):
    """The stack cannot start, or cannot go on."""


class PortTaken(StackError):
    """Another process listens on a port that was asked for."""


class ServiceEnded(StackError):
    """A service of the stack ended by itself."""


class NotReady(StackError):
    """A service runs, but did not say in time that it is ready."""
