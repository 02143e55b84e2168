"""Pushing to a queue, with the real SDK against the Service Bus stand-in."""

import asyncio
import signal
import subprocess
import sys
import uuid
from functools import partial
from pathlib import Path

import pytest
import pytest_asyncio
from azure.servicebus import ServiceBusReceiveMode
from azure.servicebus.aio import ServiceBusClient

from local.servicebus import Broker, read_topology
from simulator import Fleet
from simulator.live import PersistentSender, Progress, RateClock, push_live
from simulator.moments import iso, now_ticks
from simulator.push import LiveQueue, QueueSender, push_to_service_bus

QUEUE = "push-events"
REPOSITORY = Path(__file__).parents[2]
PUSH = [sys.executable, "-m", "simulator", "push", "--connection-string"]
TOPOLOGY_FILE = REPOSITORY / "local" / "servicebus-topology.json"

# One loop for the module, because the receiver lives longer than one test.
pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture(scope="module")
def connection_string():
    """The connection string of a broker for these tests."""
    with Broker(read_topology(TOPOLOGY_FILE)) as broker:
        yield broker.connection_string


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def receiver(connection_string):
    """Takes messages off the queue."""
    async with (
        ServiceBusClient.from_connection_string(connection_string) as client,
        client.get_queue_receiver(QUEUE, receive_mode=ServiceBusReceiveMode.RECEIVE_AND_DELETE) as receiver,
    ):
        yield receiver


@pytest.fixture
def take(receiver):
    """Takes so many messages from the queue, which then is empty."""

    async def take(count):
        messages = []
        while len(messages) < count:
            messages += await receiver.receive_messages(max_message_count=count - len(messages), max_wait_time=5)
        assert await receiver.peek_messages(sequence_number=1) == []
        return messages

    return take


async def test_bodies_arrive_in_order_with_ids_of_their_own(connection_string, take):
    """In more than one batch, each delivery with another message id."""
    bodies = [message.body for message in Fleet(chargers=30).take(500)]
    told = []

    sent = await push_to_service_bus(connection_string, QUEUE, [*bodies, bodies[0]], on_sent=told.append)

    messages = await take(501)
    assert [b"".join(message.body) for message in messages] == [*bodies, bodies[0]]
    assert len({uuid.UUID(message.message_id) for message in messages}) == 501
    assert sent == told[-1] == 501


async def test_a_batch_that_is_too_large_is_sent_in_parts(connection_string, take):
    """Bodies of more than a batch may hold together."""
    bodies = [bytes([65 + number]) * 200_000 for number in range(12)]

    await push_to_service_bus(connection_string, QUEUE, bodies)

    assert [b"".join(message.body) for message in await take(12)] == bodies


async def test_a_rate_is_kept(connection_string, take):
    """Half a second's messages take half a second."""
    begin = asyncio.get_running_loop().time()

    await push_to_service_bus(connection_string, QUEUE, [b"{}"] * 50, messages_per_second=100)

    assert asyncio.get_running_loop().time() - begin >= 0.4
    assert len(await take(50)) == 50


async def test_a_send_that_is_never_answered_ends_at_its_deadline(connection_string, monkeypatch):
    """The SDK can wait for ever; we do not."""

    async def never(*_):
        await asyncio.Event().wait()

    async with QueueSender(connection_string, QUEUE, deadline_seconds=2) as sender:
        await sender.send([])
        monkeypatch.setattr(sender, "_deadline_seconds", 0.01)
        monkeypatch.setattr(sender._sender, "send_messages", never)

        with pytest.raises(TimeoutError):
            await sender.send([b"{}"])
        monkeypatch.setattr(sender, "_deadline_seconds", 5)


async def test_a_live_push_goes_on_after_trouble(connection_string, take, monkeypatch):
    """The bodies that could not be sent are sent again over a new connection."""
    attempts = []
    send = QueueSender.send

    async def fail_first(self, bodies):
        attempts.append(self)
        if len(attempts) == 1:
            raise TimeoutError
        await send(self, bodies)

    monkeypatch.setattr(QueueSender, "send", fail_first)
    monkeypatch.setattr("simulator.live._SECONDS_BEFORE_ANOTHER_TRY", 0)
    happenings = [message.meaning for message in Fleet(chargers=10).take(150)]
    stopping = asyncio.Event()
    sender, progress = PersistentSender(partial(LiveQueue, connection_string, QUEUE), stopping), Progress()

    await push_live(sender, happenings, RateClock(100_000, now_ticks()), progress, stopping)
    await sender.close()

    assert len(await take(150)) == 150
    assert (progress.sent, progress.trouble) == (150, "")
    assert attempts[0] is not attempts[1]


@pytest.mark.parametrize("pace", [("--rate", "1000"), ("--speed", "20000")])
async def test_the_command_pushes_messages_of_now(connection_string, take, pace):
    """`push` sends as many as it is told to, with times of today, and says how many."""
    days = {iso(now_ticks())[:10]}

    command = [*PUSH, connection_string, "--count", "40", "--chargers", "20", *pace]
    completed = await asyncio.to_thread(subprocess.run, command, cwd=REPOSITORY, capture_output=True, check=True)

    bodies = [b"".join(message.body).decode() for message in await take(40)]
    days.add(iso(now_ticks())[:10])
    assert (completed.stdout, completed.stderr) == (b"40 messages sent.\n", b"")
    assert len(bodies) == 40
    assert all(any(day in body for day in days) for body in bodies)


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
async def test_the_command_runs_until_it_is_stopped(connection_string, receiver, ending):
    """Ctrl-C, and the stack's way of stopping its services, end it with its last line."""
    command = [*PUSH, connection_string, "--rate", "50"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with await asyncio.to_thread(subprocess.Popen, command, cwd=REPOSITORY, **pipes) as process:
        await receiver.receive_messages(max_message_count=1, max_wait_time=20)
        process.send_signal(ending)
        try:
            output, errors = await asyncio.to_thread(process.communicate, timeout=20)
        finally:
            process.kill()
    while await receiver.receive_messages(max_message_count=100, max_wait_time=0.1):
        pass

    assert (process.returncode, errors) == (0, b"")
    assert output.endswith(b" messages sent.\n")


async def test_a_live_push_without_a_queue_can_be_stopped(connection_string, monkeypatch):
    """It tries again for ever only until it is told to stop."""
    stopping = asyncio.Event()

    async def fail(*_):
        stopping.set()
        raise TimeoutError

    monkeypatch.setattr(QueueSender, "send", fail)
    happenings = [message.meaning for message in Fleet(chargers=10).take(3)]
    sender, progress = PersistentSender(partial(LiveQueue, connection_string, QUEUE), stopping), Progress()

    await push_live(sender, happenings, RateClock(1, now_ticks()), progress, stopping)

    assert (progress.sent, progress.trouble) == (0, "TimeoutError")
