"""One budget of time for a whole piece of work, handed down instead of a time-out per call."""

import time
from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True, slots=True)
class Deadline:
    """A moment on the monotonic clock by which the work has to be done or given up."""

    at_seconds: float

    @classmethod
    def after(cls, seconds: float) -> Self:
        """The deadline that many seconds from now."""
        return cls(time.monotonic() + seconds)

    @property
    def remaining_seconds(self) -> float:
        """How much time is left; never negative."""
        return max(0.0, self.at_seconds - time.monotonic())
