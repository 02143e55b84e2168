"""Commands that poll now: `poll chargers`, `poll sessions`, `reconcile`; the timers' runs, one at a time."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Final

import typer

from ops.exits import EmablerNotSet
from ops.options import UTC, AsJson, TimeZone
from ops.output import Output
from ops.polling_view import chargers_data, chargers_parts, days_data, days_parts, sessions_data, sessions_parts
from ops.running import run
from ops.tag_times import begin_of, end_of, since
from shared.authorization.hours import check_time_zone
from shared.errors import ConfigurationError, Unacceptable
from shared.instants import TICKS_PER_SECOND, Instant
from shared.polling.connecting import connect_emabler
from shared.polling.poller import Poller, plan_of
from shared.polling.windows import Window
from shared.settings import Settings
from shared.tables.store import Tables

_DAY_TICKS: Final = 86_400 * TICKS_PER_SECOND
_FROM_METAVAR: Final = "30m, 2h, 7d ago, or a time"

verbs = typer.Typer(no_args_is_help=True, help="Ask eMabler over REST now, as the timers do.")
reconciling = typer.Typer()


@verbs.command()
def chargers(*, as_json: AsJson = False) -> None:
    """Poll what every charger and socket does now, and about which of them push is silent."""
    out = Output(as_json=as_json)

    async def work(poller: Poller) -> None:
        polled = await poller.chargers()
        out.show(chargers_data(polled), *chargers_parts(polled))

    run(_polling(work), out)


@verbs.command()
def sessions(
    *,
    from_: Annotated[str, typer.Option("--from", metavar="TIME", help=f"{_FROM_METAVAR}.")] = "",
    to: Annotated[str, typer.Option("--to", metavar="TIME", help="A time, or a date with all of its day; now.")] = "",
    time_zone: TimeZone = UTC,
    as_json: AsJson = False,
) -> None:
    """Poll the sessions since the last poll, or of a window of time, and complete what push did not tell."""
    out = Output(as_json=as_json)

    async def work(poller: Poller) -> None:
        stored = await poller.sessions(_window(from_, to, time_zone, Instant.now()))
        out.show(sessions_data(stored), *sessions_parts(stored))

    run(_polling(work), out)


@reconciling.command()
def reconcile(
    *,
    day: Annotated[str, typer.Option(metavar="DATE", help="The day, in UTC; yesterday, if left out.")] = "",
    repair: Annotated[
        bool, typer.Option("--repair", help="Complete sessions from REST, and write the ledger, as each night.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Compare a day's sessions as push and REST tell them. Nothing is written without --repair."""
    out = Output(as_json=as_json)

    async def work(poller: Poller) -> None:
        (reconciled,) = await poller.reconcile([_day(day, Instant.now())], repairs=repair)
        out.show(days_data(reconciled), *days_parts(reconciled))

    run(_polling(work), out)


def _polling(work: Callable[[Poller], Awaitable[None]]) -> Callable[[Tables, Settings], Awaitable[None]]:
    """The work of a command with the account and the tables of the settings."""

    async def connected(tables: Tables, chosen: Settings) -> None:
        try:
            api = connect_emabler(chosen)
        except ConfigurationError as error:
            raise EmablerNotSet(str(error)) from None
        try:
            await work(Poller(tables, api, plan_of(chosen)))
        finally:
            await api.close()

    return connected


def _window(from_: str, to: str, time_zone: str, now: Instant) -> Window | None:
    """The window that was asked for; None for "since the last poll". Raises Unacceptable."""
    if not from_ and not to:
        return None
    if not from_:
        raise Unacceptable("bad-time", "--to needs --from: say where the window begins")
    zone = check_time_zone(time_zone)
    window = Window(since(from_, zone, now), end_of(to, zone) if to else now)
    if window.start >= window.end:
        raise Unacceptable("bad-time", "the window ends before it begins: exchange --from and --to")
    return window


def _day(text: str, now: Instant) -> Instant:
    """The beginning of a day in UTC. Raises Unacceptable."""
    moment = begin_of(text, check_time_zone(UTC)) if text else Instant(now - _DAY_TICKS)
    return Instant(moment // _DAY_TICKS * _DAY_TICKS)
