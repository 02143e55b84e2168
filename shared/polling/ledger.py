"""What push and REST say of the same sessions, compared: the account that an operator can show (pure).

A session belongs to the day it ended on, in UTC, as push tells its end, else as REST does. One that has not ended yet
belongs to none.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import accumulate
from typing import Final

import orjson

from shared.instants import TICKS_PER_SECOND, Instant
from shared.polling.joining import ChargerSessions
from shared.polling.sessions_told import KeptSession, Told, polled_id, told_by_rest
from shared.tables.keys import day_partition, escape
from shared.tables.store import Int64, TableRow

RECONCILIATION: Final = "Reconciliation"

DAY_TICKS: Final = 86_400 * TICKS_PER_SECOND
TIME_TOLERANCE_TICKS: Final = 120 * TICKS_PER_SECOND
"""How far starts and ends may be apart."""
ENERGY_TOLERANCE_WH: Final = 1
"""Rounding of kWh with three decimals."""

_MAX_DETAILS_LENGTH_BYTES: Final = 30_000
"""Of JSON; a text column ends at 32 Ki characters."""


class Verdict(StrEnum):
    """What came of comparing a session."""

    EQUAL = "equal"
    DIFFERENT = "different"
    COMPLETED = "completed"
    """Push did not tell the end or the energy, and REST does."""
    POLLED_ONLY = "polled-only"
    PUSHED_ONLY = "pushed-only"
    AMBIGUOUS = "ambiguous"
    """REST tells a session that several pushed ones could be."""


UNEXPLAINED: Final = frozenset({Verdict.DIFFERENT, Verdict.PUSHED_ONLY, Verdict.AMBIGUOUS})
"""What remains when everything is repaired that may be."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One session of the ledger. `differences` are names of fields, never values: a tag is personal data."""

    row_key: str
    verdict: Verdict
    differences: tuple[str, ...] = ()
    pushed_wh: int | None = None
    polled_wh: int | None = None

    @property
    def kept_wh(self) -> int:
        """The energy that the table of sessions has: what push told, else what REST did."""
        known = (wh for wh in (self.pushed_wh, self.polled_wh) if wh is not None)
        return next(known, 0)


@dataclass(frozen=True, slots=True)
class Ledger:
    """A charger's sessions of one day."""

    charger_id: str
    day: Instant
    entries: tuple[Entry, ...]

    @property
    def counts(self) -> Counter[Verdict]:
        """How many sessions got which verdict."""
        return Counter(entry.verdict for entry in self.entries)

    @property
    def unexplained(self) -> int:
        """How many sessions somebody has to look at."""
        return sum(entry.verdict in UNEXPLAINED for entry in self.entries)

    @property
    def pushed_wh(self) -> int:
        """The energy of the sessions as push tells them."""
        return sum(entry.pushed_wh or 0 for entry in self.entries)

    @property
    def polled_wh(self) -> int:
        """The energy of the sessions as REST tells them."""
        return sum(entry.polled_wh or 0 for entry in self.entries)

    @property
    def kept_wh(self) -> int:
        """The energy of the sessions as the table of sessions has them after the repair."""
        return sum(entry.kept_wh for entry in self.entries)

    def row(self, reconciled_at: Instant, shards: int) -> TableRow:
        """The row of `Reconciliation`."""
        counts = {f"{verdict.replace('-', '_')}_sessions": self.counts[verdict] for verdict in Verdict}
        return TableRow(
            RECONCILIATION,
            {
                "PartitionKey": day_partition(self.day, self.charger_id, shards),
                "RowKey": escape(self.charger_id),
                "charger_id": self.charger_id,
                "day": self.day.day,
                "reconciled_at": reconciled_at,
                "sessions": len(self.entries),
                **counts,
                "unexplained_sessions": self.unexplained,
                "pushed_wh": Int64(self.pushed_wh),
                "polled_wh": Int64(self.polled_wh),
                "kept_wh": Int64(self.kept_wh),
                "details": _details(self.entries),
            },
        )


def ledger_of(charger: ChargerSessions, day: Instant) -> Ledger:
    """The ledger of a charger for the day that begins at `day`."""
    entries = [entry for ended_at, entry in _entries(charger) if day <= ended_at < day + DAY_TICKS]
    return Ledger(charger.charger_id, day, tuple(entries))


def compare(pushed: Told, polled: Told) -> tuple[Verdict, tuple[str, ...]]:
    """What the two sides say of one session: the verdict, and the fields that both know and that differ."""
    differences = tuple(
        name
        for name, differs in (
            ("energy", _differs(pushed.energy_wh, polled.energy_wh, ENERGY_TOLERANCE_WH)),
            ("start", _differs(pushed.started_at, polled.started_at, TIME_TOLERANCE_TICKS)),
            ("end", _differs(pushed.ended_at, polled.ended_at, TIME_TOLERANCE_TICKS)),
            ("tag", None not in (pushed.id_tag, polled.id_tag) and pushed.id_tag != polled.id_tag),
        )
        if differs
    )
    if differences:
        return Verdict.DIFFERENT, differences
    is_completed = (pushed.ended_at is None and polled.ended_at is not None) or (
        pushed.energy_wh is None and polled.energy_wh is not None
    )
    return (Verdict.COMPLETED if is_completed else Verdict.EQUAL), ()


def _details(entries: Sequence[Entry]) -> str | None:
    """The entries that are not equal as a JSON array, the first ones that a column has room for; None for none."""
    details = [
        orjson.dumps(
            {
                "session": entry.row_key,
                "verdict": entry.verdict,
                "differences": entry.differences,
                "pushed_wh": entry.pushed_wh,
                "polled_wh": entry.polled_wh,
            }
        )
        for entry in entries
        if entry.verdict is not Verdict.EQUAL
    ]
    lengths_bytes = accumulate(len(detail) + 1 for detail in details)
    fitting = [
        detail
        for detail, length_bytes in zip(details, lengths_bytes, strict=True)
        if length_bytes <= _MAX_DETAILS_LENGTH_BYTES
    ]
    return f"[{b','.join(fitting).decode()}]" if fitting else None


def _entries(charger: ChargerSessions) -> Iterator[tuple[Instant, Entry]]:
    """Every session that has ended, with its end."""
    seen: set[str] = set()
    for joined in charger.joined:
        seen.add(polled_id(joined.session))
        polled = told_by_rest(joined.session)
        if joined.kept is not None and joined.kept.pushed is not None:
            seen.add(joined.kept.row_key)
            yield from _compared(joined.kept.row_key, joined.kept.pushed, polled)
        else:
            verdict = Verdict.AMBIGUOUS if joined.is_ambiguous else Verdict.POLLED_ONLY
            yield from _one_sided(joined.row_key, verdict, polled)
    for kept in charger.kept:
        if kept.row_key not in seen and not (kept.pushed is None and kept.polled_ids & seen):
            yield from _kept_entry(kept)


def _kept_entry(kept: KeptSession) -> Iterator[tuple[Instant, Entry]]:
    """A session that REST did not list now: what it told of it earlier counts still."""
    if kept.pushed is not None and kept.polled is not None:
        yield from _compared(kept.row_key, kept.pushed, kept.polled)
    elif kept.pushed is not None:
        yield from _one_sided(kept.row_key, Verdict.PUSHED_ONLY, kept.pushed)
    elif kept.polled is not None:
        yield from _one_sided(kept.row_key, Verdict.POLLED_ONLY, kept.polled)


def _compared(row_key: str, pushed: Told, polled: Told) -> Iterator[tuple[Instant, Entry]]:
    ended_at = pushed.ended_at if pushed.ended_at is not None else polled.ended_at
    if ended_at is not None:
        verdict, differences = compare(pushed, polled)
        yield ended_at, Entry(row_key, verdict, differences, pushed.energy_wh, polled.energy_wh)


def _one_sided(row_key: str, verdict: Verdict, told: Told) -> Iterator[tuple[Instant, Entry]]:
    if told.ended_at is not None:
        is_pushed = verdict is Verdict.PUSHED_ONLY
        pushed_wh, polled_wh = (told.energy_wh, None) if is_pushed else (None, told.energy_wh)
        yield told.ended_at, Entry(row_key, verdict, (), pushed_wh, polled_wh)


def _differs(one: int | None, other: int | None, tolerance: int) -> bool:
    return one is not None and other is not None and abs(one - other) > tolerance


def unexplained(ledgers: Sequence[Ledger]) -> int:
    """How many sessions of all chargers somebody has to look at."""
    return sum(ledger.unexplained for ledger in ledgers)
