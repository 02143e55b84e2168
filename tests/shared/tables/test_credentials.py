"""Connection strings, signatures and tokens."""

import asyncio
import base64
import hashlib
import hmac
import subprocess
import sys
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from azure.core.credentials import AccessToken
from azure.core.exceptions import ClientAuthenticationError, ServiceRequestError
from azure.identity import CredentialUnavailableError
from azure.identity.aio import DefaultAzureCredential, ManagedIdentityCredential

from shared.errors import ConfigurationError, StorageRefusesAccess, StorageUnavailable
from shared.tables.client import AzureTables
from shared.tables.credentials import (
    STORAGE_SCOPE,
    TOKEN_MARGIN_SECONDS,
    BearerToken,
    SharedKeyLite,
    StorageAccount,
)
from tests.shared.tables.rows import insert, soon
from tests.support.scripted_tables import scripted_tables, stored_part, transaction

REPOSITORY = Path(__file__).parents[3]
KEY = base64.b64encode(b"a very secret key").decode()
WHOLE = f"DefaultEndpointsProtocol=https;AccountName=events;AccountKey={KEY};EndpointSuffix=core.windows.net"


class Identity:
    """A credential that gives numbered tokens, or fails as it is told to."""

    def __init__(self, seconds=3600, failure=None):
        self.seconds = seconds
        self.failure = failure
        self.asked = []
        self.now = 1000.0
        self.is_closed = False

    async def get_token(self, *scopes):
        """The next token."""
        await asyncio.sleep(0)
        self.asked.append(scopes)
        if self.failure is not None:
            raise self.failure
        return AccessToken(f"token-{len(self.asked)}", int(self.now + self.seconds))

    async def close(self):
        """Remember it."""
        self.is_closed = True

    def clock(self):
        """The time it is."""
        return self.now


@pytest.mark.parametrize(
    ("text", "endpoint"),
    [
        (WHOLE, "https://events.table.core.windows.net"),
        (f"AccountName=events;AccountKey={KEY}", "https://events.table.core.windows.net"),
        (f" accountname=events ; accountkey={KEY} ; ", "https://events.table.core.windows.net"),
        (WHOLE.replace("core.windows.net", "core.chinacloudapi.cn"), "https://events.table.core.chinacloudapi.cn"),
        (f"{WHOLE};TableEndpoint=http://127.0.0.1:7/events/", "http://127.0.0.1:7/events"),
        ("UseDevelopmentStorage=true", "http://127.0.0.1:10002/devstoreaccount1"),
        ("UseDevelopmentStorage=True;", "http://127.0.0.1:10002/devstoreaccount1"),
    ],
)
def test_a_connection_string_leads_to_its_endpoint(text, endpoint):
    """All the forms that Azure and its tools write are understood."""
    assert endpoint == StorageAccount.from_connection_string(text).endpoint


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "AccountName and AccountKey"),
        ("nonsense", "AccountName and AccountKey"),
        (f"AccountKey={KEY}", "lacks AccountName"),
        ("AccountName=events", "lacks AccountKey"),
        ("AccountName=events;AccountKey=", "lacks AccountKey"),
        (f"AccountName=events;AccountKey={KEY[:-1]}", "no base64"),
        (f"AccountName=events;AccountKey={KEY[:-3]}*{KEY[-2:]}", "no base64"),
        (f"{WHOLE};TableEndpoint=events", "TableEndpoint"),
        (f"{WHOLE};TableEndpoint=ftp://events/", "TableEndpoint"),
        (f"{WHOLE};TableEndpoint=https://events/?sig=x", "TableEndpoint"),
        (f"{WHOLE};TableEndpoint=https://[events/", "TableEndpoint"),
    ],
)
def test_a_broken_connection_string_is_told_without_its_key(text, told):
    """The error says what is missing and repeats nothing secret, also not in what caused it."""
    with pytest.raises(ConfigurationError, match=told) as raised:
        AzureTables.from_connection_string(text)

    assert KEY[:8] not in str(raised.value)
    assert raised.value.__suppress_context__ or raised.value.__context__ is None


@pytest.mark.parametrize("uri", ["", "events", "http://events.table.core.windows.net", "https://", "https://x/?sig=y"])
def test_an_identity_needs_an_https_address(uri):
    """A token is never sent where others can read it."""
    with pytest.raises(ConfigurationError, match="https://"):
        AzureTables.from_identity(uri)


async def test_the_signature_is_shared_key_lite():
    """HMAC-SHA256 over date and resource, as the documentation of Shared Key Lite for tables has it."""
    headers = await SharedKeyLite("events", KEY).headers("/$batch")

    text = f"{headers['x-ms-date']}\n/events/$batch".encode()
    signature = base64.b64encode(hmac.new(b"a very secret key", text, hashlib.sha256).digest()).decode()
    assert f"SharedKeyLite events:{signature}" == headers["Authorization"]
    assert headers["x-ms-date"].endswith(" GMT")


@asynccontextmanager
async def tables_of(account):
    """A client that is closed in the end."""
    tables = AzureTables(account)
    try:
        yield tables
    finally:
        await tables.close()


# azure-data-tables tests the truth of the XML element that Azurite refuses access with.
@pytest.mark.filterwarnings("ignore:Testing an element's truth value:DeprecationWarning")
async def test_a_wrong_key_is_refused_access(azurite):
    """Azurite checks signatures, of ours and of the SDK's requests."""
    text = ";".join(f"AccountKey={KEY}" if part.startswith("AccountKey") else part for part in azurite.split(";"))
    async with tables_of(StorageAccount.from_connection_string(text)) as tables:
        with pytest.raises(StorageRefusesAccess) as raised:
            await tables.execute("Table", [insert("1")], soon())
        with pytest.raises(StorageRefusesAccess):
            await tables.list_tables()

    assert raised.value.status == 403
    assert KEY not in str(raised.value)


async def test_a_token_is_kept_until_shortly_before_its_end():
    """One token serves many requests, and a new one is there before the old one ends."""
    identity = Identity()
    bearer = BearerToken(lambda: identity, identity.clock)

    first = await asyncio.gather(*(bearer.headers("/x") for _ in range(5)))
    identity.now += 3600 - TOKEN_MARGIN_SECONDS
    still = await bearer.headers("/x")
    identity.now += 1
    renewed = await bearer.headers("/x")

    assert {"Bearer token-1"} == {headers["Authorization"] for headers in [*first, still]}
    assert renewed["Authorization"] == "Bearer token-2"
    assert identity.asked == [(STORAGE_SCOPE,)] * 2


async def test_a_token_authorizes_requests():
    """The token travels with the transaction, together with a version of the service that takes tokens."""
    identity = Identity()
    async with scripted_tables(transaction(stored_part("W/1"))) as service:
        bearer = BearerToken(lambda: identity, identity.clock)
        async with tables_of(StorageAccount(f"http://127.0.0.1:{service.port}", bearer)) as tables:
            await tables.execute("Table", [insert("1")], soon())

        [request] = service.requests
    assert request.headers["Authorization"] == "Bearer token-1"
    assert request.headers["x-ms-version"] == "2020-12-06"
    assert "x-ms-date" in request.headers
    assert identity.is_closed


@pytest.mark.parametrize("failure", [ClientAuthenticationError("no"), CredentialUnavailableError("no")])
async def test_no_token_is_refused_access(failure):
    """An identity that is missing or has no right is a person's job, and the messages come back."""
    bearer = BearerToken(lambda: Identity(failure=failure))
    async with tables_of(StorageAccount("http://127.0.0.1:9", bearer)) as tables:
        with pytest.raises(StorageRefusesAccess, match="managed identity") as raised:
            await tables.execute("Table", [insert("1")], soon())

    assert raised.value.status == 401


async def test_an_unreachable_identity_endpoint_is_unavailable():
    """A network fault on the way to the token passes like any other."""
    bearer = BearerToken(lambda: Identity(failure=ServiceRequestError("no route")))

    with pytest.raises(StorageUnavailable, match="ServiceRequestError"):
        await bearer.headers("/x")


@pytest.mark.parametrize(
    ("client_id", "kind"),
    [("11111111-2222-3333-4444-555555555555", ManagedIdentityCredential), (None, DefaultAzureCredential)],
)
async def test_the_client_id_chooses_the_identity(client_id, kind):
    """The user-assigned identity where one is named, else what the environment offers."""
    account = StorageAccount.from_identity("https://events.table.core.windows.net/", client_id)

    assert account.endpoint == "https://events.table.core.windows.net"
    assert isinstance(account.authorization.sdk_credential(), kind)
    await account.authorization.close()


def test_the_sdks_are_not_imported_before_they_are_needed():
    """A cold start pays for neither azure-data-tables nor azure-identity."""
    code = (
        "import sys; from shared.tables.client import AzureTables; "
        "AzureTables.from_connection_string('UseDevelopmentStorage=true'); "
        "AzureTables.from_identity('https://events.table.core.windows.net'); "
        "sys.exit(any(name.startswith('azure.') for name in sys.modules))"
    )

    assert subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, check=False).returncode == 0
