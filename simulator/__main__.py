"""The simulator's command line: `python -m simulator push`, `rest`, `taps`, `day` and `tags`."""

import argparse
import asyncio
import random
import signal
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import count as counting
from itertools import islice
from pathlib import Path

import httpx

from simulator.chance import happens
from simulator.equipment import build_charger
from simulator.fleet import DEFAULT_MEASUREMENT_INTERVAL_SECONDS, DEFAULT_START, MIXED, Fleet
from simulator.happenings import Generation, Happening
from simulator.http import HttpSender
from simulator.kafka import TopicSender
from simulator.live import LiveClock, LiveSender, PersistentSender, Progress, RateClock, SpeedClock, push_live
from simulator.moments import iso, now_ticks
from simulator.push import LiveQueue
from simulator.rest.server import DEFAULT_PORT, serve_rest
from simulator.rest.world import World
from simulator.tags import drivers, write_tag_list

_SECONDS_BETWEEN_STATUS_LINES = 10.0
_DEFAULT_MESSAGES_PER_SECOND = 5.0
_LIVE_DEADLINE_SECONDS = 5.0
"""For how long a live push waits for Kafka before it says that nobody takes its messages, and looks for a stop."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return its exit code."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.run is _push and not _way_of(options):
        parser.error("push needs --connection-string, or --transport kafka with --brokers")
    code: int = options.run(options)
    return code


def _way_of(options: argparse.Namespace) -> str | None:
    """Where the chosen transport goes; None where that is not said."""
    way: str | None = options.brokers if options.transport == "kafka" else options.connection_string
    return way


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m simulator", description="A fleet of chargers as eMabler tells it.")
    commands = parser.add_subparsers(required=True, metavar="command")
    push = commands.add_parser("push", help="push live messages to a Service Bus queue or a Kafka topic until Ctrl-C")
    push.add_argument("--transport", choices=["servicebus", "kafka"], default="servicebus", help="default: %(default)s")
    push.add_argument("--connection-string", help="of the Service Bus namespace")
    push.add_argument("--queue", default="push-events", help="default: %(default)s")
    push.add_argument("--brokers", help="of Kafka, as host:port, separated by commas")
    push.add_argument("--topic", default="push-events", help="default: %(default)s")
    pace = push.add_mutually_exclusive_group()
    pace.add_argument(
        "--rate", type=_positive, default=_DEFAULT_MESSAGES_PER_SECOND, help="messages a second (default: %(default)s)"
    )
    pace.add_argument("--speed", type=_positive, help="instead: how many times faster than the clock the fleet lives")
    push.add_argument("--count", type=int, help="stop after so many messages")
    push.add_argument("--rest-port", type=int, help="answer eMabler's REST APIs, too, of the same fleet")
    push.add_argument("--lose", type=_share, default=0.0, help="share of messages that only REST tells of (default: 0)")
    push.set_defaults(run=_push)
    rest = commands.add_parser("rest", help="answer eMabler's REST APIs of a fleet that lives now, and push nothing")
    rest.add_argument("--port", type=int, default=DEFAULT_PORT, help="default: %(default)s")
    rest.set_defaults(run=_rest)
    taps = commands.add_parser("taps", help="hold the drivers' tags to the chargers, and ask the endpoint about each")
    taps.add_argument("--url", default="http://127.0.0.1:7071/api/realtime-auth", help="default: %(default)s")
    taps.add_argument("--authorization", default="local", help="one of REALTIME_AUTH_TOKENS (default: %(default)s)")
    taps.add_argument("--rate", type=_positive, default=1.0, help="taps a second (default: %(default)s)")
    taps.add_argument("--count", type=int, help="stop after so many taps")
    taps.set_defaults(run=_taps)
    tags = commands.add_parser("tags", help="write the operator's list of the drivers' tags, for `emabler tags import`")
    tags.add_argument("--out", type=Path, required=True, help="the CSV file to write")
    tags.set_defaults(run=_tags)
    day = commands.add_parser("day", help="write the messages of one day into a file, one on each line")
    day.add_argument("--out", type=Path, required=True, help="the file to write")
    day.add_argument("--start", type=_moment, default=DEFAULT_START, help="ISO 8601, UTC (default: %(default)s)")
    day.set_defaults(run=_day)
    for command, chargers in ((push, 50), (rest, 50), (taps, 50), (day, 1000)):
        command.add_argument("--chargers", type=int, default=chargers, help="default: %(default)s")
        command.add_argument("--seed", type=int, default=1, help="another seed, another fleet (default: %(default)s)")
    for command in (push, rest, day):
        command.add_argument(
            "--generation", choices=[MIXED, *map(str, Generation)], default=MIXED, help="default: %(default)s"
        )
        command.add_argument(
            "--measurement-interval",
            type=_positive,
            default=DEFAULT_MEASUREMENT_INTERVAL_SECONDS,
            metavar="SECONDS",
            help="between the measurements of a session, in its own time (default: %(default)s)",
        )
    return parser


def _day(options: argparse.Namespace) -> int:
    messages = _fleet(options, options.start).day()
    options.out.write_bytes(b"".join(message.body + b"\n" for message in messages))
    counts = Counter(message.meaning.kind for message in messages if isinstance(message.meaning, Happening))
    print(f"{len(messages):,} messages in {options.out}")
    for kind, count in counts.most_common():
        print(f"{count:>9,}  {kind}")
    return 0


def _push(options: argparse.Namespace) -> int:
    progress = Progress()
    asyncio.run(_push_until_stopped(options, progress))
    print(f"{progress.sent:,} messages sent.")
    return 0


async def _push_until_stopped(options: argparse.Namespace, progress: Progress) -> None:
    fleet = _fleet(options, datetime.now(UTC))
    happenings = islice(fleet.happenings(), options.count)
    clock: LiveClock = (
        RateClock(options.rate, now_ticks())
        if options.speed is None
        else SpeedClock(fleet.start_ticks, options.speed, now_ticks())
    )
    world, chances = World(fleet.chargers, now_ticks), random.Random(options.seed)

    def is_pushed(happening: Happening) -> bool:
        world.hear(happening)
        return not happens(chances, options.lose)

    stopping = _stopping_on_signals()
    sender = PersistentSender(_connect_of(options), stopping)
    status_lines = asyncio.create_task(_print_status_lines(progress))
    async with AsyncExitStack() as open_things:
        open_things.push_async_callback(sender.close)
        open_things.callback(status_lines.cancel)
        if options.rest_port is not None:
            server = await open_things.enter_async_context(serve_rest(world, options.rest_port))
            print(f"simulator: REST on {server.url}", flush=True)
        await push_live(sender, happenings, clock, progress, stopping, is_pushed)


def _connect_of(options: argparse.Namespace) -> Callable[[], AbstractAsyncContextManager[LiveSender]]:
    if options.transport == "kafka":
        return partial(TopicSender, options.brokers, options.topic, deadline_seconds=_LIVE_DEADLINE_SECONDS)
    return partial(LiveQueue, options.connection_string, options.queue)


def _rest(options: argparse.Namespace) -> int:
    asyncio.run(_serve_until_stopped(options))
    return 0


async def _serve_until_stopped(options: argparse.Namespace) -> None:
    """A fleet that has lived for a day already."""
    fleet = _fleet(options, datetime.now(UTC) - timedelta(days=1))
    stopping = _stopping_on_signals()
    async with serve_rest(World(fleet.chargers, now_ticks, source=fleet.happenings()), options.port) as server:
        print(f"simulator: REST on {server.url}", flush=True)
        await stopping.wait()


def _stopping_on_signals() -> asyncio.Event:
    """Set by Ctrl-C, and by a polite kill."""
    stopping = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    return stopping


async def _print_status_lines(progress: Progress) -> None:
    while True:
        before = progress.sent
        await asyncio.sleep(_SECONDS_BETWEEN_STATUS_LINES)
        rate = (progress.sent - before) / _SECONDS_BETWEEN_STATUS_LINES
        trouble = f"; nobody takes them ({progress.trouble}), trying again" if progress.trouble else ""
        simulated = f", {iso(progress.simulated_at)[:16]} in the fleet" if progress.simulated_at else ""
        print(f"{progress.sent:,} messages sent, {rate:.1f} a second{simulated}{trouble}", flush=True)


def _tags(options: argparse.Namespace) -> int:
    print(f"{write_tag_list(options.out):,} tags in {options.out}")
    return 0


def _taps(options: argparse.Namespace) -> int:
    with suppress(KeyboardInterrupt):
        asyncio.run(_tap_until_stopped(options))
    return 0


async def _tap_until_stopped(options: argparse.Namespace) -> None:
    rng = random.Random(options.seed)
    charger_ids = [build_charger(number, options.seed, None).charger_id for number in range(options.chargers)]
    everybody = list(drivers())
    async with HttpSender(options.authorization) as sender:
        for _ in range(options.count) if options.count else counting():
            driver, charger_id = rng.choice(everybody), rng.choice(charger_ids)
            try:
                answered = await sender.tap(options.url, charger_id, driver.id_tag)
            except httpx.HTTPError as error:
                print(f"no answer: {type(error).__name__}", flush=True)
            else:
                said = "yes" if answered.is_allowed else answered.body.get("reason", f"HTTP {answered.status}")
                print(f"{charger_id:<16} {driver.id_tag}  {said:<26} {answered.seconds * 1000:.1f} ms", flush=True)
            await asyncio.sleep(1 / options.rate)


def _fleet(options: argparse.Namespace, start: datetime) -> Fleet:
    return Fleet(
        seed=options.seed,
        chargers=options.chargers,
        start=start,
        generation=options.generation,
        measurement_interval_seconds=options.measurement_interval,
    )


def _positive(text: str) -> float:
    value = float(text)
    if not value > 0:
        raise argparse.ArgumentTypeError("must be more than 0")
    return value


def _share(text: str) -> float:
    value = float(text)
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError("must be from 0 to 1")
    return value


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


if __name__ == "__main__":
    sys.exit(main())
