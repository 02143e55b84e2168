"""What can go wrong when eMabler is asked, named by what the caller has to do about it.

Three branches of `shared.errors`: `ConfigurationError` (a person has to act: key, permission, address),
`GiveBack` (the next run brings it again) and `Unacceptable` (this one question has no answer: go on with the others).

No text holds a key, a URL with its query, or a piece of an answer's body.
"""

from shared.errors import ConfigurationError, GiveBack, Unacceptable


class CredentialsRefused(ConfigurationError):
    """401: eMabler does not know the key (v2), or the key and client id (v1)."""


class PermissionMissing(ConfigurationError):
    """403: the key is good and may not do this; `permission` is the one that is probably missing."""

    def __init__(self, what: str, *, permission: str) -> None:
        super().__init__(what)
        self.permission = permission


class WrongAddress(ConfigurationError):
    """Something answers at the base URL, but not the API: a redirect, or 404 for a list that every account has."""


class NotOffered(ConfigurationError):
    """The API version in use has no such operation; the other one has."""


class EmablerUnavailable(GiveBack):
    """eMabler could not be reached, took too long, or answered 408 or 5xx for as long as we could wait.

    `status` is the HTTP status where there was one. `was_sent` is False where the request surely never left; a write
    that was sent may have been carried out all the same.
    """

    def __init__(
        self, what: str, *, status: int | None = None, was_sent: bool = True, retry_after_seconds: float | None = None
    ) -> None:
        super().__init__(what)
        self.status = status
        self.was_sent = was_sent
        self.retry_after_seconds = retry_after_seconds


class RateLimited(GiveBack):
    """429: too many calls; `retry_after_seconds` is what eMabler asked us to wait, where it said so."""

    def __init__(self, what: str, *, retry_after_seconds: float | None = None) -> None:
        super().__init__(what)
        self.retry_after_seconds = retry_after_seconds


class CallBudgetSpent(GiveBack):
    """The run has made all the calls it may make: what is left is for the next run."""


class RunDeadlineReached(GiveBack):
    """The run's time was over before the call was made: what is left is for the next run."""


class NotFound(Unacceptable):
    """404 for one named thing, such as a charger: eMabler does not have it, or not for this key."""

    def __init__(self, what: str) -> None:
        super().__init__("emabler-not-found", what)


class RequestRefused(Unacceptable):
    """eMabler will not take this request as it is (400 and the like); `status` is the HTTP status where it was sent."""

    def __init__(self, what: str, *, status: int | None = None) -> None:
        super().__init__("emabler-refused", what)
        self.status = status


class ContractBroken(Unacceptable):
    """The answer is not what the API promises: no JSON, another shape, or longer than we read."""

    def __init__(self, what: str) -> None:
        super().__init__("emabler-contract", what)
