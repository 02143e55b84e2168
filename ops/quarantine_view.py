"""How quarantine looks: as JSON, and for people."""

import base64
from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

from rich.console import RenderableType

from ops.options import first
from ops.output import pairs_of, table_of
from ops.quarantine_entries import Entry
from ops.quarantine_replay import Expected, Replayed, Verdict
from ops.tag_times import exact, for_people

_SHOWN: Final = 50
_KEY_SHOWN: Final = len("20261231/") + 12
"""Characters of a key for people: ids are digests, and nobody sees two of one day that begin alike so far."""

_WOULD: Final = {
    Verdict.STORED: "would be stored",
    Verdict.KNOWN: "is known already, would leave quarantine",
    Verdict.SET_ASIDE: "would be set aside again, and stays as it is",
    Verdict.POLLED: "stays: told by REST, no message; poll its day again",
}
_BECAME: Final = {
    Verdict.STORED: "stored now",
    Verdict.KNOWN: "known already",
    Verdict.SET_ASIDE: "set aside again, as it was",
    Verdict.POLLED: "left: told by REST, no message; poll its day again",
}


def list_data(entries: Sequence[Entry], limit: int) -> dict[str, Any]:
    """Counts of all entries by day and reason, and the newest of them; no bodies."""
    return {
        "counts": [
            {"day": day, "reason": reason, "entries": count, "arrivals": arrivals}
            for (day, reason), (count, arrivals) in _counts(entries)
        ],
        "entries": [entry_data(entry) for entry in entries[first(limit)]],
        "total": len(entries),
    }


def list_parts(entries: Sequence[Entry], limit: int) -> list[RenderableType]:
    """The same for people."""
    if not entries:
        return ["Nothing is in quarantine for these days."]
    counts = ([day, reason, count, arrivals] for (day, reason), (count, arrivals) in _counts(entries))
    shown = entries[first(limit)]
    lines = (
        [
            short_key(entry),
            for_people(entry.last_received_at),
            entry.transport,
            entry.reason,
            entry.arrivals,
            entry.size_bytes,
        ]
        for entry in shown
    )
    return [
        table_of(("day", "reason", ">entries", ">arrivals"), counts),
        table_of(("key", "came last", "transport", "reason", ">arrivals", ">bytes"), lines),
        f"{len(shown):,} of {len(entries):,} entries. `emabler quarantine show KEY` shows one with its body.",
    ]


def entry_data(entry: Entry) -> dict[str, Any]:
    """An entry without its body."""
    return {
        "key": entry.key,
        "reason": entry.reason,
        "explanation": entry.text("explanation"),
        "charger_id": entry.text("charger_id") or None,
        "transport": entry.transport,
        "topic": entry.position.topic if entry.position else None,
        "partition": entry.position.partition if entry.position else None,
        "offset": entry.position.offset if entry.position else None,
        "first_received_at": exact(entry.first_received_at),
        "last_received_at": exact(entry.last_received_at),
        "arrivals": entry.arrivals,
        "size_bytes": entry.size_bytes,
    }


def whole_entry_data(entry: Entry, body: bytes) -> dict[str, Any]:
    """An entry with its body as text, if it is some, and bit for bit."""
    return {
        **entry_data(entry),
        "body": _text_of(body),
        "body_base64": base64.b64encode(body).decode(),
    }


def entry_pairs(entry: Entry) -> RenderableType:
    """An entry without its body, for people."""
    return pairs_of(
        {
            "key": entry.key,
            "reason": entry.reason,
            "explanation": entry.text("explanation"),
            "charger": entry.text("charger_id"),
            "transport": entry.transport,
            **_position_pairs(entry),
            "came first": for_people(entry.first_received_at),
            "came last": for_people(entry.last_received_at),
            "arrivals": entry.arrivals,
            "bytes": entry.size_bytes,
        }
    )


def _position_pairs(entry: Entry) -> dict[str, object]:
    """Where Kafka has it; no lines of it for what came otherwise."""
    position = entry.position
    return (
        {}
        if position is None
        else {"topic": position.topic, "partition, offset": f"{position.partition}, {position.offset}"}
    )


def escaped(body: bytes) -> str:
    r"""A body for a terminal: bytes that are no UTF-8, and characters that would steer the terminal, as `\x1b`."""
    text = body.decode("utf-8", "backslashreplace")
    return "".join(
        character if character.isprintable() or character in "\n\t" else character.encode("unicode_escape").decode()
        for character in text
    )


def plan_data(expected: Sequence[Expected]) -> dict[str, Any]:
    """What would become of each entry."""
    return {
        "replayed": False,
        "counts": _verdicts([one.verdict for one in expected]),
        "entries": [
            {"key": one.entry.key, "reason": one.entry.reason, "verdict": str(one.verdict), "now": one.reason or None}
            for one in expected
        ],
    }


def plan_parts(expected: Sequence[Expected]) -> list[RenderableType]:
    """The same for people: by reason, then the first entries."""
    by_reason = Counter((one.entry.reason, _with_reason(_WOULD[one.verdict], one.reason)) for one in expected)
    counts = ([reason, count, what] for (reason, what), count in sorted(by_reason.items()))
    lines = (
        [short_key(one.entry), one.entry.reason, _with_reason(_WOULD[one.verdict], one.reason)]
        for one in expected[:_SHOWN]
    )
    return [
        table_of(("reason", ">entries", "what becomes of them"), counts),
        table_of(("key", "reason", "what becomes of it"), lines),
        f"{min(len(expected), _SHOWN):,} of {len(expected):,} entries",
    ]


def replayed_data(replayed: Sequence[Replayed]) -> dict[str, Any]:
    """What became of each entry."""
    return {
        "replayed": True,
        "counts": _verdicts([one.verdict for one in replayed]),
        "entries": [
            {
                "key": one.entry.key,
                "reason": one.entry.reason,
                "verdict": str(one.verdict),
                "now": one.reason or None,
                "is_deleted": one.is_deleted,
            }
            for one in replayed
        ],
    }


def replayed_parts(replayed: Sequence[Replayed]) -> list[RenderableType]:
    """The same for people: how many, and those that are still in quarantine."""
    parts: list[RenderableType] = [
        pairs_of(
            {
                _BECAME[Verdict(verdict)]: count
                for verdict, count in _verdicts([r.verdict for r in replayed]).items()
                if count
            }
        )
    ]
    staying = [one for one in replayed if not one.is_deleted]
    if staying:
        lines = ([short_key(one.entry), one.entry.reason, _remark(one)] for one in staying[:_SHOWN])
        parts += [
            table_of(("key", "reason", "why it stays"), lines),
            f"{min(len(staying), _SHOWN):,} of {len(staying):,} entries that are still in quarantine",
        ]
    return parts


def short_key(entry: Entry) -> str:
    """As much of a key as tells it from the others."""
    return entry.key[:_KEY_SHOWN]


def _counts(entries: Sequence[Entry]) -> list[tuple[tuple[str, str], tuple[int, int]]]:
    """Entries and arrivals by day and reason, the newest day first."""
    counts: Counter[tuple[str, str]] = Counter()
    arrivals: Counter[tuple[str, str]] = Counter()
    for entry in entries:
        counts[entry.day, entry.reason] += 1
        arrivals[entry.day, entry.reason] += entry.arrivals
    by_reason = sorted(counts, key=lambda group: group[1])
    return [(group, (counts[group], arrivals[group])) for group in sorted(by_reason, key=lambda g: g[0], reverse=True)]


def _verdicts(verdicts: Sequence[Verdict]) -> dict[str, int]:
    counts = Counter(verdicts)
    return {str(verdict): counts[verdict] for verdict in Verdict}


def _with_reason(what: str, reason: str) -> str:
    return f"{what} ({reason})" if reason else what


def _remark(replayed: Replayed) -> str:
    if replayed.verdict in {Verdict.STORED, Verdict.KNOWN}:
        return f"{_BECAME[replayed.verdict]}, and came again meanwhile: run it again"
    return _with_reason(_BECAME[replayed.verdict], replayed.reason)


def _text_of(body: bytes) -> str | None:
    try:
        return body.decode()
    except UnicodeDecodeError:
        return None
