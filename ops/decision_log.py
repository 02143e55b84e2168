"""The answers that were given, read back out of `AuthDecisions{yyyyMM}`: the newest day first."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

from shared.authorization.decisions import AUTH_DECISIONS
from shared.deadlines import Deadline
from shared.instants import TICKS_PER_SECOND, Instant
from shared.tables.keys import day_partition, month_table, rows_of_charger
from shared.tables.store import EdmValue, Row, Tables

READ_SECONDS: Final = 300.0
"""How long storage is waited for, for one partition of a day."""

_DAY_TICKS: Final = 86_400 * TICKS_PER_SECOND


class GivenAnswer(NamedTuple):
    """An answer to a tap as it was kept; docs/tables.md describes the columns."""

    decided_at: Instant
    charger_id: str
    id_tag: str
    is_allowed: bool
    reason: str | None
    rule: str
    source: str
    latency_ms: float
    list_table: str | None


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which answers: from `since` up to and with `until`; of one tag, which is canonical, or one charger, or all."""

    since: Instant
    until: Instant
    id_tag: str | None = None
    charger_id: str | None = None


async def given_answers(tables: Tables, wanted: Wanted, shards: int) -> AsyncIterator[GivenAnswer]:
    """The answers, newest first. `shards` is how many partitions a day has."""
    months = set(await tables.list_tables())
    for day in _days(wanted):
        if month_table(AUTH_DECISIONS, day) not in months:
            continue
        rows: list[Row] = []
        for partition in _partitions(wanted, day, shards):
            rows += await _rows_of_partition(tables, wanted, day, partition)
        for answer in sorted(map(_answer, rows), reverse=True):
            yield answer


def _days(wanted: Wanted) -> Iterator[Instant]:
    """A moment of each day, newest first."""
    last, first = wanted.until // _DAY_TICKS, wanted.since // _DAY_TICKS
    return (Instant(day * _DAY_TICKS) for day in range(last, first - 1, -1))


def _partitions(wanted: Wanted, day: Instant, shards: int) -> list[str]:
    """Those of a day that may hold what is wanted: one, where a charger is named."""
    if wanted.charger_id is not None:
        return [day_partition(day, wanted.charger_id, shards)]
    return [f"{day.day}-{number:02d}" for number in range(shards)]


async def _rows_of_partition(tables: Tables, wanted: Wanted, day: Instant, partition: str) -> list[Row]:
    """What is wanted of a partition, at once: a busy day is read in a quarter of the time that a query takes."""
    conditions = ["PartitionKey eq @partition", "decided_at ge @since", "decided_at le @until"]
    parameters: dict[str, EdmValue] = {"partition": partition, "since": wanted.since, "until": wanted.until}
    if wanted.charger_id is not None:
        conditions += ["RowKey ge @first", "RowKey lt @end"]
        parameters["first"], parameters["end"] = rows_of_charger(wanted.charger_id)
    if wanted.id_tag is not None:
        conditions.append("id_tag eq @id_tag")
        parameters["id_tag"] = wanted.id_tag
    table = month_table(AUTH_DECISIONS, day)
    found = await tables.find(table, " and ".join(conditions), Deadline.after(READ_SECONDS), **parameters)
    return [stored.row for stored in found]


def _answer(row: Row) -> GivenAnswer:
    reason, list_table, decided_at, latency_ms = (
        row.get(column) for column in ("reason", "list_table", "decided_at", "latency_ms")
    )
    return GivenAnswer(
        decided_at=decided_at if isinstance(decided_at, Instant) else Instant(0),
        charger_id=str(row["charger_id"]),
        id_tag=str(row["id_tag"]),
        is_allowed=bool(row["allowed"]),
        reason=str(reason) if reason is not None else None,
        rule=str(row["rule"]),
        source=str(row["source"]),
        latency_ms=latency_ms if isinstance(latency_ms, float) else 0.0,
        list_table=str(list_table) if list_table is not None else None,
    )
