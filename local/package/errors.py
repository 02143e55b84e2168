"""What keeps a package from being built."""


class PackageError(Exception):
    """The folder cannot be sent as it is; the text says what to change."""
