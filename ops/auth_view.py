"""Answers to taps, and the reasons for them, as people and scripts see them. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import RenderableType

from ops.decision_log import GivenAnswer
from ops.output import pairs_of, table_of
from ops.shadow import Answer, Difference, Occurrences, Shadow
from ops.tag_times import exact, for_people
from ops.tag_view import tag_data, tag_pairs
from shared.authorization.rules import Tap, Verdict, decide, explain
from shared.authorization.tags import Charger
from shared.instants import Instant


@dataclass(frozen=True, slots=True)
class Question:
    """A tap to be explained: the tag's id also where no list has it, and the list that was looked into."""

    tap: Tap
    id_tag: str
    list_table: str | None


def why_data(question: Question) -> dict[str, Any]:
    """The answer to a tap and what each rule says of it, for scripts."""
    tap, decision = question.tap, decide(question.tap)
    return {
        "allowed": decision.is_allowed,
        "reason": decision.reason,
        "rule": decision.rule,
        "at": exact(tap.at),
        "list": question.list_table,
        "rules": [
            {"rule": said.rule.id, "question": said.rule.question, "refuses": said.refuses} for said in explain(tap)
        ],
        "tag": tag_data(tap.tag) if tap.tag is not None else None,
        "charger": {
            "charger_id": tap.charger.charger_id,
            "is_known": tap.charger.is_known,
            "site_ids": sorted(tap.charger.site_ids),
        },
    }


def why_parts(question: Question) -> Iterator[RenderableType]:
    """The same for people: the facts, the tag, the rules, the answer."""
    tap, decision = question.tap, decide(question.tap)
    policy = "refused" if tap.refuses_unknown_chargers else "ignored"
    yield pairs_of(
        {
            "tag": question.id_tag,
            "charger": _charger_text(tap.charger),
            "at": for_people(tap.at),
            "list": question.list_table or "there is none yet",
            "unknown chargers": f"{policy} (REALTIME_AUTH_UNKNOWN_CHARGER here)",
        }
    )
    if tap.tag is not None:
        yield tag_pairs(tap.tag)
    yield table_of(("rule", "question", "answer"), (_verdict_cells(said) for said in explain(tap)))
    yield f"Answer: {'allowed' if decision.is_allowed else f'refused by {decision.rule}, {decision.reason}'}"


def log_data(since: Instant, answers: Sequence[GivenAnswer]) -> dict[str, Any]:
    """Answers that were given, for scripts."""
    return {"since": exact(since), "answers": [_answer_data(answer) for answer in answers]}


def log_parts(since: Instant, answers: Sequence[GivenAnswer], limit: int) -> Iterator[RenderableType]:
    """The same for people."""
    columns = ("time", "charger", "tag", "answer", "rule", "source", ">ms")
    yield table_of(columns, (_answer_cells(answer) for answer in answers))
    more = "; there may be more: --limit" if limit and len(answers) == limit else ""
    yield f"{len(answers):,} answers since {for_people(since)}{more}"


def shadow_data(since: Instant, replayed: Shadow) -> dict[str, Any]:
    """Whose answers would change, the most frequent first, for scripts."""
    return {
        "since": exact(since),
        "compared": replayed.compared,
        "not_compared": replayed.not_compared,
        "differences": [_difference_data(*item) for item in _most_frequent_first(replayed)],
    }


def shadow_parts(since: Instant, replayed: Shadow) -> Iterator[RenderableType]:
    """The same for people."""
    columns = ("tag", "was", "would be", ">times", ">chargers", "last seen")
    yield table_of(columns, (_difference_cells(*item) for item in _most_frequent_first(replayed)))
    yield f"{len(replayed.differences):,} differences in {replayed.compared:,} answers since {for_people(since)}."
    if replayed.not_compared:
        yield f"{replayed.not_compared:,} answers were not compared, because no list had a part in them."


def _charger_text(charger: Charger) -> str:
    if not charger.is_known:
        return f"{charger.charger_id}, of which nothing was ever told"
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


def _most_frequent_first(replayed: Shadow) -> list[tuple[Difference, Occurrences]]:
    return sorted(replayed.differences.items(), key=lambda item: item[1].times, reverse=True)


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
