"""An operator's app under everything that happens to it, by rules that hypothesis puts in any order.

The invariants are the promises: what was accepted is in the archive once, or in quarantine; the current state is what a
fresh app makes of the same events; a month that was dropped stays away; and what `tag_rules` says of tags.
"""

import re
from collections.abc import Callable, Container, Coroutine
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from shared.ingest.rows import MEASUREMENTS, PUSH_EVENTS
from shared.polling.errors import AnotherRun
from shared.polling.windows import Window
from shared.tables.store import EdmValue
from tests.order.deployment import Deployment
from tests.order.ledger import Ledger, archive
from tests.order.life import LEASE_SECONDS, troubles
from tests.order.rows import Rows, differences, everything
from tests.order.script import BODIES, KNOWN, NEWEST_STATES, NO_JSON, NOW, SESSIONS, rest_knows
from tests.order.tag_rules import TagRules
from tests.order.telling import later, respelled
from tests.support.memory_tables import MemoryTables
from tests.support.mortal_tables import Trouble

EVERYTHING = Window(later(SESSIONS[0].began_at, -86_400), later(NOW, 86_400))

WHO_TOLD = {"source", "error_code", "message", "status_occurred_at", "status_device_at", "status_event_id"}
"""Of a row of `ChargerStatus`: who told the state, and when."""

MONTHLY = re.compile(r"(PushEvents|Measurements|LargeBodies|AuthDecisions)\d{6}")
"""What retention may take."""

bodies = st.sampled_from(BODIES)


class OperatorMachine(TagRules):
    """Pushes, polls, lists of tags, retention; crashes and faults of storage in the middle of each.

    `waiting` is what the broker has, each with how it came; `held` is what is still on its way.
    """

    def __init__(self) -> None:
        super().__init__()
        self.ledger = Ledger()
        self.waiting: list[tuple[bytes, str]] = []
        self.held: list[bytes] = []
        self.months_kept: int | None = None
        self.leased_until_seconds: dict[str, float] = {}
        self.has_quarantine = False

    @rule(told=st.lists(bodies, min_size=1, max_size=8), respell=st.booleans())
    def push(self, told: list[bytes], *, respell: bool) -> None:
        """Messages are put on the queue: accepted from now on. Any of them may come again and again."""
        self.waiting += [(respelled(one) if respell else one, "servicebus") for one in told]

    @rule(told=bodies)
    def hold_back(self, told: bytes) -> None:
        """A message is on its way, and comes when it comes."""
        self.held.append(told)

    @precondition(lambda self: self.held)
    @rule()
    def release(self) -> None:
        """What was held back comes, the last first."""
        self.waiting += [(told, "servicebus") for told in reversed(self.held)]
        self.held.clear()

    @rule(told=bodies, takes=st.booleans(), has_answer=st.booleans(), trouble=troubles)
    def push_by_webhook(self, told: bytes, trouble: Trouble | None, *, takes: bool, has_answer: bool) -> None:
        """A message is delivered by HTTP; what is not acknowledged, eMabler brings again."""
        self.clocks.advance(11)  # a queue that failed is asked again
        self.queue.takes, self.queue.answers = takes, has_answer
        attempted = [KNOWN[told]] if told in KNOWN else []
        self.ledger.attempted(attempted)
        ended = self.live(self.process.deployment.webhook(told), trouble)
        self.waiting += [(one, "webhook") for one in self.queue.taken]
        self.queue.taken.clear()
        if not ended.result:
            self.held.append(told)
        elif not (takes and has_answer):
            self.ledger.stored(attempted)
            self.has_quarantine |= told == NO_JSON
        self.check()

    @precondition(lambda self: self.waiting)
    @rule(data=st.data(), trouble=troubles)
    def deliver(self, data: st.DataObject, trouble: Trouble | None) -> None:
        """The broker delivers some messages in any order; they are completed together, or come again."""
        count = data.draw(st.integers(1, min(16, len(self.waiting))))
        batch = data.draw(st.permutations(self.waiting))[:count]
        self.deliver_batch(batch, trouble)
        self.check()

    def deliver_batch(self, batch: list[tuple[bytes, str]], trouble: Trouble | None) -> None:
        """One batch, with what it means for the ledger."""
        messages = [KNOWN[told] for told, _ in batch if told in KNOWN]
        self.ledger.attempted(messages)
        transport = batch[0][1]
        ended = self.live(self.process.deployment.service_bus([told for told, _ in batch], transport), trouble)
        if ended.result is None:
            return
        for one in batch:
            self.waiting.remove(one)
        self.ledger.stored(messages)
        self.has_quarantine |= len(messages) < len(batch)

    @rule(is_all=st.booleans(), trouble=troubles)
    def poll_sessions(self, trouble: Trouble | None, *, is_all: bool) -> None:
        """The timer, or an operator who asks for everything."""
        deployment = self.process.deployment
        self.poll("sessions", lambda: deployment.poll_sessions(EVERYTHING if is_all else None), trouble)

    @rule(trouble=troubles)
    def poll_chargers(self, trouble: Trouble | None) -> None:
        """The timer."""
        self.poll("chargers", self.process.deployment.poll_chargers, trouble)

    def poll(self, kind: str, work: Callable[[], Coroutine[Any, Any, None]], trouble: Trouble | None) -> None:
        """A run, which is kept out only by one that died a few minutes ago."""
        rest_knows(self.api, self.clocks.now)
        is_kept_out = self.live(_is_kept_out(work()), trouble)
        if is_kept_out.result:
            assert self.clocks.seconds < self.leased_until_seconds.get(kind, 0.0), "a lease that nobody has"
        elif is_kept_out.result is None:
            self.leased_until_seconds[kind] = self.clocks.seconds + LEASE_SECONDS

    @rule(months_kept=st.sampled_from([1, 2]), trouble=troubles)
    def drop_months(self, months_kept: int, trouble: Trouble | None) -> None:
        """The timer; a run that dies is done again by the next."""
        self.drop(months_kept, trouble)

    def drop(self, months_kept: int, trouble: Trouble | None) -> None:
        """Retention, with what it means for the ledger."""
        before = set(self.run(self.tables.list_tables()))
        self.live(self.process.drop_months(months_kept), trouble)
        self.months_kept = months_kept
        gone = before - set(self.run(self.tables.list_tables()))
        expired = {table for table in before if MONTHLY.fullmatch(table) and table[-6:] < self.first_month(months_kept)}
        assert gone <= expired, f"retention dropped {gone - expired}"
        self.ledger.dropped(gone)
        self.check()

    def first_month(self, months_kept: int) -> str:
        """The oldest month to keep, the present one counted (EVENT_RETENTION_MONTHS in README.md)."""
        present = self.clocks.now.datetime
        months = present.year * 12 + present.month - months_kept
        return f"{months // 12}{months % 12 + 1:02d}"

    def check(self) -> None:
        """What must hold at every moment."""
        self.run(self.ledger.check(self.tables))

    @rule()
    def settle(self) -> None:
        """Everything arrives and every timer comes round: now the rows are what a fresh app makes of the events."""
        self.waiting += [(told, "servicebus") for told in self.held]
        self.held.clear()
        while self.waiting:
            self.deliver_batch(self.waiting[:16], None)
        self.check()
        if self.months_kept is not None:
            self.drop(self.months_kept, None)
        self.clocks.advance(LEASE_SECONDS)
        rest_knows(self.api, self.clocks.now)
        for _ in range(2):  # a run that died is done again by the next, and may leave something to the one after
            self.live(self.process.deployment.poll_chargers())
            self.live(self.process.deployment.poll_sessions(EVERYTHING))
        self.live(self.process.flush())
        self.all_taps_are_kept()
        self.run(self.compare())

    async def compare(self) -> None:
        """Hold the tables to those of an app that was told the same events one by one, and polled once."""
        fresh = Deployment(MemoryTables(), self.api, lambda: self.clocks.now)
        for event_id in sorted(self.ledger.ever):
            await fresh.service_bus([self.ledger.ever[event_id]])
        await fresh.poll_chargers()
        await fresh.poll_sessions(EVERYTHING)
        archived = {row["event_id"] for rows in (await archive(self.tables)).values() for row in rows}
        found, expected = await everything(self.tables), await everything(fresh.tables)
        lines = differences(self.promised(found, archived), self.promised(expected, archived))
        assert not lines, "\n".join(lines)
        quarantined = {row["raw"] for row in found.get("Quarantine", {}).values()}
        assert quarantined == ({NO_JSON.decode()} if self.has_quarantine else set()), "quarantine has something else"
        decisions = sum(len(rows) for name, rows in found.items() if name.startswith("AuthDecisions"))
        assert self.taps_kept <= decisions <= self.taps_kept + self.taps_lost, "a decision was not kept"

    def promised(self, rows: Rows, archived: Container[EdmValue]) -> Rows:
        """The tables that events and REST make; of those by month only what is of archived events.

        A month that was dropped, or that nothing is left of, has no table or an empty one: that is the same. Where push
        did not tell a socket's newest state, whose older word for the same state shows is not promised (decision 11).
        """
        statuses = {
            key: row if self.is_told(key[1]) else {name: value for name, value in row.items() if name not in WHO_TOLD}
            for key, row in rows.get("ChargerStatus", {}).items()
        }
        by_month = {
            name: {key: row for key, row in found.items() if row["event_id"] in archived}
            for name, found in rows.items()
            if name.startswith((PUSH_EVENTS, MEASUREMENTS))
        }
        by_month = {name: found for name, found in by_month.items() if found}
        return by_month | {"ChargerStatus": statuses, "Transactions": rows.get("Transactions", {})}

    def is_told(self, row_key: str) -> bool:
        """Whether push has told what REST has of the row: always, unless it is a socket's newest state."""
        newest = NEWEST_STATES.get(row_key)
        return newest is None or newest in self.ledger.ever

    def teardown(self) -> None:
        """At the end of every run, all is settled."""
        try:
            self.settle()
        finally:
            self.run(self.process.end())
            self.run(self.tables.close())
            self.loop.close()


async def _is_kept_out(run: Coroutine[Any, Any, None]) -> bool:
    try:
        await run
    except AnotherRun:
        return True
    return False
