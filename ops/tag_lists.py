"""Commands about whole lists: `tags import`, `rollback`, `list`, `export`."""

import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from ops.exits import InputProblems
from ops.options import UTC, AsJson, DryRun, Limit, Replace, TagFilePath, TimeZone, first
from ops.output import Output
from ops.running import fail, run
from ops.tag_csv import TagFile, read_tag_file, write_tag_file
from ops.tag_plan import Plan, plan_import
from ops.tag_view import plan_data, plan_question, plan_tables, pointer_data, pointer_pairs, tag_data, tag_table
from shared.authorization.lists import Lists, NoSuchList
from shared.authorization.registry import Pointer
from shared.authorization.tags import Tag
from shared.errors import GiveBack
from shared.instants import Instant
from shared.tables.store import Tables

PROBLEMS_SHOWN: Final = 200

verbs = typer.Typer()

Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]


@dataclass(slots=True)
class ListInUse:
    """The list in use as it was read: its tags by id, and the ids of those whose rows cannot be read."""

    pointer: Pointer | None
    tags: dict[str, Tag] = field(default_factory=dict)
    unreadable: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class ImportOrder:
    """How an import is wanted."""

    replaces: bool
    is_dry_run: bool
    is_confirmed: bool


@verbs.command("import")
def import_(
    file: TagFilePath,
    *,
    replace: Replace = False,
    dry_run: DryRun = False,
    yes: Yes = False,
    time_zone: TimeZone = UTC,
    as_json: AsJson = False,
) -> None:
    """Check a file, show what it would change, ask, and switch to the changed list in one step.

    A row of the file replaces the whole tag of that id. The list before stays for `tags rollback`.
    """
    out = Output(as_json=as_json)
    tag_file = read_file(file, time_zone, out)
    order = ImportOrder(replace, dry_run, yes)
    run(lambda tables, _: _import(tables, tag_file, order, out), out)


@verbs.command()
def rollback(*, dry_run: DryRun = False, as_json: AsJson = False) -> None:
    """Use the list before this one again; a second time undoes it."""
    out = Output(as_json=as_json)
    run(lambda tables, _: _roll_back(Lists(tables), out, is_dry_run=dry_run), out)


@verbs.command("list")
def list_(*, limit: Limit = 100, as_json: AsJson = False) -> None:
    """Show the tags of the list in use."""
    out = Output(as_json=as_json)
    run(lambda tables, _: _list(tables, limit, out), out)


@verbs.command()
def export(
    file: Annotated[Path, typer.Argument(metavar="FILE.csv", help="Where to; - for stdout.", allow_dash=True)],
    *,
    as_json: AsJson = False,
) -> None:
    """Write the list in use as a file that `tags import` takes and finds unchanged."""
    out = Output(as_json=as_json)
    if as_json and str(file) == "-":
        raise typer.BadParameter("--json says where the file went; with - the file itself is on stdout")
    run(lambda tables, _: _export(tables, file, out), out)


def read_file(path: Path, time_zone: str, out: Output) -> TagFile:
    """The tags of a file; ends the command where something is wrong with it, having shown all of that."""
    file = read_tag_file(path.read_bytes(), time_zone)
    for note in file.notes:
        out.say(f"Note: {note}.")
    if file.problems:
        shown = file.problems[first(PROBLEMS_SHOWN)]
        for problem in shown:
            out.say(str(problem))
        if len(shown) < len(file.problems):
            out.say(f"... and {len(file.problems) - len(shown):,} more; --json has them all")
        out.show({"problems": [problem._asdict() for problem in file.problems], "notes": file.notes, "switched": False})
        fail(InputProblems(f"{path.name} has {len(file.problems):,} problems; nothing was changed."), out)
    return file


async def read_list(tables: Tables, out: Output) -> ListInUse:
    """The list in use, and none of it where there is none."""
    lists = Lists(tables)
    found = ListInUse(await lists.pointer())
    if found.pointer is None:
        return found
    with out.progress("reading the list", found.pointer.current.tags) as advance:
        async for tag in lists.tags(found.pointer.current.table, found.unreadable.append):
            found.tags[tag.id_tag] = tag
            advance(1)
    return found


async def sorted_tags(tables: Tables, out: Output) -> tuple[Pointer, list[Tag]]:
    """The list in use in the order of its tags; rows that cannot be read are told. Raises NoSuchList."""
    found = await read_list(tables, out)
    if found.pointer is None:
        raise NoSuchList("There is no list of tags yet. Make one with `emabler tags import` or `emabler tags add`.")
    for id_tag in sorted(found.unreadable):
        out.say(f"The row of {id_tag} cannot be read, and is left out; import this tag again.")
    return found.pointer, [tag for _, tag in sorted(found.tags.items())]


async def _import(tables: Tables, file: TagFile, order: ImportOrder, out: Output) -> None:
    current = await read_list(tables, out)
    plan = plan_import(current.tags, current.unreadable, file.tags, replaces=order.replaces)
    if plan.unreadable:
        out.say(f"Cannot be read: {', '.join(plan.unreadable)}")
        raise InputProblems(
            f"{len(plan.unreadable)} tags of the list in use cannot be read, and the file does not have them. "
            "Add them to the file, or import a whole list with --replace."
        )
    data = plan_data(plan, file.notes)
    out.preview(*plan_tables(plan))
    if not plan.changes_something or order.is_dry_run:
        ending = "Nothing was changed." if order.is_dry_run else "There is nothing to change."
        out.show({**data, "switched": False}, ending)
        return
    out.confirm(plan_question(plan), is_answered_yes=order.is_confirmed)
    switched = await _write_and_switch(Lists(tables), plan, current.pointer, out)
    ending = f"Done: {switched.current.tags:,} tags in {switched.current.table}. `emabler tags rollback` undoes it."
    out.show({**data, "switched": True, "list": pointer_data(switched)}, ending)


async def _write_and_switch(lists: Lists, plan: Plan, expected: Pointer | None, out: Output) -> Pointer:
    now = Instant.now()
    for table in await lists.drop_leftovers(now):
        out.say(f"Dropped {table}: nobody uses it any more.")
    with out.progress("writing the new list", len(plan.result)) as advance:
        table = await lists.write(plan.result.values(), now, advance)
    try:
        return await lists.switch(table, len(plan.result), expected, Instant.now())
    except GiveBack:
        out.say("Whether the new list is in use is not known: `emabler tags rollback --dry-run` shows which one is.")
        raise


async def _roll_back(lists: Lists, out: Output, *, is_dry_run: bool) -> None:
    pointer = await lists.pointer()
    if pointer is None or pointer.previous is None:
        raise NoSuchList("There is no list before this one.")
    if is_dry_run:
        would = f"Would switch from {pointer.current.table} to {pointer.previous.table}. Nothing was changed."
        out.show({"switched": False, "list": pointer_data(pointer)}, pointer_pairs(pointer), would)
        return
    switched = await lists.roll_back(Instant.now())
    ending = f"Done: {switched.current.table} is in use again."
    out.show({"switched": True, "list": pointer_data(switched)}, pointer_pairs(switched), ending)


async def _list(tables: Tables, limit: int, out: Output) -> None:
    pointer, tags = await sorted_tags(tables, out)
    shown = tags[first(limit)]
    data: dict[str, Any] = {"list": pointer_data(pointer), "tags": [tag_data(tag) for tag in shown]}
    out.show(data, tag_table(shown), f"{len(shown):,} of {len(tags):,} tags of {pointer.current.table}")


async def _export(tables: Tables, file: Path, out: Output) -> None:
    pointer, tags = await sorted_tags(tables, out)
    if str(file) == "-":
        sys.stdout.buffer.writelines(line.encode() for line in write_tag_file(tags))
        return
    try:
        with file.open("w", encoding="utf-8", newline="") as opened:
            opened.writelines(write_tag_file(tags))
    except OSError as error:
        raise InputProblems(f"{file} cannot be written: {error.strerror}. Name another file.") from None
    data = {"file": str(file), "tags": len(tags), "list": pointer_data(pointer)}
    out.show(data, f"{len(tags):,} tags of {pointer.current.table} are in {file}.")
