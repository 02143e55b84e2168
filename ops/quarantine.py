"""Commands about what could not be used: `quarantine list`, `quarantine show`, `quarantine replay`."""

from typing import Annotated, Final

import typer

from ops.options import AsJson, DryRun, Limit, Yes
from ops.output import Output
from ops.quarantine_entries import Selection, body_of, checked_day, entry_of, listed_entries, whole_entries
from ops.quarantine_replay import Expected, Replayed, expect, replay
from ops.quarantine_view import (
    entry_pairs,
    escaped,
    list_data,
    list_parts,
    plan_data,
    plan_parts,
    replayed_data,
    replayed_parts,
    whole_entry_data,
)
from ops.running import confirm, fail, run
from shared.errors import GiveBack, Unacceptable
from shared.instants import TICKS_PER_SECOND, Instant
from shared.settings import Settings
from shared.tables.store import Tables

_DAY_TICKS: Final = 86_400 * TICKS_PER_SECOND
_MOST_DAYS: Final = 36_500

verbs = typer.Typer(no_args_is_help=True, help="Messages that could not be used: look at them, give them in again.")

Day = Annotated[str, typer.Option(metavar="DATE", help="Only entries of this day, in UTC.")]
Reason = Annotated[str, typer.Option(metavar="REASON", help="Only entries of this reason, such as not-json.")]


@verbs.command("list")
def list_(
    *,
    day: Day = "",
    days: Annotated[int, typer.Option(min=1, max=_MOST_DAYS, help="Entries of so many days, with today.")] = 7,
    reason: Reason = "",
    limit: Limit = 50,
    as_json: AsJson = False,
) -> None:
    """Show what is in quarantine: counts by day and reason, then the entries, newest first. No bodies."""
    out = Output(as_json=as_json)
    selection = _of_day(day, reason, out) if day else _of_last_days(days, reason, Instant.now())

    async def work(tables: Tables, _: Settings) -> None:
        entries = await listed_entries(tables, selection)
        out.show(list_data(entries, limit), *list_parts(entries, limit))

    run(work, out)


@verbs.command()
def show(
    key: Annotated[str, typer.Argument(metavar="KEY", help="As `quarantine list` shows it.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Show one entry whole, its body as it came. A body may hold personal data."""
    out = Output(as_json=as_json)

    async def work(tables: Tables, _: Settings) -> None:
        entry = await entry_of(tables, key)
        body = await body_of(tables, entry)
        out.say("The body may hold personal data, such as tags: do not pass it on.")
        out.show(whole_entry_data(entry, body), entry_pairs(entry))
        if not as_json:
            typer.echo(f"\n{escaped(body)}")  # not by way of the tables' printer, which breaks long lines

    run(work, out)


@verbs.command("replay")
def replay_(  # noqa: PLR0913  # each is a way to name entries, or an option that every write has
    keys: Annotated[list[str] | None, typer.Argument(metavar="KEY", help="As `quarantine list` shows them.")] = None,
    *,
    day: Day = "",
    reason: Reason = "",
    every: Annotated[bool, typer.Option("--all", help="All that is in quarantine.")] = False,
    yes: Yes = False,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Give entries to ingest again: show what would become of them, ask, do it. What is stored leaves quarantine.

    What cannot be used today either stays as it is. Replaying twice changes nothing.
    """
    out = Output(as_json=as_json)
    if sum((bool(keys), bool(day or reason), every)) != 1:
        raise typer.BadParameter("say which entries: KEY ..., or --day and --reason, or --all")
    selection = Selection(keys) if keys else _of_day(day, reason, out)
    expected: list[Expected] = []
    replayed: list[Replayed] = []

    async def plan(tables: Tables, chosen: Settings) -> None:
        entries = await whole_entries(tables, selection)
        expected.extend(await expect(tables, chosen.event_shards, entries))

    async def work(tables: Tables, chosen: Settings) -> None:
        try:
            with out.progress("replaying", len(expected)) as advance:
                for one in expected:
                    replayed.append(await replay(tables, chosen.event_shards, one))
                    advance(1)
        except GiveBack:
            out.say(f"{len(replayed):,} of {len(expected):,} entries were done. The others can be replayed again.")
            raise

    run(plan, out)
    going = sum(one.is_to_be_replayed for one in expected)
    if dry_run or not going:
        ending = "Nothing was changed." if going else "There is nothing that a replay would change."
        out.show(plan_data(expected), *(plan_parts(expected) if expected else []), ending)
        return
    out.preview(*plan_parts(expected))
    confirm(f"Give {going:,} of {len(expected):,} entries to ingest again?", out, is_answered_yes=yes)
    run(work, out)
    out.show(replayed_data(replayed), *replayed_parts(replayed))


def _of_day(day: str, reason: str, out: Output) -> Selection:
    """Entries of one day, or of all; ends the command where it is no day."""
    if not day:
        return Selection(reason=reason)
    try:
        only = checked_day(day)
    except Unacceptable as error:
        fail(error, out)
    return Selection(first_day=only, last_day=only, reason=reason)


def _of_last_days(days: int, reason: str, now: Instant) -> Selection:
    return Selection(first_day=Instant(now - (days - 1) * _DAY_TICKS).day, reason=reason)
