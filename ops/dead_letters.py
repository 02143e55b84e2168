"""Commands about messages that the queue gave up on: `deadletters list`, `deadletters replay`. They need no storage."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated, Any, Final, TypeVar

import typer
from rich.console import RenderableType

from ops.dead_letter_queue import DeadLetter, DeadLetterQueue, opened
from ops.options import AsJson, DryRun, Limit, Yes, first
from ops.output import Output, table_of
from ops.running import confirm, fail
from ops.tag_times import exact, for_people
from shared.errors import EmablerError, QueueUnavailable
from shared.settings import Settings
from shared.webhook.connecting import connect_queue

_SHOWN: Final = 50

Result = TypeVar("Result")

verbs = typer.Typer(no_args_is_help=True, help="Messages that the queue gave up on: look at them, send them again.")


@verbs.command("list")
def list_(*, limit: Limit = 50, as_json: AsJson = False) -> None:
    """Show the oldest dead letters of the queue, and why they are some. No bodies."""
    out = Output(as_json=as_json)

    async def work(queue: DeadLetterQueue) -> list[DeadLetter]:
        return await queue.peek(limit)

    with asyncio.Runner() as runner:
        letters = _run(runner, work, out)
    out.show({"dead_letters": [_data(letter) for letter in letters]}, *_parts(letters))


@verbs.command()
def replay(
    *,
    limit: Annotated[int, typer.Option(min=0, help="How many to send at most, the oldest first; 0 for all.")] = 0,
    yes: Yes = False,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Send dead letters to their queue once more: show them, ask, do it. Each leaves only when its copy is there.

    Mend what they died of first, or they come back. What is stored already is not stored a second time.
    """
    out = Output(as_json=as_json)
    sent: list[DeadLetter] = []

    async def plan(queue: DeadLetterQueue) -> list[DeadLetter]:
        return await queue.peek(limit)

    async def work(queue: DeadLetterQueue) -> None:
        # No more than were there: those that die of the same thing again must not go round for ever.
        try:
            with out.progress("sending", len(letters)) as advance:
                async for letter in queue.replay(len(letters)):
                    sent.append(letter)
                    advance(1)
        except QueueUnavailable:
            out.say(f"{len(sent):,} of {len(letters):,} dead letters were sent. Run it again for the others.")
            raise

    # One loop for both, because an identity keeps its connection; and none while somebody is asked.
    with asyncio.Runner() as runner:
        letters = _run(runner, plan, out)
        if dry_run or not letters:
            ending = "Would be sent to the queue. Nothing was changed." if letters else "There is nothing to send."
            out.show(_replay_data(letters, is_sent=False), *_parts(letters), ending)
            return
        out.preview(*_parts(letters))
        confirm(f"Send {len(letters):,} dead letters to the queue once more?", out, is_answered_yes=yes)
        _run(runner, work, out)
    ending = f"Done: {len(sent):,} of {len(letters):,} are on the queue again."
    if len(sent) < len(letters):
        ending += " The others are gone by now, or locked by somebody: run it again in a few minutes."
    out.show(_replay_data(sent, is_sent=True), ending)


def _run(runner: asyncio.Runner, work: Callable[[DeadLetterQueue], Awaitable[Result]], out: Output) -> Result:
    """What the work gives, done with the queue of the settings; ends the command with the code of an error."""
    try:
        return runner.run(_with_queue(work))
    except EmablerError as error:
        fail(error, out)


async def _with_queue(work: Callable[[DeadLetterQueue], Awaitable[Result]]) -> Result:
    chosen = Settings.from_environment()
    async with opened(lambda: connect_queue(chosen), chosen.push_events_queue) as queue:
        return await work(queue)


def _data(letter: DeadLetter) -> dict[str, Any]:
    return {
        "sequence_number": letter.sequence_number,
        "enqueued_at": exact(letter.enqueued_at) if letter.enqueued_at is not None else None,
        "delivery_count": letter.delivery_count,
        "reason": letter.reason,
        "description": letter.description,
        "size_bytes": letter.size_bytes,
    }


def _replay_data(letters: Sequence[DeadLetter], *, is_sent: bool) -> dict[str, Any]:
    return {"sent": is_sent, "dead_letters": [_data(letter) for letter in letters]}


def _parts(letters: Sequence[DeadLetter]) -> list[RenderableType]:
    """For people: how many for each reason, then the oldest of them."""
    if not letters:
        return ["There are no dead letters."]
    counts = Counter(letter.reason for letter in letters)
    shown = letters[first(_SHOWN)]
    lines = (
        [
            letter.sequence_number,
            for_people(letter.enqueued_at) if letter.enqueued_at is not None else "",
            letter.delivery_count,
            letter.reason,
            letter.description,
            letter.size_bytes,
        ]
        for letter in shown
    )
    return [
        table_of(("reason", ">dead letters"), sorted(counts.items())),
        table_of((">number", "enqueued", ">deliveries", "reason", "description", ">bytes"), lines),
        f"{len(shown):,} of these {len(letters):,}, the oldest first",
    ]
