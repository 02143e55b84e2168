"""The flows of the timers that ask eMabler: chargers, sessions, statistics, and a day's account with its repair."""

from collections.abc import Awaitable, Callable
from typing import Final, NamedTuple

from shared.emabler.rest.addresses import ApiVersion
from shared.ingest.ingest import Ingest
from shared.ingest.rows import Delivery
from shared.instants import TICKS_PER_SECOND, Instant
from shared.polling.chargers import Looking
from shared.polling.poller import ENDING_SECONDS, RUN_SECONDS, Poller, PollPlan
from shared.polling.runs import PollKind
from shared.tables.store import Tables
from tests.faults.matrix import Flow, Work
from tests.shared.polling.support import NOON, SILENCE_MINUTES, World, after, full, polled, seen, started, state
from tests.support.fake_emabler import FakeEmabler
from tests.support.faulty_tables import FaultyTables
from tests.support.memory_tables import MemoryTables
from tests.support.messages import body, within

SHARDS: Final = 1

_DAY: Final = Instant(NOON - 12 * 3600 * TICKS_PER_SECOND)
_NIGHT: Final = after(16 * 60)
_EVENING: Final = after(90)
_CHARGING_SINCE: Final = {"C2": after(-60), "C3": after(-100)}
_BETWEEN_RUNS: Final = {
    PollKind.CHARGERS: 5,
    PollKind.SESSIONS: 15,
    PollKind.STATISTICS: 15,
    PollKind.RECONCILIATION: 24 * 60,
}
"""Minutes. A run that died keeps its lease for less."""

_WHEN: Final = {
    "PollState": frozenset(
        {"run_id", "leased_until", "started_at", "first_started_at", "failed_at", "failures_in_a_row", "error", "calls"}
        | {"sessions", "first_polled_at", "found_at"}
    ),
    "Statistics": frozenset({"first_polled_at"}),
}
"""How earlier runs ended, what they asked and cost, and since when it is known what the first one found."""


class _Operator(World):
    """With fewer partitions, because each is read by a request of its own."""

    def __init__(self, tables: Tables, api: FakeEmabler | None = None) -> None:
        super().__init__(tables, api)
        looking = Looking(SHARDS, SILENCE_MINUTES * 60 * TICKS_PER_SECOND)
        self.poller = Poller(self.tables, self.api, PollPlan(looking, 1000), lambda: self.now)

    async def push(self, *messages: object) -> None:
        """Deliver messages, now."""
        deliveries = [Delivery(body(message), "servicebus", self.now) for message in messages]
        await Ingest(self.tables, SHARDS).store(deliveries, within(20))


async def _nothing(_tables: MemoryTables) -> None:
    """New tables."""


async def _quiet_charger(tables: MemoryTables) -> None:
    """Push has said nothing of C2 for a while, and said nothing of C3 for long enough to be a gap, but now it has."""
    operator = _Operator(tables)
    operator.now = after(-180)
    await operator.push(*(state(charger_id, "Available", operator.now) for charger_id in ("C1", "C2", "C3")))
    for minutes, charging in ((-180, ()), (-95, ("C3",)), (-30, ("C2", "C3"))):
        operator.now = after(minutes)
        operator.api.chargers_now |= {name: seen(name, "Available", after(-180)) for name in ("C1", "C2", "C3")}
        operator.api.chargers_now |= {name: seen(name, "Charging", _CHARGING_SINCE[name]) for name in charging}
        await operator.poller.chargers()
    operator.now = NOON
    await operator.push(state("C1", "Charging", NOON), state("C3", "Charging", NOON))


async def _pushed_day(tables: MemoryTables) -> None:
    """Sessions that push told wholly, in part and with other figures."""
    await _Operator(tables).push(
        full("EQUAL", 1, after(0), after(50)),
        full("DIFFERENT", 2, after(0), after(50), energy_wh=5002),
        started("COMPLETED", 3, after(0)),
        full("PUSHED", 4, after(0), after(50)),
    )


async def _polled_before_its_push(tables: MemoryTables) -> None:
    """A session that a poll told under a number of its own, and push later: the poll's row is to be given up."""
    operator = _Operator(tables)
    operator.now = after(60)
    operator.api.sessions_now = [polled("LATE", after(0), after(50), number="900")]
    await operator.poller.sessions()
    await operator.push(full("LATE", 77, after(0), after(50)))
    await _pushed_day(tables)


def _answers(version: ApiVersion) -> FakeEmabler:
    api = FakeEmabler(version)
    api.chargers_now = {
        "C1": seen("C1", "Charging", NOON),
        "C2": seen("C2", "Charging", _CHARGING_SINCE["C2"]),
        "C3": seen("C3", "Charging", NOON),
    }
    api.sessions_now = [
        polled("EQUAL", after(0), after(50), evse="1", energy_wh=5001),
        polled("DIFFERENT", after(0), after(50), evse="2"),
        polled("COMPLETED", after(0), after(50), evse="3"),
        polled("POLLED", after(0), after(50), evse="5"),
        polled("LATE", after(0), after(50), number="900"),
        polled("OLD", after(-3500), after(-3480), evse="9"),  # before what the next run asks for again anyway
    ]
    return api


async def _chargers(operator: _Operator) -> str:
    outcome = await operator.poller.chargers()
    return f"{outcome.chargers} chargers, {outcome.open_gaps} gaps, {outcome.refused_rows} refused"


async def _sessions(operator: _Operator) -> str:
    outcome = await operator.poller.sessions()
    return f"{outcome.quarantined} quarantined"


async def _statistics(operator: _Operator) -> str:
    await operator.poller.statistics()
    return "kept"


async def _reconcile(operator: _Operator) -> str:
    (day,) = await operator.poller.reconcile([_DAY], repairs=True)
    return ", ".join(sorted(f"{ledger.charger_id} {ledger.entries[0].verdict}" for ledger in day.ledgers))


class _Poll(NamedTuple):
    """A kind of poll, and how it is run; that returns a word for what it came to."""

    kind: PollKind
    work: Callable[[_Operator], Awaitable[str]]


def _flow(
    name: str,
    before: Callable[[MemoryTables], Awaitable[None]],
    poll: _Poll,
    first_at: Instant,
    word: str,
    version: ApiVersion = ApiVersion.V2,
) -> Flow:
    async def start(tables: FaultyTables) -> Work:
        operator = _Operator(tables, _answers(version))

        async def run(again: bool) -> str:  # noqa: FBT001  # see Work
            operator.now = after(_BETWEEN_RUNS[poll.kind], start=first_at) if again else first_at
            return await poll.work(operator)

        return run

    return Flow(name, before, start, word, RUN_SECONDS[poll.kind] + ENDING_SECONDS, _WHEN)


_CHARGERS: Final = _Poll(PollKind.CHARGERS, _chargers)
_SESSIONS: Final = _Poll(PollKind.SESSIONS, _sessions)
_STATISTICS: Final = _Poll(PollKind.STATISTICS, _statistics)
_RECONCILIATION: Final = _Poll(PollKind.RECONCILIATION, _reconcile)
_ONE_GAP: Final = "3 chargers, 1 gaps, 0 refused"
_VERDICTS: Final = (
    "COMPLETED completed, DIFFERENT different, EQUAL equal, LATE polled-only, POLLED polled-only, PUSHED pushed-only"
)

FLOWS: Final = [
    _flow("poll chargers, new tables", _nothing, _CHARGERS, NOON, "3 chargers, 0 gaps, 0 refused"),
    _flow("poll chargers, a gap", _quiet_charger, _CHARGERS, after(40), _ONE_GAP),
    _flow("poll chargers, v1", _quiet_charger, _CHARGERS, after(40), _ONE_GAP, ApiVersion.V1),
    _flow("poll sessions, new tables", _nothing, _SESSIONS, _EVENING, "0 quarantined"),
    _flow("poll sessions, joined", _polled_before_its_push, _SESSIONS, _EVENING, "0 quarantined"),
    _flow("poll statistics", _nothing, _STATISTICS, NOON, "kept", ApiVersion.V1),
    _flow("reconcile", _pushed_day, _RECONCILIATION, _NIGHT, _VERDICTS),
]
