"""Tables as one process has them: at a call of the test's choice the process is killed, or storage fails."""

import asyncio
from collections.abc import AsyncIterator, Coroutine, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from shared.deadlines import Deadline
from shared.errors import StorageUnavailable
from shared.tables.store import EdmValue, Operation, StoredRow, Tables

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Trouble:
    """What goes wrong at the `call`-th call to storage from now (1 is the next), before or after it has its effect."""

    call: int
    is_kill: bool
    has_effect: bool


@dataclass(frozen=True, slots=True)
class Ended(Generic[Result]):
    """How work ended: with a result, with storage failing, or, where both are None, with the process."""

    result: Result | None = None
    error: StorageUnavailable | None = None
    is_killed: bool = False


class MortalTables:
    """Implements `Tables` over other tables, for one process.

    A kill is more than an exception: the call that it meets never returns, no later call has any effect, and nothing
    of the process runs on, also not what it would do about an exception.
    """

    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        self._trouble: Trouble | None = None
        self._calls = 0
        self._killed = asyncio.Event()

    async def live(self, work: Coroutine[Any, Any, Result], trouble: Trouble | None = None) -> Ended[Result]:
        """Do some of the process' work with some trouble in it; after a kill everything else it did has ended, too.

        The trouble ends with the work, met or not.
        """
        self._trouble, self._calls = trouble, 0
        working = asyncio.ensure_future(work)
        watching = asyncio.ensure_future(self._killed.wait())
        await asyncio.wait({working, watching}, return_when=asyncio.FIRST_COMPLETED)
        self._trouble = None
        if self._killed.is_set():
            await _end(asyncio.all_tasks() - {asyncio.current_task()})
            return Ended(is_killed=True)
        await _end({watching})
        try:
            return Ended(result=working.result())
        except StorageUnavailable as error:
            return Ended(error=error)

    async def execute(self, table: str, operations: Sequence[Operation], deadline: Deadline) -> list[str]:
        """See Tables."""
        return await self._call(self._tables.execute(table, operations, deadline))

    async def get(
        self, table: str, partition_key: str, row_key: str, deadline: Deadline, *, needs_table: bool = False
    ) -> StoredRow | None:
        """See Tables."""
        return await self._call(self._tables.get(table, partition_key, row_key, deadline, needs_table=needs_table))

    async def find(
        self, table: str, filter_text: str, deadline: Deadline, columns: Sequence[str] = (), /, **parameters: EdmValue
    ) -> list[StoredRow]:
        """See Tables."""
        return await self._call(self._tables.find(table, filter_text, deadline, columns, **parameters))

    async def query(self, table: str, filter_text: str = "", **parameters: EdmValue) -> AsyncIterator[StoredRow]:
        """See Tables."""

        async def read() -> list[StoredRow]:
            return [stored async for stored in self._tables.query(table, filter_text, **parameters)]

        for stored in await self._call(read()):
            yield stored

    async def delete(self, table: str, partition_key: str, row_key: str, *, etag: str | None = None) -> None:
        """See Tables."""
        await self._call(self._tables.delete(table, partition_key, row_key, etag=etag))

    async def create_table(self, table: str, deadline: Deadline) -> None:
        """See Tables."""
        await self._call(self._tables.create_table(table, deadline))

    async def drop_table(self, table: str) -> None:
        """See Tables."""
        await self._call(self._tables.drop_table(table))

    async def list_tables(self) -> list[str]:
        """See Tables."""
        return await self._call(self._tables.list_tables())

    async def close(self) -> None:
        """The tables outlive the process."""

    async def _call(self, request: Coroutine[Any, Any, Result]) -> Result:
        """Do a request, unless there is trouble."""
        if self._killed.is_set():
            request.close()
            raise asyncio.CancelledError
        self._calls += 1
        trouble = self._trouble
        if trouble is None or self._calls != trouble.call:
            return await request
        if trouble.has_effect:
            with suppress(Exception):  # what it answered is lost
                await request
        else:
            request.close()
        if trouble.is_kill:
            self._killed.set()
            await asyncio.Event().wait()
        raise StorageUnavailable("the test says so")


async def _end(tasks: Iterable[asyncio.Future[Any] | None]) -> None:
    """Cancel tasks and wait until they have ended."""
    ending = [task for task in tasks if task is not None]
    for task in ending:
        task.cancel()
    await asyncio.gather(*ending, return_exceptions=True)
