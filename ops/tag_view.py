"""Tags, lists and plans as people and scripts see them. Pure."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final, TypeVar

from rich.console import RenderableType
from rich.table import Table

from ops.output import pairs_of, table_of
from ops.tag_cells import COLUMNS, cells_of
from ops.tag_plan import Change, Plan
from ops.tag_times import exact, for_people
from shared.authorization.registry import Pointer, TagList
from shared.authorization.tags import Tag

Thing = TypeVar("Thing")

SHOWN_OF_A_PLAN: Final = 10
"""Tags of each kind that a plan names to people; JSON has all of them."""


def tag_data(tag: Tag) -> dict[str, Any]:
    """A tag for scripts: the columns of a file, with lists and a truth where a file has texts; empty ones are null."""
    places = (("allow", tag.allowed), ("deny", tag.denied))
    return {
        **{column: text or None for column, text in cells_of(tag).items()},
        "blocked": tag.is_blocked,
        **{f"{verb}_chargers": sorted(found.charger_ids) for verb, found in places},
        **{f"{verb}_sites": sorted(found.site_ids) for verb, found in places},
        **{f"{verb}_prefixes": sorted(found.prefixes) for verb, found in places},
    }


def tag_pairs(tag: Tag) -> Table:
    """A tag for people, column by column."""
    return pairs_of(cells_of(tag))


def tag_table(tags: Iterable[Tag]) -> Table:
    """Tags for people, one in each line; columns that none of them uses are left out."""
    rows = [cells_of(tag) for tag in tags]
    used = [column for column in COLUMNS if column == "id_tag" or any(row[column] not in {"", "no"} for row in rows)]
    return table_of(used, ([row[column] for column in used] for row in rows))


def pointer_data(pointer: Pointer) -> dict[str, Any]:
    """Which lists are in use and before, for scripts."""
    return {
        "current": _list_data(pointer.current),
        "previous": _list_data(pointer.previous) if pointer.previous is not None else None,
        "edits": pointer.edits,
    }


def pointer_pairs(pointer: Pointer) -> Table:
    """Which lists are in use and before, for people."""
    before = _list_text(pointer.previous) if pointer.previous is not None else "none"
    return pairs_of({"in use": _list_text(pointer.current), "before": before})


def plan_data(plan: Plan, notes: Sequence[str]) -> dict[str, Any]:
    """A plan for scripts, with every tag that it touches."""
    return {
        "tags": len(plan.result),
        "added": [tag.id_tag for tag in plan.added],
        "changed": [{"id_tag": change.after.id_tag, "columns": change.columns} for change in plan.changed],
        "removed": [tag.id_tag for tag in plan.removed],
        "repaired": plan.repaired,
        "still_blocked": plan.still_blocked,
        "unchanged": plan.unchanged,
        "notes": list(notes),
    }


def plan_tables(plan: Plan) -> Iterator[RenderableType]:
    """A plan for people: how many of each kind, and the first some."""
    rows = [
        ("added", *_count_and_first(plan.added, lambda tag: tag.id_tag)),
        ("changed", *_count_and_first(plan.changed, _change_text)),
        ("removed", *_count_and_first(plan.removed, lambda tag: tag.id_tag)),
        ("cannot be read now", *_count_and_first(plan.repaired, str)),
        ("stay blocked, the file does not say", *_count_and_first(plan.still_blocked, str)),
        ("unchanged", f"{plan.unchanged:,}", ""),
    ]
    yield f"The new list would have {len(plan.result):,} tags:"
    yield table_of(("", ">tags", "the first"), (row for row in rows if row[0] == "unchanged" or row[1] != "0"))


def plan_question(plan: Plan) -> str:
    """What is asked before a plan is carried out."""
    counts = f"{len(plan.added):,} added, {len(plan.changed):,} changed, {len(plan.removed):,} removed"
    return f"Switch to this list ({counts})?"


def _count_and_first(things: Sequence[Thing], text_of: Callable[[Thing], str]) -> tuple[str, str]:
    more = len(things) - SHOWN_OF_A_PLAN
    first = ", ".join(text_of(thing) for thing in things[:SHOWN_OF_A_PLAN])
    return f"{len(things):,}", first + (f" and {more:,} more" if more > 0 else "")


def _change_text(change: Change) -> str:
    return f"{change.after.id_tag} ({', '.join(change.columns)})"


def _list_data(tag_list: TagList) -> dict[str, Any]:
    return {**tag_list._asdict(), "switched_at": exact(tag_list.switched_at)}


def _list_text(tag_list: TagList) -> str:
    return f"{tag_list.table}, {tag_list.tags:,} tags, switched to {for_people(tag_list.switched_at)}"
