"""What `AzureTables` makes of every answer that is no success, given by a stand-in on loopback."""

import asyncio
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from shared.deadlines import Deadline
from shared.errors import (
    RowChanged,
    RowExists,
    RowRefused,
    StorageRefusesAccess,
    StorageUnavailable,
    TableMissing,
)
from shared.tables import administration, connection, retries
from shared.tables.client import AzureTables
from tests.shared.tables.rows import insert, row, soon, upsert
from tests.support.scripted_tables import (
    answer,
    hang,
    hang_up,
    refusal,
    refused_part,
    scripted_tables,
    stored_part,
    transaction,
    transaction_parts,
)

STORED = transaction(stored_part("W/1"), stored_part("W/2"))
ROWS = [insert("1"), upsert("2")]
A_ROW = answer(200, b'{"odata.etag":"W/1","PartitionKey":"p","RowKey":"1","Timestamp":"2025-04-02T10:00:00Z"}')
NO_TABLES = answer(200, b'{"value":[]}', Content_Type="application/json")

PASSING = {
    "408": refusal(408, "RequestTimeout"),
    "429": refusal(429, "TooManyRequests"),
    "500": refusal(500, "OperationTimedOut"),
    "503": refusal(503, "ServerBusy"),
    "503 in XML": answer(503, b"<?xml version='1.0'?><error><code>ServerBusy</code></error>"),
    "502 of a gateway": answer(502, b"<html>Bad Gateway</html>"),
    "table being deleted": refusal(409, "TableBeingDeleted"),
    "connection lost": hang_up(),
    "answer cut off": hang_up(transaction_parts(stored_part("W/1"))[:150]),
}

PASSING_FOR_TRANSACTIONS = PASSING | {
    "503 within the answer": transaction(refused_part(503, "ServerBusy", 0)),
    "500 within the answer": transaction(refused_part(500, "InternalError", None)),
    "table being deleted within the answer": transaction(refused_part(409, "TableBeingDeleted", 0)),
    "empty answer": answer(202),
    "another format": answer(202, b'{"value":[]}'),
    "one operation untold": transaction(stored_part("W/1")),
    "redirect": answer(302, Location="http://127.0.0.1:9/"),
    "success without parts": answer(200),
}


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch):
    """Retries at once, so that the tests are about what is retried."""
    monkeypatch.setattr(retries, "FIRST_PAUSE_SECONDS", 0.002)


@asynccontextmanager
async def tables_on(*script):
    """A client of a service that follows the script, and the service."""
    async with scripted_tables(*script) as service:
        tables = AzureTables.from_connection_string(service.connection_string)
        try:
            yield tables, service
        finally:
            await tables.close()


@pytest.mark.parametrize("fault", PASSING_FOR_TRANSACTIONS)
async def test_a_passing_fault_is_ridden_out(fault):
    """A transaction is sent again, twice if need be, until it is stored."""
    response = PASSING_FOR_TRANSACTIONS[fault]
    async with tables_on(response, response, STORED) as (tables, service):
        assert await tables.execute("Table", ROWS, soon()) == ["W/1", "W/2"]

        assert len(service.requests) == 3
        assert len({await request.read() for request in service.requests}) == 1


@pytest.mark.parametrize("fault", PASSING)
async def test_a_passing_fault_of_a_read_is_ridden_out(fault):
    """A point read is sent again until it is answered."""
    async with tables_on(PASSING[fault], A_ROW) as (tables, _service):
        found = await tables.get("Table", "p", "1", soon())

    assert found is not None
    assert (row("1"), "W/1") == (found.row, found.etag)


@pytest.mark.parametrize("fault", PASSING)
async def test_a_passing_fault_of_the_sdk_is_ridden_out(fault):
    """What goes through azure-data-tables is retried by the same rules, and by us alone."""
    async with tables_on(PASSING[fault], NO_TABLES) as (tables, service):
        assert await tables.list_tables() == []

        assert len(service.requests) == 2


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", b'{"PartitionKey":"p"', b'{"odata.etag":"W/1","a@odata.type":"Edm.Int64","a":"x"}']
)
async def test_a_broken_row_is_read_again(body):
    """An answer to a point read that makes no sense is a passing fault."""
    async with tables_on(answer(200, body), A_ROW) as (tables, service):
        assert await tables.get("Table", "p", "1", soon()) is not None

        assert len(service.requests) == 2


async def test_a_hanging_answer_is_given_up_and_asked_for_again(monkeypatch):
    """One request never takes the whole deadline."""
    monkeypatch.setattr(connection, "REQUEST_SECONDS", 0.05)
    async with tables_on(hang(), STORED) as (tables, service):
        assert await tables.execute("Table", ROWS, soon()) == ["W/1", "W/2"]

        assert len(service.requests) == 2


async def test_a_hanging_answer_of_the_sdk_is_given_up_and_asked_for_again(monkeypatch):
    """The same holds for what goes through azure-data-tables."""
    monkeypatch.setattr(administration, "REQUEST_SECONDS", 0.2)
    async with tables_on(hang(), NO_TABLES) as (tables, service):
        assert await tables.list_tables() == []

        assert len(service.requests) == 2


async def test_the_deadline_ends_a_hanging_request():
    """A request ends with the deadline, however long it may take otherwise."""
    started_at = asyncio.get_running_loop().time()
    async with tables_on(hang()) as (tables, service):
        with pytest.raises(StorageUnavailable, match="did not answer"):
            await tables.execute("Table", ROWS, Deadline.after(0.1))

        assert len(service.requests) == 1
    assert asyncio.get_running_loop().time() - started_at < 3


async def test_a_fault_that_lasts_is_raised_at_the_deadline():
    """The last answer is told, with its status and code."""
    async with tables_on(refusal(503, "ServerBusy")) as (tables, service):
        with pytest.raises(StorageUnavailable) as raised:
            await tables.execute("Table", ROWS, Deadline.after(1.0))

        assert len(service.requests) > 2
    assert (raised.value.status, raised.value.code) == (503, "ServerBusy")


@pytest.mark.parametrize("status", [429, 503])
async def test_retry_after_in_seconds_is_honoured(status):
    """The next attempt comes when the service said, not when we would have."""
    async with tables_on(refusal(status, "ServerBusy", Retry_After="1"), STORED) as (tables, service):
        await tables.execute("Table", ROWS, soon())

        first, second = service.asked_at_seconds
    assert 1.0 <= second - first < 3.0


async def test_retry_after_as_a_date_is_honoured():
    """The header's other form is understood as well."""
    moment = format_datetime(datetime.now(UTC) + timedelta(seconds=2), usegmt=True)
    async with tables_on(refusal(503, "ServerBusy", Retry_After=moment), STORED) as (tables, service):
        await tables.execute("Table", ROWS, soon())

        first, second = service.asked_at_seconds
    assert 0.5 <= second - first < 3.0


async def test_retry_after_past_the_deadline_is_not_waited_for():
    """The work is given back at once, with the time that the service asked for."""
    async with tables_on(refusal(503, "ServerBusy", Retry_After="60")) as (tables, service):
        with pytest.raises(StorageUnavailable) as raised:
            await tables.execute("Table", ROWS, soon())

        assert len(service.requests) == 1
    assert raised.value.retry_after_seconds == 60


@pytest.mark.parametrize("call", ["execute", "get", "list_tables", "create_table"])
@pytest.mark.parametrize(("status", "code"), [(401, "NoAuthenticationInformation"), (403, "AuthorizationFailure")])
async def test_refused_access_is_told_at_once(status, code, call):
    """A missing right is not retried: a person has to grant it."""
    async with tables_on(refusal(status, code)) as (tables, service):
        calls = {
            "execute": lambda: tables.execute("Table", ROWS, soon()),
            "get": lambda: tables.get("Table", "p", "1", soon()),
            "list_tables": tables.list_tables,
            "create_table": lambda: tables.create_table("Table", soon()),
        }
        with pytest.raises(StorageRefusesAccess, match="Storage Table Data Contributor") as raised:
            await calls[call]()

        assert len(service.requests) == 1
    assert (status, code) == (raised.value.status, raised.value.code)


@pytest.mark.parametrize(
    ("status", "code", "error"),
    [
        (409, "EntityAlreadyExists", RowExists),
        (412, "UpdateConditionNotSatisfied", RowChanged),
        (412, "ConditionNotMet", RowChanged),
        (404, "ResourceNotFound", RowChanged),
        (400, "PropertyValueTooLarge", RowRefused),
        (400, "InvalidInput", RowRefused),
        (413, "RequestBodyTooLarge", RowRefused),
        (409, "SomethingElse", RowRefused),
    ],
)
async def test_a_refused_operation_is_told_with_its_index(status, code, error):
    """What is about a row is raised at once, with the place of that row."""
    async with tables_on(transaction(refused_part(status, code, 1))) as (tables, service):
        with pytest.raises(error) as raised:
            await tables.execute("Table", ROWS, soon())

        assert len(service.requests) == 1
    assert raised.value.index == 1
    if error is RowRefused:
        assert (status, code) == (raised.value.status, raised.value.code)


async def test_too_large_a_request_is_refused_without_an_index():
    """Nobody knows which row was too much, but it surely were the rows."""
    async with tables_on(refusal(413, "RequestBodyTooLarge")) as (tables, _service):
        with pytest.raises(RowRefused) as raised:
            await tables.execute("Table", ROWS, soon())

    assert (raised.value.index, raised.value.status) == (None, 413)


@pytest.mark.parametrize(
    "response", [refusal(400, "InvalidHeaderValue"), transaction(refused_part(400, "InvalidInput", None))]
)
async def test_a_refusal_that_names_no_row_gives_the_work_back(response):
    """It is not retried, but no good message is put aside for it either."""
    async with tables_on(response) as (tables, service):
        with pytest.raises(StorageUnavailable, match="named no row"):
            await tables.execute("Table", ROWS, soon())

        assert len(service.requests) == 1


@pytest.mark.parametrize(
    "response", [refusal(404, "TableNotFound"), transaction(refused_part(404, "TableNotFound", 0))]
)
async def test_a_missing_table_is_told_at_once(response):
    """Creating it is the caller's decision."""
    async with tables_on(response) as (tables, service):
        with pytest.raises(TableMissing):
            await tables.execute("Table", ROWS, soon())

        assert len(service.requests) == 1


async def test_a_404_that_is_not_the_services_is_no_missing_row():
    """Only the service knows that a row does not exist, not whoever stands in between."""
    async with tables_on(answer(404, b"<html>Not Found</html>")) as (tables, service):
        with pytest.raises(StorageUnavailable) as raised:
            await tables.get("Table", "p", "1", soon())

        assert len(service.requests) == 1
    assert raised.value.status == 404


async def test_a_table_being_deleted_can_be_created_a_little_later():
    """Azure keeps a dropped table's name for a while; creating waits for it."""
    created = answer(204)
    async with tables_on(refusal(409, "TableBeingDeleted"), created) as (tables, service):
        await tables.create_table("Table", soon())

        assert len(service.requests) == 2


async def test_a_table_that_exists_is_created():
    """Another worker was faster, which is fine."""
    async with tables_on(refusal(409, "TableAlreadyExists")) as (tables, service):
        await tables.create_table("Table", soon())

        assert len(service.requests) == 1


async def test_a_query_goes_on_with_the_page_that_failed():
    """A fault amid a query repeats one page, not the rows before it."""

    def page(row_key, **continuation):
        body = f'{{"value":[{{"odata.etag":"W/1","PartitionKey":"p","RowKey":"{row_key}"}}]}}'.encode()
        return answer(200, body, Content_Type="application/json", **continuation)

    first = page("1", x_ms_continuation_NextPartitionKey="p", x_ms_continuation_NextRowKey="2")
    async with tables_on(first, refusal(503, "ServerBusy"), page("2")) as (tables, service):
        assert [found.row["RowKey"] async for found in tables.query("Table")] == ["1", "2"]

        assert [request.query.get("NextRowKey") for request in service.requests] == [None, "2", "2"]


async def test_nobody_listening_is_unavailable():
    """A refused connection is retried until the deadline, and told as what it is."""
    async with tables_on(STORED) as (tables, service):
        pass
    tables = AzureTables.from_connection_string(service.connection_string)

    with pytest.raises(StorageUnavailable, match="ClientConnectorError"):
        await tables.execute("Table", ROWS, Deadline.after(0.1))
    with pytest.raises(StorageUnavailable):
        await tables.create_table("Table", Deadline.after(0.1))
    await tables.close()


async def test_error_texts_hold_no_keys_and_no_values():
    """Errors end up in logs, where no charger's data belongs."""
    secret = insert("secret-row", "secret-partition", name="secret-value")
    for response in (refusal(503, "ServerBusy"), transaction(refused_part(409, "EntityAlreadyExists", 0)), hang_up()):
        async with tables_on(response) as (tables, _service):
            with pytest.raises((StorageUnavailable, RowExists)) as raised:
                await tables.execute("Table", [secret], Deadline.after(0.05))

        assert "secret" not in str(raised.value)
