"""What Service Bus does, asked with the real asynchronous SDK, in the way the application and its host use it.

Runs against a real namespace as well; see conftest.py. The asynchronous SDK shares the message format and most of the
protocol with the synchronous one, so only what has code of its own there is asked again.
"""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from azure.servicebus import ServiceBusMessage, ServiceBusSubQueue
from azure.servicebus.aio import ServiceBusClient, ServiceBusReceiver, ServiceBusSender

WAIT_SECONDS = 10

# One loop for the module, because its links live longer than one test.
pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def aio_client(connection_string) -> AsyncIterator[ServiceBusClient]:
    """An asynchronous client."""
    async with ServiceBusClient.from_connection_string(connection_string, retry_backoff_factor=0.1) as client:
        yield client


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def sender(aio_client) -> AsyncIterator[ServiceBusSender]:
    """Sends to the plain queue."""
    async with aio_client.get_queue_sender("conformance") as sender:
        yield sender


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def plain_receiver(aio_client) -> AsyncIterator[ServiceBusReceiver]:
    """Receives from the plain queue."""
    async with aio_client.get_queue_receiver("conformance") as receiver:
        yield receiver


@pytest_asyncio.fixture(loop_scope="module")
async def receiver(plain_receiver) -> ServiceBusReceiver:
    """The plain queue's receiver, with the queue empty."""
    while left := await plain_receiver.peek_messages(100, sequence_number=1):
        for message in await plain_receiver.receive_messages(len(left), 1):
            await plain_receiver.complete_message(message)
    return plain_receiver


async def send_batches(sender: ServiceBusSender, count: int) -> None:
    """Send numbered messages in as few batches as they fit in."""
    batch = await sender.create_message_batch()
    for number in range(count):
        message = ServiceBusMessage(f"{number}")
        try:
            batch.add_message(message)
        except ValueError:
            await sender.send_messages(batch)
            batch = await sender.create_message_batch()
            batch.add_message(message)
    await sender.send_messages(batch)


async def test_batches_of_64_received_and_completed_one_after_the_other(sender, receiver):
    """The host's way of working empties a long queue in order, without losing or repeating a message."""
    await send_batches(sender, 2000)
    received = []
    while len(received) < 2000:
        messages = await receiver.receive_messages(max_message_count=64, max_wait_time=WAIT_SECONDS)
        assert 0 < len(messages) <= 64
        for message in messages:
            await receiver.complete_message(message)
        received += [str(message) for message in messages]
    assert received == [f"{number}" for number in range(2000)]
    assert await receiver.peek_messages(1, sequence_number=1) == []


async def test_an_abandoned_batch_comes_again_in_order(sender, receiver):
    """What the host does after a failed invocation: everything comes back, counted once."""
    await send_batches(sender, 20)
    for message in await receiver.receive_messages(20, WAIT_SECONDS):
        await receiver.abandon_message(message)
    messages = await receiver.receive_messages(20, WAIT_SECONDS)
    assert [(str(message), message.delivery_count) for message in messages] == [
        (f"{number}", 1) for number in range(20)
    ]
    for message in messages:
        await receiver.complete_message(message)


async def test_settlements_of_every_kind(aio_client, sender, receiver):
    """Deferring, fetching, renewing and dead-lettering work over the asynchronous links too."""
    await send_batches(sender, 2)
    deferred, broken = await receiver.receive_messages(2, WAIT_SECONDS)
    await receiver.defer_message(deferred)
    (fetched,) = await receiver.receive_deferred_messages([deferred.sequence_number])
    assert await receiver.renew_message_lock(fetched) is not None
    await receiver.complete_message(fetched)
    await receiver.dead_letter_message(broken, reason="NoJson", error_description="It is no JSON.")
    async with aio_client.get_queue_receiver("conformance", sub_queue=ServiceBusSubQueue.DEAD_LETTER) as dead_letters:
        (letter,) = await dead_letters.receive_messages(1, WAIT_SECONDS)
        assert (letter.dead_letter_reason, str(letter)) == ("NoJson", "1")
        await dead_letters.complete_message(letter)


async def test_two_receivers_share_the_work(aio_client):
    """Competing consumers get different messages, together all of them."""
    async with (
        aio_client.get_queue_receiver("conformance-duplicates") as one,
        aio_client.get_queue_receiver("conformance-duplicates") as other,
        aio_client.get_queue_sender("conformance-duplicates") as sender,
    ):
        await send_batches(sender, 20)
        first = await one.receive_messages(10, WAIT_SECONDS)
        second = await other.receive_messages(10, WAIT_SECONDS)
        assert sorted(int(str(message)) for message in first + second) == list(range(20))
        for owner, messages in ((one, first), (other, second)):
            for message in messages:
                await owner.complete_message(message)
