"""One cell of the matrix: a flow, of which one request fails in one way; and what became of it, then and afterwards."""

import asyncio
import re
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Final, NamedTuple, Protocol, Self

import orjson

from shared.errors import EmablerError, StorageRefusesAccess, StorageUnavailable
from shared.tables.edm import decode_row
from shared.tables.store import EdmValue
from tests.support.faulty_tables import Fault, FaultyTables, Lasting, Order, Request
from tests.support.memory_tables import MemoryTables

Rows = Mapping[tuple[str, str], bytes]
"""By their keys, as they were sent."""
Contents = dict[str, Rows]
"""The rows of every table."""

RIDDEN_OUT: Final = "ridden out"
GIVEN_BACK: Final = "given back"
ALL_COLUMNS: Final = "*"

_ROUNDING_SECONDS: Final = 0.01
_IDS_BY_CHANCE = re.compile(r'"[0-9a-f]{32}"')


class Work(Protocol):
    """The parts of one process, ready for the flow's work."""

    async def __call__(self, again: bool) -> str:  # noqa: FBT001  # see the parameter
        """Do the work, `again` where it is the redelivery or the next run; returns a word for what came of it."""
        ...


@dataclass(frozen=True)
class Flow:
    """Something the app does, from what is in the tables before to a process that does it.

    `word` is what comes of it without faults, and `patience_seconds` by when it must have ended, whatever storage does.
    `not_facts` are columns, by the beginning of the table's name, that tell of runs and arrivals and so may differ; `*`
    for a whole table. `statistics` are tables of counts, with the column, that may be off by a batch. Work
    `is_of_one_process` where it exists in its memory alone, so that no other process can do it again.
    """

    name: str
    prepare: Callable[[MemoryTables], Awaitable[None]]
    start: Callable[[FaultyTables], Awaitable[Work]]
    word: str
    patience_seconds: float
    not_facts: Mapping[str, frozenset[str]] = field(default_factory=dict)
    statistics: Mapping[str, str] = field(default_factory=dict)
    is_of_one_process: bool = False


class Done(NamedTuple):
    """What came of the work, what is in the tables, and how long it took."""

    word: str
    contents: Contents
    seconds: float


class Cell(NamedTuple):
    """A place in the matrix, with what was found there."""

    request: Request
    fault: Fault
    lasting: Lasting
    outcome: str
    faults_afterwards: list[str]


class Clean(NamedTuple):
    """A flow without faults: what is there before, after it was done, after it was done again, and its requests."""

    before: MemoryTables
    first: Done
    again: Done
    requests: list[Request]


class Matrix:
    """The cells of one flow. To be used within one event loop, whose clock says how long something takes."""

    def __init__(self, flow: Flow, clean: Clean) -> None:
        self.flow = flow
        self.clean = clean
        self._another_process: dict[int, Done] = {}

    @classmethod
    async def of(cls, flow: Flow) -> Self:
        """Do the flow twice without faults, and count the requests of the first time."""
        before = MemoryTables()
        await flow.prepare(before)
        tables = FaultyTables(copy_of(before))
        work = await flow.start(tables)
        tables.mend()
        first = await _done(work, tables, again=False)
        requests = list(tables.requests)
        return cls(flow, Clean(before, first, await _done(work, tables, again=True), requests))

    async def cell(self, order: Order) -> Cell:
        """Do it with a fault; then storage is well, and it comes again: to the same process and to another one."""
        tables = FaultyTables(copy_of(self.clean.before))
        work = await self.flow.start(tables)
        tables.fail(order)
        first = await _done(work, tables, again=False)
        left_over = tables.mend()
        wrong = (
            [f"took {first.seconds:.1f} s"] if first.seconds > self.flow.patience_seconds + _ROUNDING_SECONDS else []
        )
        if not self.flow.is_of_one_process:
            wrong += self._wrong_in_the_end("another process", await self._by_another_process(left_over))
        wrong += self._wrong_in_the_end("the same process", await _done(work, tables, again=True))
        return Cell(self.clean.requests[order.nth], order.fault, order.lasting, self._outcome(first), wrong)

    def _outcome(self, first: Done) -> str:
        if first.word != self.clean.first.word:
            return first.word
        differing = differences(self.clean.first.contents, first.contents, self.flow)
        return f"{first.word}, rows differ: {differing}" if differing else RIDDEN_OUT

    def _wrong_in_the_end(self, who: str, done: Done) -> list[str]:
        words = [] if done.word == self.clean.again.word else [done.word]
        differing = differences(self.clean.again.contents, done.contents, self.flow)
        return [f"{who}: {text}" for text in words + differing]

    async def _by_another_process(self, left_over: MemoryTables) -> Done:
        """What a process that has just started makes of these tables; of the same contents it makes the same."""
        contents = contents_of(left_over)
        told = repr(sorted((table, sorted(rows.items())) for table, rows in contents.items()))
        key = hash(_IDS_BY_CHANCE.sub("", told))
        if key not in self._another_process:
            tables = FaultyTables(copy_of(left_over))
            self._another_process[key] = await _done(await self.flow.start(tables), tables, again=True)
        return self._another_process[key]


def differences(expected: Contents, found: Contents, flow: Flow) -> list[str]:
    """How two contents of the tables differ, in a line each; columns that are not facts do not count."""
    lines = []
    for table in sorted(expected.keys() | found.keys()):
        if expected.get(table) == found.get(table):
            continue
        left_out = frozenset().union(*(columns for name, columns in flow.not_facts.items() if table.startswith(name)))
        if table in flow.statistics:
            lines += _miscounted(table, flow.statistics[table], expected.get(table, {}), found.get(table, {}))
        elif ALL_COLUMNS not in left_out:
            wanted, have = _facts(expected.get(table), left_out), _facts(found.get(table), left_out)
            lines += [f"{table} lacks {dict(row)}" for row in (wanted - have).elements()]
            lines += [f"{table} has {dict(row)}" for row in (have - wanted).elements()]
    return lines


def _miscounted(table: str, column: str, expected: Rows, found: Rows) -> list[str]:
    """Counts of what never came, or that are too large by more than a batch; each batch here counts one of a kind."""
    most = {key: 1 + int(decode_row(orjson.loads(json))[column] or 0) for key, json in expected.items()}
    counted = {key: int(decode_row(orjson.loads(json))[column] or 0) for key, json in found.items()}
    return [f"{table} counts {count}" for key, count in counted.items() if count > most.get(key, 0)]


def copy_of(tables: MemoryTables) -> MemoryTables:
    """The same rows in tables of their own."""
    copied = MemoryTables()
    copied._tables = {name: dict(rows) for name, rows in tables._tables.items()}
    copied._writes = count(next(tables._writes))
    return copied


def contents_of(tables: MemoryTables) -> Contents:
    """All rows of all tables."""
    return {table: {key: json for key, (json, _) in rows.items()} for table, rows in tables._tables.items()}


async def _done(work: Work, tables: FaultyTables, *, again: bool) -> Done:
    clock = asyncio.get_running_loop().time
    begun_seconds = clock()
    try:
        word = await work(again)
    except (StorageUnavailable, StorageRefusesAccess):
        word = GIVEN_BACK
    except EmablerError as error:
        word = f"raises {type(error).__name__}"
    return Done(word, contents_of(tables.kept), clock() - begun_seconds)


def _facts(rows: Rows | None, left_out: frozenset[str]) -> Counter[tuple[tuple[str, EdmValue], ...]]:
    decoded = [decode_row(orjson.loads(json)) for json in (rows or {}).values()]
    return Counter(
        tuple(sorted((name, value) for name, value in row.items() if name not in left_out)) for row in decoded
    )
