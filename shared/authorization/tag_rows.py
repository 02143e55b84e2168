"""A tag as a row of a list, and back."""

import orjson

from shared.authorization.hours import WeeklyHours
from shared.authorization.tags import Places, Tag
from shared.errors import Unacceptable
from shared.instants import Instant
from shared.tables.keys import escape, shard
from shared.tables.store import EdmValue, Row

TAG_SHARDS = 8
"""Partitions of a list. Azure takes 2,000 rows a second in each, and a list is written whole."""


def tag_keys(id_tag: str) -> tuple[str, str]:
    """Partition key and row key of a canonical tag."""
    return shard(id_tag, TAG_SHARDS), escape(id_tag)


def tag_row(tag: Tag) -> Row:
    """The tag's row; columns without a value are left out."""
    partition_key, row_key = tag_keys(tag.id_tag)
    return {
        "PartitionKey": partition_key,
        "RowKey": row_key,
        "id_tag": tag.id_tag,
        "tag_type": tag.tag_type,
        "blocked": tag.is_blocked or None,
        "valid_from": tag.valid_from,
        "valid_until": tag.valid_until,
        "hours": tag.hours.text if tag.hours is not None else None,
        "time_zone": tag.hours.time_zone if tag.hours is not None else None,
        "name": tag.name,
        "note": tag.note,
        **_place_columns("allow", tag.allowed),
        **_place_columns("deny", tag.denied),
    }


def read_tag(row: Row) -> Tag:
    """The tag of a row.

    Raises Unacceptable with the reason `unreadable-tag` where somebody changed the row into something that is none:
    reading past a restriction would open chargers to whom they are closed.
    """
    try:
        return _tag(row)
    except (Unacceptable, ValueError, TypeError, KeyError):
        raise Unacceptable("unreadable-tag", "a row of the tag list has columns that cannot be read") from None


def _tag(row: Row) -> Tag:
    hours, time_zone = _text(row, "hours"), _text(row, "time_zone")
    return Tag(
        id_tag=str(row["id_tag"]),
        tag_type=_text(row, "tag_type"),
        is_blocked=bool(row.get("blocked")),
        valid_from=_instant(row, "valid_from"),
        valid_until=_instant(row, "valid_until"),
        allowed=_places(row, "allow"),
        denied=_places(row, "deny"),
        hours=WeeklyHours.parse(hours, time_zone or "UTC") if hours is not None else None,
        name=_text(row, "name"),
        note=_text(row, "note"),
    )


def _place_columns(prefix: str, places: Places) -> dict[str, EdmValue]:
    return {
        f"{prefix}_chargers": _list(sorted(places.charger_ids)),
        f"{prefix}_sites": _list(sorted(places.site_ids)),
        f"{prefix}_prefixes": _list(sorted(places.prefixes)),
    }


def _places(row: Row, prefix: str) -> Places:
    return Places(
        charger_ids=frozenset(_texts(row, f"{prefix}_chargers")),
        site_ids=frozenset(_texts(row, f"{prefix}_sites")),
        prefixes=tuple(_texts(row, f"{prefix}_prefixes")),
    )


def _list(values: list[str]) -> str | None:
    return orjson.dumps(values).decode() if values else None


def _texts(row: Row, column: str) -> list[str]:
    text = _text(row, column)
    if text is None:
        return []
    values = orjson.loads(text)
    if not values or not isinstance(values, list) or not all(isinstance(value, str) and value for value in values):
        raise ValueError(f"{column} is no list of texts")
    return values


def _text(row: Row, column: str) -> str | None:
    value = row.get(column)
    if value is not None and not isinstance(value, str):
        raise TypeError(f"{column} is no text")
    return value


def _instant(row: Row, column: str) -> Instant | None:
    value = row.get(column)
    if value is not None and not isinstance(value, Instant):
        raise TypeError(f"{column} is no time")
    return value
