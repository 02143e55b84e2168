"""A fleet that is pushed on the real clock and asked over REST at the same time."""

import asyncio
from itertools import islice

from simulator import Truth
from simulator.happenings import Kind
from simulator.live import Progress, RateClock, push_live
from simulator.messages import write
from simulator.moments import iso, now_ticks
from simulator.rest.world import World

MESSAGES = 400
MESSAGES_PER_SECOND = 2_000


class Queue:
    """Takes what is sent to it."""

    def __init__(self):
        self.bodies = []

    async def send(self, messages, progress):
        """Take the bodies."""
        self.bodies += [message.body for message in messages]
        progress.sent += len(messages)


async def test_rest_tells_what_is_pushed_and_what_is_lost(day):
    """With the very times that are pushed: all full transactions are lost here, and REST has their sessions."""
    world, queue, progress, heard = World(day.fleet.chargers, now_ticks), Queue(), Progress(), []

    def is_pushed(happening):
        world.hear(happening)
        heard.append(happening)
        return happening.kind is not Kind.FULL

    clock = RateClock(MESSAGES_PER_SECOND, now_ticks())
    await push_live(queue, islice(day.happenings, MESSAGES), clock, progress, asyncio.Event(), is_pushed)

    lost = [happening for happening in heard if happening.kind is Kind.FULL]
    assert queue.bodies == [write(happening).body for happening in heard if happening.kind is not Kind.FULL]
    assert (progress.sent, progress.kept_back) == (MESSAGES - len(lost), len(lost))
    sessions = Truth.of(map(write, lost)).sessions
    assert {(one.charger.charger_id, str(one.transaction_id)): iso(one.ended_at) for one in world.finished()} == {
        key: session.ended_at for key, session in sessions.items()
    }
    assert lost
