"""What one run may spend on eMabler's API: time, and calls."""

from dataclasses import dataclass

from shared.deadlines import Deadline
from shared.emabler.rest.errors import CallBudgetSpent, RunDeadlineReached


class CallBudget:
    """The calls one run may make, retries included. eMabler publishes no rate limit, so we keep one of our own."""

    def __init__(self, calls: int) -> None:
        self._allowed = calls
        self.spent = 0
        """Calls made so far."""

    @property
    def left(self) -> int:
        """Calls that may still be made."""
        return self._allowed - self.spent

    def spend(self) -> None:
        """Count one call that is about to be made. Raises CallBudgetSpent where none is left."""
        if self.left <= 0:
            raise CallBudgetSpent(
                f"the run has made its {self._allowed} calls to eMabler; the next run goes on, or raise its budget"
            )
        self.spent += 1


@dataclass(frozen=True, slots=True)
class RunLimits:
    """Handed to every call of a run: when it has to end, and how many calls are left."""

    deadline: Deadline
    budget: CallBudget

    def spend_call(self) -> None:
        """To be asked before every call. Raises RunDeadlineReached or CallBudgetSpent instead of allowing it."""
        if not self.deadline.remaining_seconds:
            raise RunDeadlineReached("the run's time is over before eMabler was asked everything; the next run goes on")
        self.budget.spend()
