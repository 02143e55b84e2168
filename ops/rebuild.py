"""The command `rebuild`: projections made again from the archive, and how they differed."""

from typing import Annotated

import typer

from ops.options import AsJson, DryRun, Yes
from ops.output import Output
from ops.rebuild_view import report_data, report_parts
from ops.rebuilding.archive import READ_SECONDS, Archive
from ops.rebuilding.findings import Findings
from ops.rebuilding.parts import Rebuilder, parts_of
from ops.rebuilding.progress import Progress
from ops.running import confirm, run
from shared.deadlines import Deadline
from shared.errors import GiveBack
from shared.instants import Instant
from shared.settings import Settings
from shared.tables.layout import Layout
from shared.tables.store import Tables

verbs = typer.Typer()


@verbs.command()
def rebuild(
    *,
    anew: Annotated[bool, typer.Option("--anew", help="Do all of it, also what a stopped rebuild has done.")] = False,
    yes: Yes = False,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Make ChargerStatus, Transactions and Measurements again from the archive, and say how they differed.

    What polls told, and what the archive does not have any more, stays. The app may go on meanwhile. Stopped, it goes
    on where it was.
    """
    out = Output(as_json=as_json)
    months: list[str] = []
    found = Findings()

    async def look(tables: Tables, chosen: Settings) -> None:
        await Layout(tables, chosen.event_shards).look(Deadline.after(READ_SECONDS))
        months.extend(await Archive(tables, chosen.event_shards).months())

    async def work(tables: Tables, chosen: Settings) -> None:
        shards = chosen.event_shards
        archive = Archive(tables, shards)
        progress = Progress(tables, is_dry_run=dry_run)
        await progress.begin(Instant.now(), is_anew=anew)
        if progress.done:
            out.say(f"Going on with a rebuild that was stopped: {len(progress.done)} parts are done. --anew does all.")
        rebuilder = Rebuilder(tables, archive, months, shards, is_dry_run=dry_run)
        parts = parts_of(months, shards)
        try:
            with out.progress("rebuilding", len(parts)) as advance:
                for part in parts:
                    if part.name not in progress.done:
                        findings = await rebuilder.do(part)
                        await progress.note(part, findings, Instant.now())
                    found.take(progress.done[part.name])
                    advance(1)
        except GiveBack:
            out.say(f"{len(progress.done)} of {len(parts)} parts were done. Run it again, and it goes on from there.")
            raise
        await progress.end()
        out.show(
            report_data(found, archive, is_dry_run=dry_run),
            *report_parts(found, archive),
            _ending(found, is_dry_run=dry_run),
        )

    run(look, out)
    if not months:
        nothing = report_data(Findings(), None, is_dry_run=dry_run)
        out.show(nothing, "There is no archive: nothing to rebuild from.")
        return
    if not dry_run:
        what = f"{len(months)} months of the archive" if len(months) > 1 else f"the archive of {months[0]}"
        confirm(f"Make all projections again from {what}?", out, is_answered_yes=yes)
    run(work, out)


def _ending(found: Findings, *, is_dry_run: bool) -> str:
    if not found.differences:
        return "All rows are as the archive tells them."
    if is_dry_run:
        return f"{found.differences:,} rows differ. Nothing was changed."
    return f"{found.differences:,} rows differed, and are mended, but for those that storage refused."
