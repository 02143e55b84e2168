"""The answers that were given, read back out of `AuthDecisions{yyyyMM}`: the newest day first."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

from shared.authorization.decisions import AUTH_DECISIONS
from shared.instants import TICKS_PER_SECOND, Instant
from shared.tables.keys import day_partition, month_table, rows_of_charger
from shared.tables.store import EdmValue, Row, Tables

_DAY_TICKS: Final = 86_400 * TICKS_PER_SECOND
# The first characters that a partition of a day continues with, and the one after it.
_FIRST_SHARD, _AFTER_SHARDS = "-", "."


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
    """The answers, newest first. `shards` is the layout's count: one charger is looked for in its own partition."""
    for day in _days(wanted):
        filter_text, parameters = _filter(wanted, day, shards)
        rows = [
            stored.row async for stored in tables.query(month_table(AUTH_DECISIONS, day), filter_text, **parameters)
        ]
        for answer in sorted(map(_answer, rows), reverse=True):
            yield answer


def _days(wanted: Wanted) -> Iterator[Instant]:
    """A moment of each day, newest first."""
    last, first = wanted.until // _DAY_TICKS, wanted.since // _DAY_TICKS
    return (Instant(day * _DAY_TICKS) for day in range(last, first - 1, -1))


def _filter(wanted: Wanted, day: Instant, shards: int) -> tuple[str, dict[str, EdmValue]]:
    conditions = ["decided_at ge @since", "decided_at le @until"]
    parameters: dict[str, EdmValue] = {"since": wanted.since, "until": wanted.until}
    if wanted.charger_id is None:
        conditions += ["PartitionKey ge @first_partition", "PartitionKey lt @end_of_partitions"]
        parameters |= {"first_partition": day.day + _FIRST_SHARD, "end_of_partitions": day.day + _AFTER_SHARDS}
    else:
        first, end = rows_of_charger(wanted.charger_id)
        conditions += ["PartitionKey eq @partition", "RowKey ge @first", "RowKey lt @end"]
        parameters |= {"partition": day_partition(day, wanted.charger_id, shards), "first": first, "end": end}
    if wanted.id_tag is not None:
        conditions.append("id_tag eq @id_tag")
        parameters["id_tag"] = wanted.id_tag
    return " and ".join(conditions), parameters


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
