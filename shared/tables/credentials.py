"""Who we are towards Table Storage: an account key from a connection string, or an identity in Microsoft Entra.

Shared Key Lite: learn.microsoft.com, "Authorize with Shared Key", section "Shared Key Lite for Table service". Tokens:
"Authorize access to tables using Microsoft Entra ID".
"""

import asyncio
import base64
import binascii
import hmac
import time
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import formatdate
from typing import TYPE_CHECKING, Final, Protocol, Self
from urllib.parse import urlsplit

from shared.errors import ConfigurationError, GiveBack
from shared.identity import identity
from shared.tables.sdk_faults import sdk_faults_told

if TYPE_CHECKING:
    from azure.core.credentials import AccessToken, AzureNamedKeyCredential
    from azure.core.credentials_async import AsyncTokenCredential

STORAGE_SCOPE: Final = "https://storage.azure.com/.default"
TOKEN_MARGIN_SECONDS: Final = 300
"""How long before its end a token is renewed."""

_AZURITE_ACCOUNT: Final = "devstoreaccount1"
# The well-known key of every Azurite: learn.microsoft.com, "Use the Azurite emulator", "Well-known storage account".
_AZURITE_KEY: Final = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
_AZURITE_ENDPOINT: Final = f"http://127.0.0.1:10002/{_AZURITE_ACCOUNT}"

_WHERE_TO_FIND_IT: Final = "Copy the whole connection string from the storage account's page 'Access keys'."


class Authorization(Protocol):
    """What turns a request into one of ours."""

    async def headers(self, path: str) -> dict[str, str]:
        """The headers that authorize a request to that path, percent-encoded as it is sent."""
        ...

    def sdk_credential(self) -> "AzureNamedKeyCredential | AsyncTokenCredential":
        """The same for azure-data-tables."""
        ...

    async def close(self) -> None:
        """Give back what is held open."""
        ...


class SharedKeyLite:
    """Signs with the account key."""

    def __init__(self, account: str, key: str) -> None:
        """`key` in base64, as Azure shows it; binascii.Error where it is not."""
        self._account = account
        self._key_text = key
        self._key = base64.b64decode(key, validate=True)

    async def headers(self, path: str) -> dict[str, str]:
        """See Authorization."""
        date = formatdate(usegmt=True)
        digest = hmac.digest(self._key, f"{date}\n/{self._account}{path}".encode(), "sha256")
        signature = base64.b64encode(digest).decode("ascii")
        return {"x-ms-date": date, "Authorization": f"SharedKeyLite {self._account}:{signature}"}

    def sdk_credential(self) -> "AzureNamedKeyCredential":
        """See Authorization."""
        from azure.core.credentials import AzureNamedKeyCredential  # noqa: PLC0415  # kept out of the cold start

        return AzureNamedKeyCredential(self._account, self._key_text)

    async def close(self) -> None:
        """See Authorization."""


class BearerToken:
    """Shows a token of an Entra identity, kept until shortly before it ends."""

    def __init__(
        self, make_credential: Callable[[], "AsyncTokenCredential"], clock: Callable[[], float] = time.time
    ) -> None:
        self._make_credential = make_credential
        self._clock = clock
        self._credential: AsyncTokenCredential | None = None
        self._token: AccessToken | None = None
        self._renewal = asyncio.Lock()

    async def headers(self, path: str) -> dict[str, str]:  # noqa: ARG002  # a token serves every path
        """See Authorization. Raises StorageRefusesAccess or StorageUnavailable where there is no token to be had."""
        async with self._renewal:
            if self._token is None or self._seconds_left(self._token) < TOKEN_MARGIN_SECONDS:
                try:
                    with sdk_faults_told("the token"):
                        self._token = await self.sdk_credential().get_token(STORAGE_SCOPE)
                except GiveBack:
                    if self._token is None or self._seconds_left(self._token) <= 0:
                        raise  # until its end the old one still opens the door
        return {"x-ms-date": formatdate(usegmt=True), "Authorization": f"Bearer {self._token.token}"}

    def _seconds_left(self, token: "AccessToken") -> float:
        return token.expires_on - self._clock()

    def sdk_credential(self) -> "AsyncTokenCredential":
        """See Authorization."""
        if self._credential is None:
            self._credential = self._make_credential()
        return self._credential

    async def close(self) -> None:
        """See Authorization."""
        if self._credential is not None:
            await self._credential.close()
            self._credential = None


@dataclass(frozen=True, slots=True)
class StorageAccount:
    """A table endpoint, without a slash at its end, and our authorization for it."""

    endpoint: str
    authorization: Authorization

    @classmethod
    def from_connection_string(cls, text: str) -> Self:
        """The account of a connection string.

        Raises ConfigurationError, which names what is missing or wrong and repeats nothing of the string.
        """
        parts = _parts_of(text)
        if parts.get("usedevelopmentstorage", "").lower() == "true":
            return cls(_AZURITE_ENDPOINT, SharedKeyLite(_AZURITE_ACCOUNT, _AZURITE_KEY))
        missing = [name for name in ("AccountName", "AccountKey") if not parts.get(name.lower())]
        if missing:
            raise ConfigurationError(
                f"The storage connection string lacks {' and '.join(missing)}. {_WHERE_TO_FIND_IT}"
            )
        account = parts["accountname"]
        try:
            authorization = SharedKeyLite(account, parts["accountkey"])
        except binascii.Error:
            raise ConfigurationError(
                f"AccountKey in the storage connection string is no base64: is it cut off? {_WHERE_TO_FIND_IT}"
            ) from None
        protocol = parts.get("defaultendpointsprotocol") or "https"
        suffix = parts.get("endpointsuffix") or "core.windows.net"
        endpoint = parts.get("tableendpoint") or f"{protocol}://{account}.table.{suffix}"
        return cls(_checked_endpoint(endpoint, "TableEndpoint", ("https", "http")), authorization)

    @classmethod
    def from_identity(cls, table_service_uri: str, client_id: str | None = None) -> Self:
        """The account at that URI with the app's managed identity, the user-assigned one where `client_id` is given.

        Raises ConfigurationError for what is no https URI.
        """
        endpoint = _checked_endpoint(table_service_uri, "The table service URI", ("https",))
        return cls(endpoint, BearerToken(lambda: identity(client_id)))


def _parts_of(connection_string: str) -> dict[str, str]:
    parts = {}
    for part in connection_string.strip().split(";"):
        name, _, value = part.partition("=")
        parts[name.strip().lower()] = value.strip()
    return parts


def _checked_endpoint(uri: str, what: str, schemes: tuple[str, ...]) -> str:
    try:
        split = urlsplit(uri.strip())
        split.port  # noqa: B018  # reading it raises ValueError for a port that is none
        is_usable = (
            split.scheme in schemes and bool(split.hostname) and not (split.query or split.fragment or split.username)
        )
    except ValueError:
        is_usable = False
    if not is_usable:
        raise ConfigurationError(
            f"{what} is no address of a table service: it starts with {' or '.join(f'{s}://' for s in schemes)} and "
            "ends before any '?', such as https://ACCOUNT.table.core.windows.net"
        )
    return uri.strip().rstrip("/")
