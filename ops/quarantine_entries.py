"""What is in `Quarantine`, read back: its entries, those that an operator names, and the bodies they came with.

An entry's key is `{day}/{id}`, its partition and its row key. The beginning of an id is enough where no other entry of
that day begins so.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from ops.exits import InputProblems, NoSuchEntry
from shared.deadlines import Deadline
from shared.errors import Unacceptable
from shared.ingest.quarantine import QUARANTINE
from shared.ingest.rows import KafkaPosition
from shared.instants import Instant
from shared.tables.bodies import restore_body
from shared.tables.store import EdmValue, Row, StoredRow, Tables

READ_SECONDS: Final = 300.0
"""How long storage is waited for, for all of what is asked at once."""

_KEY = re.compile(r"([0-9]{8})/([0-9a-f]{4,64})")
_DAY = re.compile(r"([0-9]{4})-?([0-9]{2})-?([0-9]{2})")
_AFTER_ALL_HEX: Final = "g"

# Without the columns of a compressed body, which can be half a megabyte.
_LISTED: Final = (
    *("PartitionKey", "RowKey", "reason", "explanation", "charger_id", "transport"),
    *("topic", "partition", "offset"),
    *("first_received_at", "last_received_at", "deliveries", "raw", "raw_length_bytes"),
)


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of `Quarantine`; docs/tables.md describes the columns. The row is as it was read, with its ETag."""

    stored: StoredRow = field(repr=False)

    @property
    def row(self) -> Row:
        """Its columns."""
        return self.stored.row

    @property
    def day(self) -> str:
        """The day it came, `yyyyMMdd`."""
        return str(self.row["PartitionKey"])

    @property
    def entry_id(self) -> str:
        """The id of its event, or the SHA-256 of its body."""
        return str(self.row["RowKey"])

    @property
    def key(self) -> str:
        """What an operator names it by."""
        return f"{self.day}/{self.entry_id}"

    @property
    def reason(self) -> str:
        """Why it is here, as a stable word."""
        return self.text("reason")

    @property
    def transport(self) -> str:
        """How it came."""
        return self.text("transport")

    @property
    def position(self) -> KafkaPosition | None:
        """Where Kafka has it, None for what came otherwise."""
        topic, partition, offset = (self.row.get(name) for name in ("topic", "partition", "offset"))
        if isinstance(topic, str) and isinstance(partition, int) and isinstance(offset, int):
            return KafkaPosition(topic, partition, offset)
        return None

    @property
    def arrivals(self) -> int:
        """How often it came that day."""
        deliveries = self.row.get("deliveries")
        return deliveries if isinstance(deliveries, int) else 1

    @property
    def size_bytes(self) -> int:
        """How long its body is."""
        length = self.row.get("raw_length_bytes")
        return int(length) if isinstance(length, int) else len(self.text("raw").encode())

    @property
    def first_received_at(self) -> Instant:
        """When it first reached us."""
        return self._instant("first_received_at")

    @property
    def last_received_at(self) -> Instant:
        """When it came last on that day."""
        return self._instant("last_received_at")

    def text(self, column: str) -> str:
        """A column of text; empty where the row has none."""
        value = self.row.get(column)
        return value if isinstance(value, str) else ""

    def _instant(self, column: str) -> Instant:
        value = self.row.get(column)
        return value if isinstance(value, Instant) else Instant(0)


@dataclass(frozen=True, slots=True)
class Selection:
    """Which entries: those of the keys where there are any, else those of some days, and of one reason if it is named.

    Days are `yyyyMMdd`, the first and the last of them; all, if left out.
    """

    keys: Sequence[str] = ()
    first_day: str = "00000000"
    last_day: str = "99999999"
    reason: str = ""


def checked_day(text: str) -> str:
    """A date as `yyyyMMdd`. Raises Unacceptable with the reason `bad-time`."""
    parts = _DAY.fullmatch(text.strip())
    if parts is None:
        raise Unacceptable("bad-time", "not a date; write it like 2026-12-31 or 20261231")
    return "".join(parts.groups())


async def listed_entries(tables: Tables, selection: Selection) -> list[Entry]:
    """The entries of some days, newest first; without bodies that are compressed."""
    return await _of_days(tables, selection, _LISTED)


async def whole_entries(tables: Tables, selection: Selection) -> list[Entry]:
    """What an operator names, newest first. Raises NoSuchEntry and InputProblems, as `entry_of` does."""
    if not selection.keys:
        return await _of_days(tables, selection)
    named = [await entry_of(tables, key) for key in selection.keys]
    return _newest_first({entry.key: entry for entry in named}.values())


async def entry_of(tables: Tables, key: str) -> Entry:
    """The one entry of that key, whole. Raises NoSuchEntry; InputProblems for what is no key, or that of several."""
    parts = _KEY.fullmatch(key.strip().lower())
    if parts is None:
        raise InputProblems(
            f"{key!r} is no key of an entry. `emabler quarantine list` shows them, like 20261231/0a1b2c."
        )
    day, beginning = parts.groups()
    found = await tables.find(
        QUARANTINE,
        "PartitionKey eq @day and RowKey ge @first and RowKey lt @end",
        Deadline.after(READ_SECONDS),
        day=day,
        first=beginning,
        end=beginning + _AFTER_ALL_HEX,
    )
    if not found:
        raise NoSuchEntry(f"Quarantine has no entry {key}. `emabler quarantine list` shows which there are.")
    if len(found) > 1:
        raise InputProblems(f"{len(found)} entries begin with {key}. Write more of the key.")
    return Entry(found[0])


async def body_of(tables: Tables, entry: Entry) -> bytes:
    """The body of an entry that was read whole, bit for bit."""
    table = entry.text("raw_table")
    if not table:
        return restore_body(entry.row)
    parts = await tables.find(
        table, "PartitionKey eq @digest", Deadline.after(READ_SECONDS), digest=entry.text("raw_partition")
    )
    return restore_body(entry.row, [part.row for part in parts])


async def _of_days(tables: Tables, selection: Selection, columns: Sequence[str] = ()) -> list[Entry]:
    condition = "PartitionKey ge @first and PartitionKey le @last"
    parameters: dict[str, EdmValue] = {"first": selection.first_day, "last": selection.last_day}
    if selection.reason:
        condition += " and reason eq @reason"
        parameters["reason"] = selection.reason
    found = await tables.find(QUARANTINE, condition, Deadline.after(READ_SECONDS), columns, **parameters)
    return _newest_first(map(Entry, found))


def _newest_first(entries: Iterable[Entry]) -> list[Entry]:
    return sorted(entries, key=lambda entry: (entry.last_received_at, entry.key), reverse=True)
