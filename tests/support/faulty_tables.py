"""Tables in memory behind a service that fails: one request after the other, in each of nine ways.

`FaultyTables` stands where `AzureTables` does. A request is tried again by the app's own rules (`until_deadline`), and
a refusal becomes an error by the app's own reading (`error_from`), so a fault meets a flow as it would in Azure. What a
refusal says is true: where a 409 or a 412 is about a row, another worker was faster with that very row.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum, StrEnum
from itertools import chain
from typing import Final, NamedTuple, TypeVar

from shared.deadlines import Deadline
from shared.errors import EmablerError, RowChanged, StorageUnavailable
from shared.tables.administration import ADMINISTRATION_SECONDS
from shared.tables.connection import REQUEST_SECONDS
from shared.tables.faults import Refusal, error_from
from shared.tables.retries import until_deadline
from shared.tables.store import EdmValue, Kind, Operation, StoredRow
from tests.support.memory_tables import MemoryTables

SLOW_SECONDS: Final = 5.0
RETRY_AFTER_SECONDS: Final = 2.0

Answer = TypeVar("Answer")


class Fault(StrEnum):
    """What goes wrong with a request."""

    TIME_OUT_BEFORE = "time-out before"  # no answer, and nothing was done
    TIME_OUT_AFTER = "time-out after"  # no answer, and everything was done
    CONFLICT = "409"
    PRECONDITION = "412"
    TOO_MANY = "429"  # with Retry-After
    INTERNAL = "500"
    BUSY = "503"
    RESET = "reset"
    SLOW = "slow"  # done, and answered after five seconds


class Lasting(Enum):
    """How often a fault comes."""

    ONCE = "once"
    TWICE = "twice"  # and once more for the same kind of request to the same partition
    PARTITION = "its partition for good"  # for every request of that kind to that partition
    ALL = "all for good"  # for every request from then on


class Request(NamedTuple):
    """What was asked. `kind` is `insert`, `update`, `upsert` (or several with a +), or the name of the method."""

    kind: str
    table: str
    partition_key: str = ""

    def __str__(self) -> str:
        return f"{self.kind} {self.table}".strip()


@dataclass(slots=True)
class Order:
    """Which request of a run is to fail, counted from 0, in which way, and how often."""

    nth: int
    fault: Fault
    lasting: Lasting
    failing: Request | None = None
    left: int = 2

    def is_due(self, position: int, request: Request) -> bool:
        """Whether this request fails."""
        if position == self.nth:
            self.failing = request
        if self.failing is None or self.lasting is Lasting.ALL:
            return self.failing is not None
        if self.lasting is Lasting.ONCE:
            return position == self.nth
        if request != self.failing:
            return False
        self.left -= 1
        return self.lasting is Lasting.PARTITION or self.left >= 0


class FaultyTables:
    """Implements `Tables` over tables in memory. `requests` is what was asked since the last order or `mend`."""

    def __init__(self, kept: MemoryTables) -> None:
        self.kept = kept
        self.requests: list[Request] = []
        self._order: Order | None = None

    def fail(self, order: Order) -> None:
        """From here on, fail as ordered."""
        self.requests, self._order = [], order

    def mend(self) -> MemoryTables:
        """From here on, fail no more; returns what is stored."""
        self.requests, self._order = [], None
        return self.kept

    async def execute(self, table: str, operations: Sequence[Operation], deadline: Deadline) -> list[str]:
        """See Tables."""
        kind = "+".join(sorted({operation.kind.value for operation in operations}))
        request = Request(kind, table, str(operations[0].row["PartitionKey"]))
        return await self._ask(request, deadline, lambda: self.kept.execute(table, operations, deadline), operations)

    async def get(
        self, table: str, partition_key: str, row_key: str, deadline: Deadline, *, needs_table: bool = False
    ) -> StoredRow | None:
        """See Tables."""
        return await self._ask(
            Request("get", table, partition_key),
            deadline,
            lambda: self.kept.get(table, partition_key, row_key, deadline, needs_table=needs_table),
        )

    async def find(
        self, table: str, filter_text: str, deadline: Deadline, columns: Sequence[str] = (), /, **parameters: EdmValue
    ) -> list[StoredRow]:
        """See Tables."""
        request = Request("find", table, str(next(iter(parameters.values()), "")))
        return await self._ask(
            request, deadline, lambda: self.kept.find(table, filter_text, deadline, columns, **parameters)
        )

    async def query(self, table: str, filter_text: str = "", **parameters: EdmValue) -> AsyncIterator[StoredRow]:
        """See Tables; one page."""

        async def page() -> list[StoredRow]:
            return [stored async for stored in self.kept.query(table, filter_text, **parameters)]

        for stored in await self._ask(Request("query", table), Deadline.after(ADMINISTRATION_SECONDS), page):
            yield stored

    async def delete(self, table: str, partition_key: str, row_key: str, *, etag: str | None = None) -> None:
        """See Tables."""
        await self._ask(
            Request("delete", table, partition_key),
            Deadline.after(ADMINISTRATION_SECONDS),
            lambda: self.kept.delete(table, partition_key, row_key, etag=etag),
        )

    async def create_table(self, table: str, deadline: Deadline) -> None:
        """See Tables."""
        await self._ask(Request("create", table), deadline, lambda: self.kept.create_table(table, deadline))

    async def drop_table(self, table: str) -> None:
        """See Tables."""
        deadline = Deadline.after(ADMINISTRATION_SECONDS)
        await self._ask(Request("drop", table), deadline, lambda: self.kept.drop_table(table))

    async def list_tables(self) -> list[str]:
        """See Tables."""
        return await self._ask(Request("list", ""), Deadline.after(ADMINISTRATION_SECONDS), self.kept.list_tables)

    async def close(self) -> None:
        """See Tables."""

    async def _ask(
        self,
        request: Request,
        deadline: Deadline,
        effect: Callable[[], Awaitable[Answer]],
        operations: Sequence[Operation] = (),
    ) -> Answer:
        later_faults = self._faults_of(request)
        first_fault = next(later_faults)
        await asyncio.sleep(0)
        if first_fault is None:
            return await effect()  # without the machinery of retries, which costs more than all the rest
        faults = chain([first_fault], later_faults)

        async def attempt() -> Answer:
            if deadline.remaining_seconds == 0:
                raise StorageUnavailable("no time was left to ask storage")
            fault = next(faults)
            if fault is None:
                return await effect()
            if fault in {Fault.CONFLICT, Fault.PRECONDITION}:
                await self._others_were_faster(fault, request, operations, deadline)
                return await effect()
            return await _failing(fault, request, deadline, effect)

        return await until_deadline(deadline, attempt)

    def _faults_of(self, request: Request) -> Iterator[Fault | None]:
        """What goes wrong with a request, at its first try and at each one after; every try is taken note of."""
        while True:
            position = len(self.requests)
            self.requests.append(request)
            is_due = self._order is not None and self._order.is_due(position, request)
            yield self._order.fault if self._order is not None and is_due else None

    async def _others_were_faster(
        self, fault: Fault, request: Request, operations: Sequence[Operation], deadline: Deadline
    ) -> None:
        """Let another worker do the same just before, so that the refusal is true.

        Where the request has no condition that could fail, raises what a refusal is read as that is about no row.
        """
        is_conflict = fault is Fault.CONFLICT
        if is_conflict and request.kind == "create":
            return await self.kept.create_table(request.table, deadline)
        kind = Kind.INSERT if is_conflict else Kind.UPDATE
        operation = next((operation for operation in operations if operation.kind is kind), None)
        if operation is not None:
            return await (self._insert if is_conflict else self._touch)(request.table, operation, deadline)
        if request.kind == "delete" and not is_conflict:
            raise RowChanged("the row to delete is another one by now", index=0)
        code = "TableBeingDeleted" if request.kind == "drop" and is_conflict else "ConditionNotMet"
        raise error_from(Refusal(int(fault), code), request.table)

    async def _insert(self, table: str, operation: Operation, deadline: Deadline) -> None:
        await self.kept.create_table(table, deadline)
        if await self.kept.get(table, *_keys(operation), deadline) is None:
            await self.kept.execute(table, [operation], deadline)

    async def _touch(self, table: str, operation: Operation, deadline: Deadline) -> None:
        """Write the row as it is, which gives it another ETag."""
        stored = await self.kept.get(table, *_keys(operation), deadline)
        if stored is not None:
            await self.kept.execute(table, [Operation(Kind.UPSERT, stored.row)], deadline)


async def _failing(
    fault: Fault, request: Request, deadline: Deadline, effect: Callable[[], Awaitable[Answer]]
) -> Answer:
    """A request that meets a fault which is not about its rows."""
    limit_seconds = min(REQUEST_SECONDS, deadline.remaining_seconds)
    if fault is Fault.RESET:
        raise StorageUnavailable("the connection to storage failed: ClientOSError")
    if fault not in {Fault.TIME_OUT_BEFORE, Fault.TIME_OUT_AFTER, Fault.SLOW}:
        pause = RETRY_AFTER_SECONDS if fault is Fault.TOO_MANY else None
        raise error_from(Refusal(int(fault), "ServerBusy", retry_after_seconds=pause), request.table)
    answered: Callable[[], Answer] | None = None
    if fault is not Fault.TIME_OUT_BEFORE:
        answered = await _settled(effect)
    if fault is Fault.SLOW and answered is not None and limit_seconds > SLOW_SECONDS:
        await asyncio.sleep(SLOW_SECONDS)
        return answered()
    await asyncio.sleep(limit_seconds)
    raise StorageUnavailable(f"storage did not answer within {limit_seconds:.1f} s")


async def _settled(effect: Callable[[], Awaitable[Answer]]) -> Callable[[], Answer]:
    """The service's answer, to be had later: a result to return or an error to raise."""
    try:
        result = await effect()
    except EmablerError as error:
        refused = error

        def refuse() -> Answer:
            raise refused

        return refuse
    return lambda: result


def _keys(operation: Operation) -> tuple[str, str]:
    return str(operation.row["PartitionKey"]), str(operation.row["RowKey"])
