"""Commands about answers to taps: `auth why`, `log`, `shadow`."""

from collections.abc import AsyncIterator
from typing import Annotated, Any, Final

import typer

from ops.decision_log import GivenAnswer, Wanted, given_answers
from ops.exits import InputProblems
from ops.options import UTC, AsJson, Limit, Replace, TagFilePath, TagId, TimeZone
from ops.output import Output, pairs_of, table_of
from ops.running import run
from ops.shadow import Answer, Difference, Occurrences, Shadow
from ops.tag_csv import TagFile
from ops.tag_lists import read_file, read_list
from ops.tag_plan import plan_import
from ops.tag_times import begin_of, exact, for_people, since
from ops.tag_view import tag_data, tag_pairs
from shared.authorization.chargers import find_charger
from shared.authorization.hours import check_time_zone
from shared.authorization.lists import Lists
from shared.authorization.rules import Tap, Verdict, decide, explain
from shared.authorization.tags import Charger, canonical_tag
from shared.deadlines import Deadline
from shared.ingest.layout import Layout
from shared.instants import TICKS_PER_SECOND, Instant
from shared.settings import Settings
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
    decision, verdicts = decide(tap), explain(tap)
    list_table = pointer.current.table if pointer is not None else None
    data = {
        "allowed": decision.is_allowed,
        "reason": decision.reason,
        "rule": decision.rule,
        "at": exact(moment),
        "list": list_table,
        "rules": [{"rule": said.rule.id, "question": said.rule.question, "refuses": said.refuses} for said in verdicts],
        "tag": tag_data(tag) if tag is not None else None,
        "charger": {"charger_id": charger_id, "is_known": charger.is_known, "site_ids": sorted(charger.site_ids)},
    }
    facts = pairs_of(
        {
            "tag": id_tag,
            "charger": _charger_text(charger),
            "at": for_people(moment),
            "list": list_table or "there is none yet",
            "unknown chargers": f"{'refused' if refuses_unknown else 'ignored'} (REALTIME_AUTH_UNKNOWN_CHARGER here)",
        }
    )
    rules = table_of(("rule", "question", "answer"), (_verdict_cells(said) for said in verdicts))
    answer = f"refused by {decision.rule}, {decision.reason}" if decision.reason is not None else "allowed"
    out.show(data, facts, *([tag_pairs(tag)] if tag is not None else []), rules, f"Answer: {answer}")


async def _log(tables: Tables, shards: int, wanted: Wanted, limit: int, out: Output) -> None:
    await _check_layout(tables, shards)
    shown: list[GivenAnswer] = []
    async for answer in given_answers(tables, wanted, shards):
        shown.append(answer)
        if len(shown) == limit:
            break
    columns = ("time", "charger", "tag", "answer", "rule", "source", ">ms")
    table = table_of(columns, (_answer_cells(answer) for answer in shown))
    ending = f"{len(shown):,} answers since {for_people(wanted.since)}"
    more = "; there may be more: --limit" if limit and len(shown) == limit else ""
    out.show(
        {"since": exact(wanted.since), "answers": [_answer_data(answer) for answer in shown]}, table, ending + more
    )


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
    differences = sorted(replayed.differences.items(), key=lambda item: item[1].times, reverse=True)
    data = {
        "since": exact(wanted.since),
        "compared": replayed.compared,
        "not_compared": replayed.not_compared,
        "differences": [_difference_data(*item) for item in differences],
    }
    columns = ("tag", "was", "would be", ">times", ">chargers", "last seen")
    table = table_of(columns, (_difference_cells(*item) for item in differences))
    ending = (
        f"{len(differences):,} differences in {replayed.compared:,} answers since {for_people(wanted.since)}; "
        f"{replayed.not_compared:,} were not compared, because no list had a part in them."
    )
    out.show(data, table, ending)


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


def _charger_text(charger: Charger) -> str:
    if not charger.is_known:
        return f"{charger.charger_id}, which never sent anything"
    sites = f", site {', '.join(sorted(charger.site_ids))}" if charger.site_ids else ", no site known"
    return charger.charger_id + sites


def _verdict_cells(said: Verdict) -> tuple[str, str, str]:
    answer = {True: "yes: refused", False: "no", None: "not asked"}[said.refuses]
    return said.rule.id, said.rule.question, answer


def _answer_cells(answer: GivenAnswer) -> tuple[object, ...]:
    verdict = "allowed" if answer.is_allowed else f"refused {answer.reason or ''}".strip()
    latency = f"{answer.latency_ms:.1f}"
    when = for_people(answer.decided_at)
    return when, answer.charger_id, answer.id_tag, verdict, answer.rule, answer.source, latency


def _answer_data(answer: GivenAnswer) -> dict[str, Any]:
    return {
        "decided_at": exact(answer.decided_at),
        "charger_id": answer.charger_id,
        "id_tag": answer.id_tag,
        "allowed": answer.is_allowed,
        "reason": answer.reason,
        "rule": answer.rule,
        "source": answer.source,
        "latency_ms": answer.latency_ms,
        "list_table": answer.list_table,
    }


def _difference_cells(difference: Difference, seen: Occurrences) -> tuple[object, ...]:
    before, after = _said(difference.before), _said(difference.after)
    return difference.id_tag, before, after, seen.times, len(seen.charger_ids), for_people(seen.last_seen_at)


def _difference_data(difference: Difference, seen: Occurrences) -> dict[str, Any]:
    return {
        "id_tag": difference.id_tag,
        "from": {"allowed": difference.before.is_allowed, "rule": difference.before.rule},
        "to": {"allowed": difference.after.is_allowed, "rule": difference.after.rule},
        "times": seen.times,
        "last_seen_at": exact(seen.last_seen_at),
        "chargers": sorted(seen.charger_ids),
    }


def _said(answer: Answer) -> str:
    return "allowed" if answer.is_allowed else f"refused ({answer.rule})"
