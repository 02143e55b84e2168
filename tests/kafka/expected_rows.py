"""What Kafka must leave in the tables: the rows of a clean run, and of poison its reason and its place in the topic."""

from collections.abc import Mapping

from local.demo.stored import Stored, StoredRow
from shared.ingest.quarantine import QUARANTINE
from tests.crash.stored_rows import Rows
from tests.kafka.rig import Place, Topic

_OF_THE_WAY = {"transport", "properties", "topic", "partition", "offset"}
"""docs/tables.md: how an event came first, and where Kafka has what is set aside."""
_EXCERPT = 40


def but_for_the_way(rows: Rows) -> Rows:
    """The same rows without what tells by which way a message came."""
    return {
        table: {
            key: {column: value for column, value in row.items() if column not in _OF_THE_WAY}
            for key, row in by_key.items()
        }
        for table, by_key in rows.items()
    }


def wrong_in_quarantine(connection_string: str, poison: Mapping[bytes, str], topic: Topic) -> list[str]:
    """In words, what differs from: each poison once, with its reason, its transport, and a place that holds it.

    Messages without a value are one row of an empty body; their places cannot be told (docs/kafka.md).
    """
    rows = Stored.read(connection_string).rows(QUARANTINE)
    found = [str(row.get("raw") or "").encode() for row in rows]
    deletions = {b""} if None in topic.bodies.values() else set()
    expected = poison.keys() | deletions
    return [
        *(f"{_excerpt(body)}: {found.count(body)} rows" for body in sorted(expected) if found.count(body) != 1),
        *(f"{_excerpt(body)}: is too many" for body in sorted(set(found) - expected)),
        *(
            f"{_excerpt(body)}: {row['reason']} over {row['transport']} at {_place(row)}"
            for body, row in zip(found, rows, strict=True)
            if body in poison and not _is_right(row, poison[body], topic.places_of(body))
        ),
        *(
            f"a message without a value: {row['reason']}"
            for body, row in zip(found, rows, strict=True)
            if not body and row["reason"] != "empty-body"
        ),
    ]


def _is_right(row: StoredRow, reason: str, places: set[Place]) -> bool:
    return (row["reason"], row["transport"]) == (reason, "kafka") and _place(row) in places


def _place(row: StoredRow) -> Place | None:
    if row.get("offset") is None:
        return None
    offset = row["offset"]
    return Place(row["topic"], row["partition"], int(getattr(offset, "value", offset)))


def _excerpt(body: bytes) -> str:
    return body[:_EXCERPT].decode()
