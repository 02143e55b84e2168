"""Table Storage itself: `AzureTables` is what the app uses behind the protocol `shared.tables.store.Tables`.

Transactions and point reads are our own requests over pooled connections, because they decide what an event costs:
azure-data-tables needs several times the processor time for the same bytes. Everything rarer goes through the SDK.
"""

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any, Final, Self
from urllib.parse import quote, urlencode

import orjson

from shared import telemetry
from shared.deadlines import Deadline
from shared.errors import RowConflict, RowRefused, StorageUnavailable, TableMissing
from shared.tables.administration import Administration
from shared.tables.batch_answer import read_batch_answer
from shared.tables.batch_body import BATCH_CONTENT_TYPE, batch_body
from shared.tables.connection import Connection
from shared.tables.credentials import StorageAccount
from shared.tables.edm import decode_row, row_address
from shared.tables.faults import error_from
from shared.tables.filters import fill_filter
from shared.tables.limits import check_key
from shared.tables.retries import until_deadline
from shared.tables.store import Operation, StoredRow
from shared.tables.values import EdmValue

_BATCH_HEADERS: Final = {"Content-Type": BATCH_CONTENT_TYPE, "Accept": "application/json"}
_ANSWERS: Final = (RowConflict, RowRefused, TableMissing)
_NO_TABLE_CODE: Final = "TableNotFound"
_NOT_THERE_CODES: Final = {"ResourceNotFound", "EntityNotFound", _NO_TABLE_CODE}
_GET_HEADERS: Final = {"Accept": "application/json;odata=minimalmetadata"}


class AzureTables:
    """Implements `Tables` for a storage account. Nothing is connected before the first call; close it at the end."""

    def __init__(self, account: StorageAccount) -> None:
        self._account = account
        self._connection = Connection(account)
        self._administration = Administration(account)

    @classmethod
    def from_connection_string(cls, text: str) -> Self:
        """The tables of a connection string's account. Raises ConfigurationError."""
        return cls(StorageAccount.from_connection_string(text))

    @classmethod
    def from_identity(cls, table_service_uri: str, client_id: str | None = None) -> Self:
        """The tables at that URI, with the app's identity in Microsoft Entra. Raises ConfigurationError."""
        return cls(StorageAccount.from_identity(table_service_uri, client_id))

    async def execute(self, table: str, operations: Sequence[Operation], deadline: Deadline) -> list[str]:
        """See Tables.execute.

        An answer that got lost leaves open whether the transaction was carried out, and it is sent again. An INSERT
        that had been carried out then raises RowExists, an UPDATE RowChanged: the caller reads the row and compares.
        """
        body = batch_body(f"{self._account.endpoint}/{table}", operations)

        async def attempt() -> list[str]:
            answer = await self._connection.exchange("POST", "/$batch", _BATCH_HEADERS, deadline, body)
            if answer.status != HTTPStatus.ACCEPTED:
                raise error_from(answer.refusal(), table)
            return read_batch_answer(answer.body, table, len(operations))

        with telemetry.span("write rows", answers=_ANSWERS, table=table, rows=len(operations)):
            return await until_deadline(deadline, attempt)

    async def get(
        self, table: str, partition_key: str, row_key: str, deadline: Deadline, *, needs_table: bool = False
    ) -> StoredRow | None:
        """See Tables.get. Raises RowRefused for keys that no row can have."""
        keys = check_key("PartitionKey", partition_key), check_key("RowKey", row_key)
        path = f"/{table}{row_address(*keys)}"

        async def attempt() -> StoredRow | None:
            answer = await self._connection.exchange("GET", path, _GET_HEADERS, deadline)
            if answer.status == HTTPStatus.OK:
                return _stored_row(answer.body, table)
            refusal = answer.refusal()
            # Any other 404 is not the service's: taking a proxy's for "no such row" would lose what the row holds.
            if refusal.code in _NOT_THERE_CODES and not (needs_table and refusal.code == _NO_TABLE_CODE):
                return None
            raise error_from(refusal, table)

        return await until_deadline(deadline, attempt)

    async def find(
        self, table: str, filter_text: str, deadline: Deadline, columns: Sequence[str] = (), /, **parameters: EdmValue
    ) -> list[StoredRow]:
        """See Tables.find. Raises ValueError for a filter that names a parameter which is not given."""
        asked = {"$filter": fill_filter(filter_text, parameters)}
        if columns:
            asked["$select"] = ",".join(columns)
        found: list[StoredRow] = []
        next_page: Mapping[str, str] | None = {}
        while next_page is not None:
            rows, next_page = await self._page(table, {**asked, **next_page}, deadline)
            found += rows
        return found

    def query(self, table: str, filter_text: str = "", **parameters: EdmValue) -> AsyncIterator[StoredRow]:
        """See Tables.query. Raises ValueError for a filter that names a parameter which is not given."""
        return self._administration.query(table, fill_filter(filter_text, parameters))

    async def delete(self, table: str, partition_key: str, row_key: str, *, etag: str | None = None) -> None:
        """See Tables.delete. Raises RowRefused for keys that no row can have."""
        keys = check_key("PartitionKey", partition_key), check_key("RowKey", row_key)
        await self._administration.delete(table, *keys, etag)

    async def create_table(self, table: str, deadline: Deadline) -> None:
        """See Tables.create_table."""
        await self._administration.create_table(table, deadline)

    async def drop_table(self, table: str) -> None:
        """See Tables.drop_table."""
        await self._administration.drop_table(table)

    async def list_tables(self) -> list[str]:
        """See Tables.list_tables."""
        return await self._administration.list_tables()

    async def close(self) -> None:
        """See Tables.close."""
        await self._connection.close()
        await self._administration.close()
        await self._account.authorization.close()

    async def _page(
        self, table: str, asked: Mapping[str, str], deadline: Deadline
    ) -> tuple[list[StoredRow], Mapping[str, str] | None]:
        """One page of a query, and what leads to the next, None after the last."""
        path = f"/{table}()?{urlencode(asked, quote_via=quote)}"

        async def attempt() -> tuple[list[StoredRow], Mapping[str, str] | None]:
            answer = await self._connection.exchange("GET", path, _GET_HEADERS, deadline)
            if answer.status == HTTPStatus.OK:
                return _stored_rows(answer.body, table), answer.next_page or None
            refusal = answer.refusal()
            if refusal.code in _NOT_THERE_CODES:
                return [], None
            raise error_from(refusal, table)

        return await until_deadline(deadline, attempt)


def _stored_row(body: bytes, table: str) -> StoredRow:
    with _readable(table):
        return _row(orjson.loads(body))


def _stored_rows(body: bytes, table: str) -> list[StoredRow]:
    with _readable(table):
        return [_row(columns) for columns in orjson.loads(body)["value"]]


def _row(columns: dict[str, Any]) -> StoredRow:
    return StoredRow(decode_row(columns), str(columns["odata.etag"]))


@contextmanager
def _readable(table: str) -> Iterator[None]:
    try:
        yield
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise StorageUnavailable(f"table {table}: storage's answer could not be read", status=HTTPStatus.OK) from error
