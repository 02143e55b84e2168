"""Each operation of the real client meets each of the nine faults once, on its way to a real table service.

That a time-out after the effect is met again, as a row that is there or has changed, is the client's contract: its
callers read the row and compare, which the fault matrix proves for every flow.
"""

import uuid
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlsplit

import pytest

from shared.errors import RowChanged, RowExists, StorageUnavailable
from shared.tables import administration, connection, retries
from shared.tables.client import AzureTables
from shared.tables.store import Tables
from tests.shared.tables.rows import insert, row_keys, soon, update, upsert
from tests.support.faulty_proxy import faulty_proxy
from tests.support.faulty_tables import Fault

FIRST_LIMIT_SECONDS = 0.15
"""Of the request that gets no answer, so that nobody waits ten seconds for it."""

Operation = Callable[[Tables, str, str], Awaitable[Any]]


async def _query(tables: Tables, table: str, _etag: str) -> list[str]:
    return list(await row_keys(tables, table))


OPERATIONS: dict[str, Operation] = {
    "insert": lambda tables, table, _: tables.execute(table, [insert("2", n=2)], soon()),
    "update": lambda tables, table, etag: tables.execute(table, [update(etag, n=2)], soon()),
    "upsert": lambda tables, table, _: tables.execute(table, [upsert("2", n=2)], soon()),
    "several": lambda tables, table, etag: tables.execute(table, [update(etag, n=2), upsert("2", n=2)], soon()),
    "get": lambda tables, table, _: tables.get(table, "p", "1", soon()),
    "find": lambda tables, table, _: tables.find(table, "PartitionKey eq @key", soon(), key="p"),
    "query": _query,
    "delete": lambda tables, table, etag: tables.delete(table, "p", "1", etag=etag),
    "create": lambda tables, table, _: tables.create_table(f"{table}New", soon()),
    "drop": lambda tables, table, _: tables.drop_table(table),
    "list": lambda tables, _, __: tables.list_tables(),
}

AFTER = {
    "insert": {"1": 1, "2": 2},
    "update": {"1": 2},
    "upsert": {"1": 1, "2": 2},
    "several": {"1": 2, "2": 2},
    "delete": {},
    "drop": {},
}
"""The rows after an operation that writes; there is row 1 with n = 1 before."""

BEFORE = {"1": 1}

MET_ITSELF = {"insert": RowExists, "update": RowChanged, "several": RowChanged}
"""What an operation raises whose answer was lost, because it was sent again."""

GIVES_UP_AT = {Fault.PRECONDITION}
"""A refusal that names no row, and that no waiting mends. (The 409 is that of a table that is being deleted.)"""


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch):
    """Retries at once."""
    monkeypatch.setattr(retries, "FIRST_PAUSE_SECONDS", 0.002)


@pytest.fixture
async def direct(azurite):
    """The service without anybody in between."""
    tables = AzureTables.from_connection_string(azurite)
    yield tables
    await tables.close()


@pytest.fixture
async def proxy(azurite):
    """What stands between the client and the service."""
    endpoint = urlsplit(dict(part.split("=", 1) for part in azurite.split(";") if part)["TableEndpoint"])
    async with faulty_proxy(f"{endpoint.scheme}://{endpoint.netloc}") as proxy:
        yield proxy


@pytest.fixture
async def tables(proxy):
    """The client, which goes by way of the proxy."""
    tables = AzureTables.from_connection_string(proxy.connection_string)
    yield tables
    await tables.close()


def _expected_error(operation: str, fault: Fault) -> type[Exception] | None:
    if fault is Fault.TIME_OUT_AFTER:
        return MET_ITSELF.get(operation)
    if fault in GIVES_UP_AT:
        return RowChanged if operation == "delete" else StorageUnavailable
    return None


async def _rows(direct: Tables, table: str) -> dict[str, Any]:
    return {str(found.row["RowKey"]): found.row["n"] async for found in direct.query(table)}


@pytest.mark.parametrize("fault", list(Fault))
@pytest.mark.parametrize("operation", OPERATIONS)
async def test_an_operation_is_carried_out_once_or_not_at_all_and_says_which(
    operation, fault, tables, proxy, direct, monkeypatch
):
    """It is retried once, and raises only where its own earlier try is in its way, or where nothing will help."""
    table = f"T{uuid.uuid4().hex}"
    await direct.create_table(table, soon())
    (etag,) = await direct.execute(table, [insert(n=1)], soon())
    await tables.list_tables()  # the SDK is imported, which takes longer than the limit
    _limit_the_first_request(proxy, monkeypatch, fault)
    proxy.asked, proxy.fault = 0, fault
    error = _expected_error(operation, fault)

    if error is None:
        await OPERATIONS[operation](tables, table, etag)
    else:
        with pytest.raises(error):
            await OPERATIONS[operation](tables, table, etag)

    is_final = fault in GIVES_UP_AT or fault is Fault.SLOW
    assert proxy.asked == (1 if is_final else 2)
    is_carried_out = operation in AFTER and fault not in GIVES_UP_AT
    assert await _rows(direct, table) == (AFTER[operation] if is_carried_out else BEFORE)
    assert (f"{table}New" in await direct.list_tables()) == (operation == "create" and fault not in GIVES_UP_AT)


def _limit_the_first_request(proxy, monkeypatch, fault):
    """Only where it gets no answer; the next one has its ten seconds again."""
    if fault not in {Fault.TIME_OUT_BEFORE, Fault.TIME_OUT_AFTER}:
        return

    def restore():
        monkeypatch.setattr(connection, "REQUEST_SECONDS", 10.0)
        monkeypatch.setattr(administration, "REQUEST_SECONDS", 10.0)

    monkeypatch.setattr(connection, "REQUEST_SECONDS", FIRST_LIMIT_SECONDS)
    monkeypatch.setattr(administration, "REQUEST_SECONDS", FIRST_LIMIT_SECONDS)
    proxy.on_fault = restore
