"""Random ways for the same messages: any order and repeats, cut into any batches, by any door, with restarts."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from random import Random

from tests.order.deployment import Deployment
from tests.order.telling import respelled

Poll = Callable[[Deployment], Awaitable[None]]
Told = bytes | Poll
"""What happens: a message that is pushed, or a poll that is due."""

MOST_IN_A_BATCH = 12


@dataclass(frozen=True, slots=True)
class Door:
    """A way in, and how the webhook's queue is doing on it."""

    is_webhook: bool
    queue_takes: bool = True
    queue_answers: bool = True


SERVICE_BUS = Door(is_webhook=False)
DOORS = (
    SERVICE_BUS,
    Door(is_webhook=True),
    Door(is_webhook=True, queue_takes=False),
    Door(is_webhook=True, queue_answers=False),
)


async def tell(deployment: Deployment, told: Sequence[Told], chance: Random) -> None:
    """Let things happen in the order given, by doors and in batches of chance, some messages more than once.

    A repeat comes later, at times in another spelling. What the webhook put on the queue is worked off now and then,
    and at the end.
    """
    waiting = list(told)
    while waiting:
        due = waiting[0]
        if not isinstance(due, bytes):
            await due(deployment)
            del waiting[0]
            continue
        batch = _next_batch(waiting, chance)
        _repeat_later(waiting, batch, chance)
        await _deliver(deployment, batch, chance.choice(DOORS))
        if chance.random() < 0.3:
            await deployment.work_off_queue()
        if chance.random() < 0.2:
            deployment.restart()
    await deployment.work_off_queue()


async def _deliver(deployment: Deployment, batch: list[bytes], door: Door) -> None:
    if not door.is_webhook:
        await deployment.service_bus(batch)
        return
    deployment.queue.takes, deployment.queue.answers = door.queue_takes, door.queue_answers
    for body in batch:
        assert await deployment.webhook(body), "nothing failed, and the webhook did not keep an event"


def _next_batch(waiting: list[Told], chance: Random) -> list[bytes]:
    """Take messages off, up to the next poll."""
    batch: list[bytes] = []
    for _ in range(chance.randint(1, MOST_IN_A_BATCH)):
        if not waiting or callable(waiting[0]):
            break
        body = waiting.pop(0)
        assert isinstance(body, bytes)
        batch.append(body)
    return batch


def _repeat_later(waiting: list[Told], batch: list[bytes], chance: Random) -> None:
    for body in batch:
        if chance.random() < 0.15:
            again = respelled(body) if chance.random() < 0.5 else body
            waiting.insert(chance.randint(0, len(waiting)), again)
