"""What is sent: a fleet's messages over three partitions, repeated, out of order, with poison and deletions among them.

The key is the charger, so what one charger tells is in one partition; of the repeats every other one is in any other,
as after a change of the number of partitions.
"""

import json
import random
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from local.demo.deliveries import Plan, canonical
from simulator import Fleet, Message, oddities
from simulator.messages import Oddity
from tests.crash.stored_rows import plan_of
from tests.kafka.rig import Sent
from tests.support.kafka import PARTITIONS

CHARGERS = 40


@dataclass(frozen=True, slots=True)
class Stream:
    """Messages in the order of their sending, and what must be true after them."""

    seed: int
    plan: Plan
    poison: Mapping[bytes, str]
    """Of each body that tells no event: the reason that quarantine gives (docs/decisions/0004)."""
    parts: Sequence[Sequence[Sent]]
    """Two halves that are not in the topic at the same time.

    Nobody knows the places of a batch that has messages without a value (docs/kafka.md), so these are in the first, and
    poison, of which quarantine has to tell the place, in the second.
    """

    @property
    def bodies(self) -> list[bytes]:
        """What a worker is handed."""
        return [message.body or b"" for part in self.parts for message in part]


def stream_of(
    seed: int, messages: int, *, poison_of_a_kind: int = 0, deletions: int = 0, chargers: int = CHARGERS
) -> Stream:
    """A stream of so many of a fleet's messages, a tenth of them twice, the same for the same arguments.

    `deletions` are messages without a value, which the host hands over as empty ones.
    """
    chance = random.Random(f"stream {seed}")
    plan = plan_of([*Fleet(seed=seed, chargers=chargers).take(messages), *_of_unknown_type(seed)], seed)
    events = list(spread(plan.deliveries, chance))
    first, second = events[: len(events) // 2], events[len(events) // 2 :]
    poison = poison_bodies(poison_of_a_kind)
    twice = chance.sample(list(poison), poison_of_a_kind)
    _mix_in(first, [Sent(None, chance.randrange(PARTITIONS), f"SIM-{number}") for number in range(deletions)], chance)
    _mix_in(second, [Sent(body, chance.randrange(PARTITIONS)) for body in (*poison, *twice)], chance)
    return Stream(seed, plan, poison, (first, second))


def poison_bodies(of_a_kind: int) -> dict[bytes, str]:
    """Distinct bodies that tell no event, with their reasons."""
    numbers = range(1, of_a_kind + 1)
    return {
        **{b'{"chargerId": "SIM-%05d' % number: "not-json" for number in numbers},
        **{b"[" + b" " * number + b"]": "empty-array" for number in numbers},
        **{b"%d" % number: "not-an-object" for number in numbers},
        **{json.dumps([number] * 1001).encode(): "too-many-events" for number in numbers},
    }


def spread(bodies: Iterable[bytes], chance: random.Random) -> Iterator[Sent]:
    """Each body with its charger as the key, in that key's partition; of the repeats only every other one."""
    seen: set[str] = set()
    for body in bodies:
        content = canonical(body)
        key = _charger_of(content)
        strays = key is None or (content in seen and chance.random() < 0.5)
        yield Sent(body, chance.randrange(PARTITIONS) if strays else zlib.crc32(key.encode()) % PARTITIONS, key)
        seen.add(content)


def _charger_of(content: str) -> str | None:
    """An array may be of several chargers."""
    message = json.loads(content)
    return str(message["chargerId"]) if isinstance(message, dict) else None


def _of_unknown_type(seed: int) -> list[Message]:
    return [message for message in oddities(seed, count=3) if message.meaning is Oddity.UNKNOWN_TYPE]


def _mix_in(messages: list[Sent], others: Iterable[Sent], chance: random.Random) -> None:
    for other in others:
        messages.insert(chance.randrange(len(messages) + 1), other)
