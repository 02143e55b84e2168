"""Every error of the project, named by what the caller has to do about it.

`EmablerError` is the one root. Below it stand the five answers a caller can give: hand the work back and try later
(`GiveBack`), keep the one message aside and go on (`Unacceptable`), read the row again (`RowConflict`), create the
table (`TableMissing`), or tell a person which setting to change (`ConfigurationError`).

No error text carries a message body, an RFID tag or a key: texts end up in logs.
"""


class EmablerError(Exception):
    """The root of all errors raised by this project."""


class GiveBack(EmablerError):
    """The work is good, the world is not: hand it back to its source, which brings it again later."""


class StorageUnavailable(GiveBack):
    """Storage could not be reached, was busy, or answered with something broken, for as long as we could wait.

    `status` is the HTTP status where there was one, `code` the service's error code, `retry_after_seconds` what the
    service asked us to wait.
    """

    def __init__(
        self,
        what: str,
        *,
        status: int | None = None,
        code: str | None = None,
        retry_after_seconds: float | None = None,
    ) -> None:
        super().__init__(what)
        self.status = status
        self.code = code
        self.retry_after_seconds = retry_after_seconds


class StorageRefusesAccess(GiveBack):
    """Storage answered 401 or 403: the identity or key of the app lacks the right, which a person has to grant.

    It is a `GiveBack`, not a `ConfigurationError`, because the messages are good and must come back once it is mended.
    """

    def __init__(self, what: str, *, status: int, code: str | None = None) -> None:
        super().__init__(what)
        self.status = status
        self.code = code


class QueueUnavailable(GiveBack):
    """The Service Bus queue did not take a message for as long as we could wait; it may have it all the same."""


class Unacceptable(EmablerError):
    """Can never succeed as it is: keep it in quarantine with the reason, and go on with the others.

    `reason` is a short, stable, machine-readable word such as `not-json`.
    """

    def __init__(self, reason: str, what: str = "") -> None:
        super().__init__(what or reason)
        self.reason = reason


class RowRefused(Unacceptable):
    """A row that the table service will never take: found by us before sending, or told by the service.

    `index` is the operation's place in its transaction (None where the whole was refused and no row named), `code` the
    service's error code, `status` the HTTP status.
    """

    def __init__(self, what: str, *, index: int | None = None, code: str = "InvalidInput", status: int = 400) -> None:
        super().__init__(f"row-refused-{code}", what)
        self.index = index
        self.code = code
        self.status = status


class RowConflict(EmablerError):
    """Somebody else was faster: nothing of the transaction was stored; read the row again and decide anew.

    `index` is the place of the operation, in the transaction, that did not fit.
    """

    def __init__(self, what: str, *, index: int) -> None:
        super().__init__(what)
        self.index = index


class RowExists(RowConflict):
    """An insert met a row that is already there (409 EntityAlreadyExists)."""


class RowChanged(RowConflict):
    """A conditional write met a row with another ETag (412), or no row at all (404 ResourceNotFound)."""


class TableMissing(EmablerError):
    """The table does not exist (404 TableNotFound): create it and try again."""

    def __init__(self, table: str) -> None:
        super().__init__(f"table {table} does not exist")
        self.table = table


class ConfigurationError(EmablerError):
    """A person has to change something; the text says what."""
