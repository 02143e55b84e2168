"""The exceptions of Azure's SDKs as our errors, by the same rules as our own requests (see `faults.error_from`)."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from shared.errors import EmablerError, StorageRefusesAccess, StorageUnavailable
from shared.tables.faults import Refusal, error_from, retry_after_seconds

if TYPE_CHECKING:
    from azure.core.exceptions import AzureError


@contextmanager
def sdk_faults_told(what: str) -> Iterator[None]:
    """Raise our error for an SDK's exception within; `what` is the table it is about."""
    from azure.core.exceptions import AzureError  # noqa: PLC0415  # kept out of the cold start

    try:
        yield
    except AzureError as error:
        raise _error_from_sdk(error, what) from error


def error_code(error: "AzureError") -> str | None:
    """The service's error code, which the SDK keeps as text or as a member of its own enumeration."""
    code = getattr(error, "error_code", None)
    return getattr(code, "value", code)


def _error_from_sdk(error: "AzureError", what: str) -> EmablerError:
    from azure.core.exceptions import ClientAuthenticationError, HttpResponseError  # noqa: PLC0415  # as above

    status = getattr(error, "status_code", None)
    if isinstance(error, HttpResponseError) and isinstance(status, int):
        headers = getattr(error.response, "headers", {})
        pause_seconds = retry_after_seconds(headers.get("Retry-After"))
        return error_from(Refusal(status, error_code(error), retry_after_seconds=pause_seconds), what)
    if isinstance(error, ClientAuthenticationError):
        return StorageRefusesAccess(
            f"{what}: no token for storage; give the app a managed identity, and its client id where it has several",
            status=401,
        )
    return StorageUnavailable(f"{what}: the request failed on its way: {type(error).__name__}")
