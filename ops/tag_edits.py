"""Commands about single tags: `tags add`, `adopt`, `block`, `unblock`, `expire`, `show`."""

from collections.abc import Callable
from dataclasses import dataclass
from dataclasses import replace as with_changes
from typing import Annotated, Final

import typer

from ops.exits import InputProblems, NoSuchTag
from ops.options import UTC, AsJson, DryRun, TagId, TimeZone
from ops.output import Output
from ops.running import fail, run
from ops.tag_cells import COLUMNS, read_tag_cells
from ops.tag_plan import Change, keep_block
from ops.tag_times import end_of
from ops.tag_view import pointer_data, tag_data, tag_pairs
from shared.authorization.hours import check_time_zone
from shared.authorization.lists import Edit, Lists
from shared.authorization.tag_rows import tag_keys
from shared.authorization.tags import Tag, canonical_tag
from shared.authorization.unknown_tags import UNKNOWN_TAGS
from shared.deadlines import Deadline
from shared.errors import Unacceptable
from shared.instants import Instant
from shared.settings import Settings
from shared.tables.store import Tables

INBOX_SECONDS: Final = 30.0
ADD_HELP: Final = "Add one tag to the list in use; with --replace, replace the whole tag if it is there."
ADOPT_HELP: Final = "Take a tag out of the inbox of unknown tags into the list in use."

Places = Annotated[str, typer.Option(help="Where it may charge, or may not: items separated by ;", metavar="A;B;...")]
Time = Annotated[str, typer.Option(help="A date, or a time as in 2026-12-31T18:00.", metavar="TIME")]
Text = Annotated[str, typer.Option(help="For people.", metavar="TEXT")]

verbs = typer.Typer()


@dataclass(frozen=True, slots=True)
class Addition:
    """A whole tag that goes into the list, and what becomes of one that is there."""

    tag: Tag
    says_blocked: bool
    replaces: bool

    def to_list(self, before: Tag | None) -> Tag:
        """For a tag that must not be there yet, unless it is to be replaced; being there just so is no harm.

        Raises InputProblems.
        """
        if before not in {None, self.tag} and not self.replaces:
            raise InputProblems("The list in use has this tag already. --replace replaces the whole tag.")
        return keep_block(self.tag, before, self.says_blocked)

    def unless_listed(self, before: Tag | None) -> Tag:
        """For a tag that stays as it is where it is there, unless it is to be replaced."""
        return before if before is not None and not self.replaces else self.to_list(before)


@verbs.command("add", help=ADD_HELP)
@verbs.command("adopt", help=ADOPT_HELP)
def put(  # noqa: PLR0913  # the columns of a tag are the options of the command
    context: typer.Context,
    tag: TagId,
    *,
    tag_type: Annotated[str, typer.Option("--type", help="Answered as rfid_tag_type.", metavar="TEXT")] = "",
    blocked: Annotated[bool, typer.Option("--blocked", help="Refused everywhere.")] = False,
    valid_from: Time = "",
    valid_until: Time = "",
    allow_chargers: Places = "",
    allow_sites: Places = "",
    allow_prefixes: Places = "",
    deny_chargers: Places = "",
    deny_sites: Places = "",
    deny_prefixes: Places = "",
    hours: Annotated[str, typer.Option(help="As in 'Mon-Fri 07:00-19:00; Sat 08:00-12:00'.", metavar="HOURS")] = "",
    name: Text = "",
    note: Text = "",
    time_zone: TimeZone = UTC,
    replace: Annotated[bool, typer.Option("--replace", help="Also where the list has the tag already.")] = False,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Shared by `add` and `adopt`, which differ by where the tag comes from."""
    out = Output(as_json=as_json)
    texts = {
        "id_tag": tag,
        "type": tag_type,
        "blocked": "yes" if blocked else "",
        "valid_from": valid_from,
        "valid_until": valid_until,
        "allow_chargers": allow_chargers,
        "allow_sites": allow_sites,
        "allow_prefixes": allow_prefixes,
        "deny_chargers": deny_chargers,
        "deny_sites": deny_sites,
        "deny_prefixes": deny_prefixes,
        "hours": hours,
        "name": name,
        "note": note,
    }
    read = read_tag_cells(texts, time_zone)
    for column, what in read.problems:
        out.say(f"{column}: {what}")
    if read.tag is None:
        fail(InputProblems("Nothing was changed."), out)
    addition = Addition(read.tag, says_blocked=blocked, replaces=replace)
    work = _adopt if context.command.name == "adopt" else _add
    run(lambda tables, _: work(tables, addition, out, is_dry_run=dry_run), out)


@verbs.command()
def block(tag: TagId, *, dry_run: DryRun = False, as_json: AsJson = False) -> None:
    """Refuse a tag everywhere, from now on; its other columns stay as they are."""
    _change_one(tag, lambda before: with_changes(before, is_blocked=True), dry_run=dry_run, as_json=as_json)


@verbs.command()
def unblock(tag: TagId, *, dry_run: DryRun = False, as_json: AsJson = False) -> None:
    """Take the block off a tag."""
    _change_one(tag, lambda before: with_changes(before, is_blocked=False), dry_run=dry_run, as_json=as_json)


@verbs.command()
def expire(
    tag: TagId,
    *,
    at: Annotated[str, typer.Option(help="When; a date means the end of that day. Now, if left out.")] = "",
    time_zone: TimeZone = UTC,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """End a tag's validity, now or at a time."""
    out = Output(as_json=as_json)
    try:
        end = end_of(at, check_time_zone(time_zone)) if at else Instant.now()
    except Unacceptable as error:
        fail(error, out)
    _change_one(tag, lambda before: _ended(before, end), dry_run=dry_run, as_json=as_json)


@verbs.command()
def show(tag: TagId, *, as_json: AsJson = False) -> None:
    """Show what the list in use has of a tag."""
    out = Output(as_json=as_json)
    run(lambda tables, _: _show(Lists(tables), canonical_tag(tag), out), out)


def _change_one(tag: str, change: Callable[[Tag], Tag], *, dry_run: bool, as_json: bool) -> None:
    """Change a tag that is there."""

    def change_known(before: Tag | None) -> Tag:
        if before is None:
            raise _missing()
        return change(before)

    async def work(tables: Tables, _: Settings) -> None:
        edit = await _edit(Lists(tables), canonical_tag(tag), change_known, is_dry_run=dry_run)
        _tell(edit, out, is_dry_run=dry_run)

    out = Output(as_json=as_json)
    run(work, out)


def _ended(before: Tag, end: Instant) -> Tag:
    if before.valid_from is not None and end <= before.valid_from:
        raise InputProblems(
            "The tag becomes valid only after that. `emabler tags block` refuses it until you unblock it."
        )
    return with_changes(before, valid_until=end)


async def _add(tables: Tables, addition: Addition, out: Output, *, is_dry_run: bool) -> None:
    edit = await _edit(Lists(tables), addition.tag.id_tag, addition.to_list, is_dry_run=is_dry_run)
    _tell(edit, out, is_dry_run=is_dry_run)


async def _adopt(tables: Tables, addition: Addition, out: Output, *, is_dry_run: bool) -> None:
    keys = tag_keys(addition.tag.id_tag)
    if await tables.get(UNKNOWN_TAGS, *keys, Deadline.after(INBOX_SECONDS)) is None:
        raise NoSuchTag("The inbox does not have this tag. `emabler tags add` adds tags that nobody tapped yet.")
    edit = await _edit(Lists(tables), addition.tag.id_tag, addition.unless_listed, is_dry_run=is_dry_run)
    if not is_dry_run:
        await tables.delete(UNKNOWN_TAGS, *keys)
    if edit.before is not None and edit.before == edit.after:
        out.say("The list in use has this tag already, and keeps it as it is; it leaves the inbox.")
    _tell(edit, out, is_dry_run=is_dry_run)


async def _edit(lists: Lists, id_tag: str, change: Callable[[Tag | None], Tag], *, is_dry_run: bool) -> Edit:
    """Change a tag of the list in use; dry, only find out what it would become.

    Also where it is as it should be: an edit before may have ended between its two writes, and an import that was begun
    then must still learn of it.
    """
    if not is_dry_run:
        return await lists.edit(id_tag, change, Instant.now())
    pointer = await lists.pointer()
    before = await lists.find(pointer.current.table, id_tag) if pointer is not None else None
    return Edit(before, change(before))


def _tell(edit: Edit, out: Output, *, is_dry_run: bool) -> None:
    columns = Change(edit.before, edit.after).columns if edit.before is not None else list(COLUMNS)
    is_changed = bool(columns)
    data = {
        "before": tag_data(edit.before) if edit.before is not None else None,
        "after": tag_data(edit.after),
        "changed": is_changed and not is_dry_run,
    }
    if not is_changed:
        ending = "There is nothing to change."
    elif is_dry_run:
        ending = "Would become this. Nothing was changed."
    else:
        ending = "Done. Workers take up to REALTIME_AUTH_CACHE_SECONDS to notice."
    out.show(data, tag_pairs(edit.after), ending)


async def _show(lists: Lists, id_tag: str, out: Output) -> None:
    pointer = await lists.pointer()
    tag = await lists.find(pointer.current.table, id_tag) if pointer is not None else None
    if pointer is None or tag is None:
        raise _missing()
    out.show({"tag": tag_data(tag), "list": pointer_data(pointer)}, tag_pairs(tag))


def _missing() -> NoSuchTag:
    return NoSuchTag("The list in use does not have this tag. `emabler tags unknown` shows what was tapped in vain.")
