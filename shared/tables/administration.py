"""Queries and the tables themselves, by way of azure-data-tables, whose import is put off until one is needed.

It takes a tenth of a second, and the event loop answers taps: so it is done in a thread.
The SDK's own retries are switched off: `retries.until_deadline` is the one place for them.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final, TypeVar

from shared import telemetry
from shared.deadlines import Deadline
from shared.errors import RowChanged, StorageUnavailable, TableMissing
from shared.tables.connection import REQUEST_SECONDS, SERVICE_VERSION
from shared.tables.credentials import StorageAccount
from shared.tables.edm import parse_instant
from shared.tables.retries import until_deadline
from shared.tables.sdk_faults import error_code, sdk_faults_told
from shared.tables.store import StoredRow
from shared.tables.values import EdmValue, Int64

if TYPE_CHECKING:
    from azure.data.tables import TableEntity
    from azure.data.tables.aio import TableServiceClient

ADMINISTRATION_SECONDS: Final = 60.0
"""The budget of a call that is given no deadline, and of each page of a query."""

Answer = TypeVar("Answer")
_Page = tuple[list[StoredRow], Mapping[str, Any] | None]


class Administration:
    """What is asked of an account beside transactions and point reads."""

    def __init__(self, account: StorageAccount) -> None:
        self._account = account
        self._opened: TableServiceClient | None = None

    async def query(self, table: str, filter_text: str) -> AsyncIterator[StoredRow]:
        """See Tables.query; the filter has its literals in place."""
        continuation: Mapping[str, Any] | None = None
        while True:
            try:
                rows, continuation = await self._page(table, filter_text, continuation)
            except TableMissing:
                return
            for row in rows:
                yield row
            if continuation is None:
                return

    async def delete(self, table: str, partition_key: str, row_key: str, etag: str | None) -> None:
        """See Tables.delete."""

        async def delete() -> None:
            from azure.core import MatchConditions  # noqa: PLC0415  # see the module
            from azure.core.exceptions import ResourceModifiedError  # noqa: PLC0415  # see the module

            condition = MatchConditions.IfNotModified if etag is not None else None
            client = self._client().get_table_client(table)
            try:
                # The SDK takes a row that is not there for deleted; a missing table it does too.
                await client.delete_entity(partition_key, row_key, etag=etag, match_condition=condition)
            except ResourceModifiedError:
                raise RowChanged(f"table {table}: the row to delete is another one by now", index=0) from None

        await self._ask("write", table, Deadline.after(ADMINISTRATION_SECONDS), delete)

    async def create_table(self, table: str, deadline: Deadline) -> None:
        """See Tables.create_table."""

        async def create() -> None:
            from azure.core.exceptions import HttpResponseError  # noqa: PLC0415  # see the module

            try:
                await self._client().create_table(table)
            except HttpResponseError as error:
                if error_code(error) != "TableAlreadyExists":
                    raise

        await self._ask("table", table, deadline, create)

    async def drop_table(self, table: str) -> None:
        """See Tables.drop_table."""

        async def drop() -> None:
            await self._client().delete_table(table)

        await self._ask("table", table, Deadline.after(ADMINISTRATION_SECONDS), drop)

    async def list_tables(self) -> list[str]:
        """See Tables.list_tables."""

        async def names() -> list[str]:
            return [table.name async for table in self._client().list_tables()]

        return await self._ask("table", "(all)", Deadline.after(ADMINISTRATION_SECONDS), names)

    async def close(self) -> None:
        """Close the SDK's client."""
        if self._opened is not None:
            await self._opened.close()
            self._opened = None

    async def _page(self, table: str, filter_text: str, continuation: Mapping[str, Any] | None) -> _Page:
        async def page() -> _Page:
            client = self._client().get_table_client(table)
            # The SDK's types want a text for the token, which is a mapping in the case of tables.
            token: Any = continuation
            pages: Any = client.query_entities(filter_text).by_page(token)
            entities = await anext(pages)
            return [_stored_row(entity) async for entity in entities], pages.continuation_token

        return await self._ask("query", table, Deadline.after(ADMINISTRATION_SECONDS), page)

    async def _ask(
        self, operation: str, table: str, deadline: Deadline, request: Callable[[], Awaitable[Answer]]
    ) -> Answer:
        """`operation` is the metric's word for it."""
        await asyncio.to_thread(import_module, "azure.data.tables.aio")

        async def attempt() -> Answer:
            try:
                telemetry.TABLES_REQUESTS.record(operation=operation)
                async with asyncio.timeout(min(REQUEST_SECONDS, deadline.remaining_seconds)):
                    with sdk_faults_told(table):
                        return await request()
            except TimeoutError as error:
                raise StorageUnavailable(f"table {table}: storage did not answer in time") from error

        return await until_deadline(deadline, attempt)

    def _client(self) -> "TableServiceClient":
        if self._opened is None:
            from azure.data.tables.aio import TableServiceClient  # noqa: PLC0415  # see the module

            # At INFO it writes every address, and the address of a row can hold a tag.
            logging.getLogger("azure.core.pipeline.policies.http_logging_policy").setLevel(logging.WARNING)
            self._opened = TableServiceClient(
                self._account.endpoint,
                credential=self._account.authorization.sdk_credential(),
                api_version=SERVICE_VERSION,
                retry_total=0,
            )
        return self._opened


def _stored_row(entity: "TableEntity") -> StoredRow:
    return StoredRow({column: _value(value) for column, value in entity.items()}, str(entity.metadata["etag"]))


def _value(value: Any) -> EdmValue:
    """The SDK's value as ours: it hides Int64 in a pair, and the seventh digit of a time beside its datetime."""
    if isinstance(value, tuple):
        return Int64(value[0])
    exact_time = getattr(value, "tables_service_value", None)
    if exact_time is not None:
        return parse_instant(exact_time)
    plain: EdmValue = value
    return plain
