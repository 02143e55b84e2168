"""What becomes of pushes on their way to the operator: some are lost, some late, some come again."""

import random
from collections.abc import Iterable
from dataclasses import dataclass, field

from simulator.chance import happens
from simulator.happenings import Happening
from simulator.messages import Message
from simulator.moments import ticks

_MOST_DELAY_SECONDS = 2.0
"""Of a push that nothing happens to."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """A body as it reaches the operator, and when (ticks)."""

    at: int
    body: bytes


@dataclass(slots=True)
class Losses:
    """What reaches the operator, in order of time, and what does not."""

    arrivals: list[Arrival] = field(default_factory=list)
    lost: list[Message] = field(default_factory=list)


def lose(
    messages: Iterable[Message],
    seed: int,
    *,
    share: float = 0.01,
    late: float = 0.05,
    late_seconds: float = 6 * 3600,
    repeats: float = 0.05,
) -> Losses:
    """Lose that share of the messages, delay some by up to `late_seconds`, repeat some; the same for the same seed."""
    rng = random.Random(f"lose {seed}")
    losses = Losses()
    for message in messages:
        if happens(rng, share):
            losses.lost.append(message)
            continue
        sent_at = message.meaning.received_at if isinstance(message.meaning, Happening) else 0
        delay_seconds = rng.uniform(0, late_seconds if happens(rng, late) else _MOST_DELAY_SECONDS)
        losses.arrivals.append(Arrival(sent_at + ticks(delay_seconds), message.body))
        if happens(rng, repeats):
            losses.arrivals.append(Arrival(sent_at + ticks(rng.uniform(0, late_seconds)), message.body))
    losses.arrivals.sort(key=lambda arrival: arrival.at)
    return losses
