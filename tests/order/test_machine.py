"""Any order of pushes, polls, crashes, outages, imports, taps and retention keeps the promises.

`make test` tells a few dozen short stories; ORDER_STORIES=100 and ORDER_STEPS=50 tell more and longer ones, and
ORDER_STORIES_ON_AZURITE=... more on Azurite. A failure prints its story, step by step, and its seed; ORDER_SEED=...
tells others.
"""

import os

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from shared.tables.store import Tables
from tests.order.machine import OperatorMachine

SEED = int(os.environ.get("ORDER_SEED", "1"))
STORIES = int(os.environ.get("ORDER_STORIES", "40"))
STEPS = int(os.environ.get("ORDER_STEPS", "30"))
STORIES_ON_AZURITE = int(os.environ.get("ORDER_STORIES_ON_AZURITE", "2"))
SHARES = 5
"""Into how many tests the stories are divided."""

pytestmark = pytest.mark.timeout(900)
"""A story that fails is told again and again until it is short."""


def _tell(machine: type[OperatorMachine], stories: int, share: int, steps: int = STEPS) -> None:
    """Let hypothesis tell so many stories."""
    told = settings(
        max_examples=max(1, stories),
        stateful_step_count=steps,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=(Phase.generate, Phase.shrink),
    )
    seed(SEED * 1000 + share)(machine)
    try:
        run_state_machine_as_test(machine, settings=told)
    except BaseException as error:
        error.add_note(f"ORDER_SEED={SEED} ORDER_STORIES={STORIES} ORDER_STEPS={STEPS}, share {share}")
        raise


@pytest.mark.parametrize("share", range(SHARES))
def test_every_story_keeps_the_promises(share):
    """In memory."""

    class MachineInMemory(OperatorMachine):
        """One of this share's own, because it keeps its seed."""

    _tell(MachineInMemory, STORIES // SHARES, share)


def test_stories_keep_the_promises_on_azurite(opened_on_azurite):
    """A few, and shorter ones."""

    class MachineOnAzurite(OperatorMachine):
        """The same over Azurite's tables."""

        def open_tables(self) -> Tables:
            """Empty ones, which are closed at the end of the story."""
            opened: Tables = self.run(opened_on_azurite())
            return opened

    _tell(MachineOnAzurite, STORIES_ON_AZURITE, SHARES, STEPS // 2)
