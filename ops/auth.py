"""Commands about answers to taps: `auth why`, `log`, `shadow`."""

from collections.abc import AsyncIterator
from typing import Annotated, Final

import typer

from ops.auth_view import Question, log_data, log_parts, shadow_data, shadow_parts, why_data, why_parts
from ops.decision_log import GivenAnswer, Wanted, given_answers
from ops.exits import InputProblems
from ops.options import UTC, AsJson, Limit, Replace, TagFilePath, TagId, TimeZone
from ops.output import Output
from ops.running import run
from ops.shadow import Shadow
from ops.tag_csv import TagFile
from ops.tag_lists import read_file, read_list
from ops.tag_plan import plan_import
from ops.tag_times import begin_of, since
from shared.authorization.chargers import find_charger
from shared.authorization.hours import check_time_zone
from shared.authorization.lists import Lists
from shared.authorization.rules import Tap
from shared.authorization.tags import Charger, canonical_tag
from shared.deadlines import Deadline
from shared.instants import TICKS_PER_SECOND, Instant
from shared.settings import Settings
from shared.tables.layout import Layout
from shared.tables.store import Tables

LOOK_UP_SECONDS: Final = 30.0

verbs = typer.Typer(no_args_is_help=True, help="Why a tap was, or would be, answered as it is.")


@verbs.command()
def why(
    tag: TagId,
    charger: Annotated[str, typer.Argument(metavar="CHARGER", help="The charger's id at eMabler.")],
    *,
    at: Annotated[str, typer.Option(help="A date, or a time as in 2026-12-31T18:00. Now, if left out.")] = "",
    time_zone: TimeZone = UTC,
    as_json: AsJson = False,
) -> None:
    """Show what each rule says of a tag at a charger, and which one decides.

    With the list in use as it is now, also for another moment.
    """
    out = Output(as_json=as_json)

    async def work(tables: Tables, chosen: Settings) -> None:
        moment = begin_of(at, check_time_zone(time_zone)) if at else Instant.now()
        await _why(tables, chosen, canonical_tag(tag), charger, moment, out)

    run(work, out)


@verbs.command()
def log(
    *,
    tag: Annotated[str, typer.Option(metavar="TAG", help="Only this tag.")] = "",
    charger: Annotated[str, typer.Option(metavar="CHARGER", help="Only this charger.")] = "",
    since_: Annotated[
        str, typer.Option("--since", metavar="TIME", help="From when: 30m, 2h, 7d ago, or a time.")
    ] = "24h",
    limit: Limit = 50,
    time_zone: TimeZone = UTC,
    as_json: AsJson = False,
) -> None:
    """Show the answers that were given, newest first."""
    out = Output(as_json=as_json)

    async def work(tables: Tables, chosen: Settings) -> None:
        now = Instant.now()
        begin = since(since_, check_time_zone(time_zone), now)
        wanted = Wanted(begin, now, canonical_tag(tag) if tag else None, charger or None)
        await _log(tables, chosen.event_shards, wanted, limit, out)

    run(work, out)


@verbs.command()
def shadow(
    file: TagFilePath,
    *,
    days: Annotated[int, typer.Option(min=1, max=3650, help="How many days of answers are replayed.")],
    replace: Replace = False,
    time_zone: TimeZone = UTC,
    as_json: AsJson = False,
) -> None:
    """Show whose answer would have been another one, had the list been the one that importing the file makes."""
    out = Output(as_json=as_json)
    tag_file = read_file(file, time_zone, out)

    async def work(tables: Tables, chosen: Settings) -> None:
        now = Instant.now()
        wanted = Wanted(Instant(now - days * 86_400 * TICKS_PER_SECOND), now)
        await _shadow(tables, chosen.event_shards, tag_file, wanted, out, replaces=replace)

    run(work, out)


async def _why(tables: Tables, chosen: Settings, id_tag: str, charger_id: str, moment: Instant, out: Output) -> None:
    await _check_layout(tables, chosen.event_shards)
    lists = Lists(tables)
    pointer = await lists.pointer()
    tag = await lists.find(pointer.current.table, id_tag) if pointer is not None else None
    charger = await find_charger(tables, charger_id, chosen.event_shards, Deadline.after(LOOK_UP_SECONDS))
    refuses_unknown = chosen.realtime_auth_unknown_charger == "refuse"
    tap = Tap(tag, charger, moment, refuses_unknown)
    question = Question(tap, id_tag, pointer.current.table if pointer is not None else None)
    out.show(why_data(question), *why_parts(question))


async def _log(tables: Tables, shards: int, wanted: Wanted, limit: int, out: Output) -> None:
    await _check_layout(tables, shards)
    shown: list[GivenAnswer] = []
    async for answer in given_answers(tables, wanted, shards):
        shown.append(answer)
        if len(shown) == limit:
            break
    out.show(log_data(wanted.since, shown), *log_parts(wanted.since, shown, limit))


async def _shadow(tables: Tables, shards: int, file: TagFile, wanted: Wanted, out: Output, *, replaces: bool) -> None:
    await _check_layout(tables, shards)
    current = await read_list(tables, out)
    plan = plan_import(current.tags, current.unreadable, file.tags, replaces=replaces)
    if plan.unreadable:
        raise InputProblems("Some tags of the list in use cannot be read: `emabler tags import` says which.")
    replayed = Shadow(plan.result)
    with out.progress("replaying answers", None) as advance:
        async for answer, charger in _with_chargers(tables, shards, given_answers(tables, wanted, shards)):
            replayed.add(answer, charger)
            advance(1)
    out.show(shadow_data(wanted.since, replayed), *shadow_parts(wanted.since, replayed))


async def _with_chargers(
    tables: Tables, shards: int, answers: AsyncIterator[GivenAnswer]
) -> AsyncIterator[tuple[GivenAnswer, Charger]]:
    """Each answer with its charger, which is looked up once."""
    chargers: dict[str, Charger] = {}
    async for answer in answers:
        charger_id = answer.charger_id
        if charger_id not in chargers:
            chargers[charger_id] = await find_charger(tables, charger_id, shards, Deadline.after(LOOK_UP_SECONDS))
        yield answer, chargers[charger_id]


async def _check_layout(tables: Tables, shards: int) -> None:
    """Another count of shards than the tables have would find no charger. Raises ConfigurationError."""
    await Layout(tables, shards).look(Deadline.after(LOOK_UP_SECONDS))
