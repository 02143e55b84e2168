"""All rows of all tables, without what the documents say tells of arrivals: how, when and how often something came."""

import orjson

from shared.tables.store import EdmValue, Tables

Rows = dict[str, dict[tuple[str, str], dict[str, EdmValue]]]
"""By table and keys: the columns that are not empty."""

ABOUT_ARRIVALS = {
    # docs/tables.md: of the first delivery
    "PushEvents": {"first_received_at", "transport", "properties"},
    # docs/decisions/0004: a row counts its arrivals
    "Quarantine": {"first_received_at", "last_received_at", "deliveries", "transport"},
    # docs/tables.md: the first value and what it came in, by this app's clock
    "Drift": {"first_seen_at", "sample", "sample_event_id", "sample_charger_id", "sample_event_type"},
}

ON_ARRIVAL = "day of arrival"
"""In the place of `Quarantine`'s partition key."""

POLL_STATE = "PollState"
"""What polling remembers is about when something was heard (docs/tables.md), so it is compared with nothing."""


async def everything(tables: Tables) -> Rows:
    """What must be the same whatever the order."""
    return {name: await table_rows(tables, name) for name in sorted(await tables.list_tables()) if name != POLL_STATE}


async def table_rows(tables: Tables, name: str) -> dict[tuple[str, str], dict[str, EdmValue]]:
    """One table's rows by their keys."""
    left_out = next((columns for kind, columns in ABOUT_ARRIVALS.items() if name.startswith(kind)), set[str]())
    rows: dict[tuple[str, str], dict[str, EdmValue]] = {}
    async for stored in tables.query(name):
        row = {column: _canonical(column, value) for column, value in stored.row.items() if column not in left_out}
        for column in _told_at_by_polls(row):
            row[column] = "some time"
        day_or_shard, row_key = str(row.pop("PartitionKey")), str(row.pop("RowKey"))
        key = (ON_ARRIVAL if name == "Quarantine" else day_or_shard, row_key)
        rows[key] = {column: value for column, value in row.items() if value is not None}
    return rows


def differences(found: Rows, expected: Rows) -> list[str]:
    """Where two sets of rows differ, a line for each, for a person to read."""
    lines = [f"{name}: a table too many" for name in found.keys() - expected.keys()]
    lines += [f"{name}: no such table" for name in expected.keys() - found.keys()]
    for name in sorted(found.keys() & expected.keys()):
        ours, theirs = found[name], expected[name]
        lines += [f"{name} {key}: a row too many: {ours[key]}" for key in sorted(ours.keys() - theirs.keys())]
        lines += [f"{name} {key}: no such row, but {theirs[key]}" for key in sorted(theirs.keys() - ours.keys())]
        for key in sorted(ours.keys() & theirs.keys()):
            one, other = ours[key], theirs[key]
            lines += [
                f"{name} {key} {column}: {one.get(column)!r} instead of {other.get(column)!r}"
                for column in sorted(one.keys() | other.keys())
                if one.get(column) != other.get(column)
            ]
    return lines


def _told_at_by_polls(row: dict[str, EdmValue]) -> list[str]:
    """docs/tables.md: what REST told has the time of the first poll that told it."""
    times = ["status_occurred_at"] if row.get("source") == "poll" and "status" in row else []
    return [column for column in ("connection_seen_at", *times) if row.get(column) is not None]


def _canonical(column: str, value: EdmValue) -> EdmValue:
    """A body's content: the archive keeps the spelling of the first delivery (docs/tables.md)."""
    if column != "raw" or not isinstance(value, str):
        return value
    try:
        return orjson.dumps(orjson.loads(value.removeprefix("\ufeff")), option=orjson.OPT_SORT_KEYS).decode()
    except orjson.JSONDecodeError:
        return value
