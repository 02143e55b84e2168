"""An app that lives over some tables, and may be killed and begin again: what all rules of the machine share."""

import asyncio
from collections.abc import Coroutine
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from shared.tables.store import Tables
from tests.order.deployment import FakeQueue
from tests.order.process import REMEMBERED_SECONDS, Clocks, Process
from tests.order.script import NOW
from tests.support.fake_emabler import FakeEmabler
from tests.support.memory_tables import MemoryTables
from tests.support.mortal_tables import Ended, Trouble

LEASE_SECONDS = 435.0
"""How long a run that died keeps the next one out: 7 minutes and 15 s (docs/polling.md, "seconds after its time")."""

troubles = st.none() | st.builds(Trouble, st.integers(1, 12), st.booleans(), st.booleans())
"""What goes wrong amid a piece of work, if anything does."""


class Life(RuleBasedStateMachine):
    """One process after the other over the same tables. Answers to taps are counted until they are written."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.Runner()
        self.clocks = Clocks(NOW)
        self.api = FakeEmabler()
        self.queue = FakeQueue()
        self.taps_kept = self.taps_waiting = self.taps_lost = 0
        self.tables: Tables = self.open_tables()
        self.process = self.new_process()

    def open_tables(self) -> Tables:
        """Empty tables; another machine has others."""
        return MemoryTables()

    def new_process(self) -> Process:
        """The app begins again; the queue is not its own."""
        return Process(self.tables, self.api, self.clocks, self.queue)

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Do something outside of the app."""
        return self.loop.run(work)

    def live(self, work: Coroutine[Any, Any, Any], trouble: Trouble | None = None) -> Ended[Any]:
        """Let the app do something; if it dies of it, a new process begins."""
        self.clocks.advance(1)
        ended: Ended[Any] = self.loop.run(self.process.tables.live(work, trouble))
        assert trouble is not None or ended.error is None, "storage fails only where the test says so"
        if ended.is_killed:
            self.process = self.new_process()
            self.taps_lost += self.taps_waiting
            self.taps_waiting = 0
        return ended

    @rule()
    def restart(self) -> None:
        """A new version is deployed: the process ends in good order."""
        self.live(self.process.end())
        self.all_taps_are_kept()
        self.process = self.new_process()

    @rule(seconds=st.sampled_from([2.0, 30.0, REMEMBERED_SECONDS, LEASE_SECONDS, 86_400.0]))
    def time_passes(self, seconds: float) -> None:
        """Nothing else."""
        self.clocks.advance(seconds)

    def all_taps_are_kept(self) -> None:
        """The answers so far have been written."""
        self.taps_kept += self.taps_waiting
        self.taps_waiting = 0
