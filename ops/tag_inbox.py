"""The inbox of unknown tags: `tags unknown`."""

from dataclasses import dataclass
from typing import Any

import typer

from ops.options import AsJson, Limit, first
from ops.output import Output, table_of
from ops.running import run
from ops.tag_lists import read_list
from ops.tag_times import exact, for_people
from shared.authorization.near_misses import Hint, NearMisses
from shared.authorization.unknown_tags import UNKNOWN_TAGS, chargers_of
from shared.instants import Instant
from shared.tables.store import Row, Tables

verbs = typer.Typer()


@dataclass(frozen=True, slots=True)
class UnknownTag:
    """A tag that was tapped and refused because the list did not have it; whether it has it by now, and hints."""

    id_tag: str
    first_seen_at: Instant
    last_seen_at: Instant
    taps: int
    charger_ids: list[str]
    is_listed_now: bool
    hints: list[Hint]


@verbs.command()
def unknown(*, limit: Limit = 50, as_json: AsJson = False) -> None:
    """Show the tags that were tapped and are in no list, the last tapped first, with similar ones that are.

    Similar is not the same: nothing is ever let in by it. Look at the card, then `emabler tags adopt TAG`.
    """
    out = Output(as_json=as_json)
    run(lambda tables, _: _unknown(tables, limit, out), out)


async def _unknown(tables: Tables, limit: int, out: Output) -> None:
    rows = [stored.row async for stored in tables.query(UNKNOWN_TAGS)]
    rows.sort(key=lambda row: _instant(row, "last_seen_at"), reverse=True)
    shown = rows[first(limit)]
    listed = (await read_list(tables, out)).tags if shown else {}
    near_misses = NearMisses(listed)
    tags = [_unknown_tag(row, near_misses, is_listed_now=str(row["id_tag"]) in listed) for row in shown]
    lines = (
        [tag.id_tag, tag.taps, for_people(tag.first_seen_at), for_people(tag.last_seen_at), _places(tag), _remark(tag)]
        for tag in tags
    )
    table = table_of(("tag", ">taps", "first seen", "last seen", "chargers", "similar in the list"), lines)
    out.show({"unknown": [_data(tag) for tag in tags]}, table, f"{len(shown):,} of {len(rows):,} unknown tags")


def _unknown_tag(row: Row, near_misses: NearMisses, *, is_listed_now: bool) -> UnknownTag:
    id_tag, taps = str(row["id_tag"]), row.get("taps")
    return UnknownTag(
        id_tag,
        _instant(row, "first_seen_at"),
        _instant(row, "last_seen_at"),
        taps if isinstance(taps, int) else 0,
        chargers_of(row),
        is_listed_now,
        [] if is_listed_now else near_misses.of(id_tag),
    )


def _instant(row: Row, column: str) -> Instant:
    value = row.get(column)
    return value if isinstance(value, Instant) else Instant(0)


def _places(tag: UnknownTag) -> str:
    return ", ".join(tag.charger_ids)


def _remark(tag: UnknownTag) -> str:
    if tag.is_listed_now:
        return "it is in the list by now; adopt takes it out of here"
    return "; ".join(f"{hint.id_tag} ({hint.likeness})" for hint in tag.hints)


def _data(tag: UnknownTag) -> dict[str, Any]:
    return {
        "id_tag": tag.id_tag,
        "taps": tag.taps,
        "first_seen_at": exact(tag.first_seen_at),
        "last_seen_at": exact(tag.last_seen_at),
        "chargers": tag.charger_ids,
        "is_listed_now": tag.is_listed_now,
        "hints": [{"id_tag": hint.id_tag, "likeness": hint.likeness} for hint in tag.hints],
    }
