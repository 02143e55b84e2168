"""How polls, ledgers and gaps look: as JSON, and for people."""

from collections.abc import Sequence
from typing import Any, Final

from rich.console import RenderableType

from ops.output import pairs_of, table_of
from ops.tag_times import exact, for_people
from shared.instants import Instant
from shared.polling.chargers import ChargersPolled
from shared.polling.gaps import Evidence, Gap
from shared.polling.ledger import UNEXPLAINED, Entry, Ledger, Verdict
from shared.polling.reconciling import DayReconciled
from shared.polling.session_store import SessionsStored

_SHOWN: Final = 50

_EVIDENCE: Final = {
    Evidence.STATE: "a state that push did not tell",
    Evidence.CHARGING: "it charges, and push tells no measurements",
}


def chargers_data(polled: ChargersPolled) -> dict[str, Any]:
    """A poll of the chargers."""
    return {
        "chargers": polled.chargers,
        "changed_rows": polled.changed_rows,
        "failures": dict(polled.failures),
        "gaps_found": [gap.charger_id for gap in polled.gaps_found],
        "gaps_closed": [gap.charger_id for gap in polled.gaps_closed],
        "open_gaps": polled.open_gaps,
    }


def chargers_parts(polled: ChargersPolled) -> list[RenderableType]:
    """The same for people."""
    pairs = {
        "chargers polled": f"{polled.chargers:,}",
        "rows that push had not told": f"{polled.changed_rows:,}",
        "chargers without an answer": ", ".join(f"{count} {name}" for name, count in polled.failures.items()),
        "gaps found": ", ".join(gap.charger_id for gap in polled.gaps_found),
        "gaps closed": ", ".join(gap.charger_id for gap in polled.gaps_closed),
        "open gaps": f"{polled.open_gaps:,}",
    }
    return [pairs_of(pairs)]


def sessions_data(stored: SessionsStored) -> dict[str, Any]:
    """A poll of the sessions."""
    return {name: getattr(stored, name) for name in SessionsStored.__slots__}


def sessions_parts(stored: SessionsStored) -> list[RenderableType]:
    """The same for people."""
    pairs = {
        "sessions that REST has": f"{stored.sessions:,}",
        "known from push": f"{stored.joined:,}",
        "known from REST alone": f"{stored.polled_only:,}",
        "of these in doubt": f"{stored.ambiguous:,}" if stored.ambiguous else "",
        "rows changed": f"{stored.changed:,}",
        "in quarantine": f"{stored.quarantined:,}" if stored.quarantined else "",
    }
    return [pairs_of(pairs)]


def days_data(reconciled: DayReconciled) -> dict[str, Any]:
    """A day's ledger: sums, and every session that is not equal on both sides."""
    return {
        "day": reconciled.day.iso[:10],
        "is_repaired": reconciled.stored is not None,
        "sessions": {str(verdict): reconciled.counts[verdict] for verdict in Verdict},
        "unexplained": reconciled.unexplained,
        "pushed_wh": sum(ledger.pushed_wh for ledger in reconciled.ledgers),
        "polled_wh": sum(ledger.polled_wh for ledger in reconciled.ledgers),
        "kept_wh": sum(ledger.kept_wh for ledger in reconciled.ledgers),
        "entries": [_entry_data(ledger, entry) for ledger, entry in _not_equal(reconciled)],
    }


def days_parts(reconciled: DayReconciled) -> list[RenderableType]:
    """The same for people."""
    data = days_data(reconciled)
    pairs = {
        "day": data["day"],
        **{f"{verdict} sessions": f"{count:,}" for verdict, count in data["sessions"].items()},
        "energy by push": f"{data['pushed_wh']:,} Wh",
        "energy by REST": f"{data['polled_wh']:,} Wh",
        "energy that is kept": f"{data['kept_wh']:,} Wh",
    }
    entries = _not_equal(reconciled)
    lines = (
        [
            ledger.charger_id,
            entry.row_key.partition("!")[2],
            entry.verdict,
            ", ".join(entry.differences),
            entry.pushed_wh,
            entry.polled_wh,
            "look at it" if entry.verdict in UNEXPLAINED else "",
        ]
        for ledger, entry in entries[:_SHOWN]
    )
    columns = ("charger", "session", "verdict", "differs in", ">push Wh", ">REST Wh", "")
    parts: list[RenderableType] = [pairs_of(pairs)]
    if entries:
        parts += [table_of(columns, lines), f"{min(len(entries), _SHOWN):,} of {len(entries):,} that are not equal"]
    if data["entries"] and not data["is_repaired"]:
        parts.append("Nothing was written. `--repair` completes sessions from REST and writes the ledger.")
    return parts


def gaps_data(gaps: Sequence[Gap], now: Instant) -> dict[str, Any]:
    """The open gaps, the longest first."""
    return {
        "gaps": [
            {
                "charger_id": gap.charger_id,
                "evidence": str(gap.evidence),
                "since": exact(gap.since),
                "found_at": exact(gap.found_at),
                "last_told_at": exact(gap.last_told_at) if gap.last_told_at is not None else None,
                "last_seen_at": exact(gap.last_seen_at) if gap.last_seen_at is not None else None,
            }
            for gap in gaps
        ],
        "asked_at": exact(now),
    }


def gaps_parts(gaps: Sequence[Gap]) -> list[RenderableType]:
    """The same for people."""
    if not gaps:
        return ["No open gaps: push tells of every charger what REST shows."]
    columns = ("charger", "since", "push told last", "what REST shows")
    lines = (
        [
            gap.charger_id,
            for_people(gap.since),
            for_people(gap.last_told_at) if gap.last_told_at is not None else "never",
            _EVIDENCE[gap.evidence],
        ]
        for gap in gaps
    )
    return [table_of(columns, lines)]


def _not_equal(reconciled: DayReconciled) -> list[tuple[Ledger, Entry]]:
    """Those that somebody has to look at first."""
    entries = [
        (ledger, entry)
        for ledger in reconciled.ledgers
        for entry in ledger.entries
        if entry.verdict is not Verdict.EQUAL
    ]
    return sorted(entries, key=lambda pair: (pair[1].verdict not in UNEXPLAINED, pair[0].charger_id, pair[1].row_key))


def _entry_data(ledger: Ledger, entry: Entry) -> dict[str, Any]:
    return {
        "charger_id": ledger.charger_id,
        "session": entry.row_key.partition("!")[2],
        "verdict": str(entry.verdict),
        "differences": list(entry.differences),
        "pushed_wh": entry.pushed_wh,
        "polled_wh": entry.polled_wh,
    }
