"""What Service Bus does, asked with the real synchronous SDK.

Runs against the stand-in, and against a real namespace where SERVICEBUS_CONFORMANCE_CONNECTION is set (see
conftest.py): whatever passes on both is what the application may rely on. Links are shared by all tests of the module,
because the SDK takes a second to open and close one; each test begins with empty queues.
"""

import contextlib
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from azure.servicebus import (
    AutoLockRenewer,
    ServiceBusClient,
    ServiceBusMessage,
    ServiceBusMessageState,
    ServiceBusReceivedMessage,
    ServiceBusReceiveMode,
    ServiceBusReceiver,
    ServiceBusSender,
    ServiceBusSubQueue,
)
from azure.servicebus.exceptions import (
    MessageAlreadySettled,
    MessageLockLostError,
    MessageNotFoundError,
    MessageSizeExceededError,
    MessagingEntityNotFoundError,
    ServiceBusAuthenticationError,
)

from local.servicebus.counting import count_by_peeking

WAIT_SECONDS = 10
"""How long to wait for what must come; nothing waits so long where it does come."""

QUIET_SECONDS = 0.3
"""How long to wait for what must not come."""


@pytest.fixture(scope="module")
def sender(client) -> Iterator[ServiceBusSender]:
    """Sends to the plain queue."""
    with client.get_queue_sender("conformance") as sender:
        yield sender


@pytest.fixture(scope="module")
def plain_receiver(client) -> Iterator[ServiceBusReceiver]:
    """Receives from the plain queue."""
    with client.get_queue_receiver("conformance") as receiver:
        yield receiver


@pytest.fixture(scope="module")
def plain_dead_letters(client) -> Iterator[ServiceBusReceiver]:
    """Receives the plain queue's dead letters."""
    with client.get_queue_receiver("conformance", sub_queue=ServiceBusSubQueue.DEAD_LETTER) as receiver:
        yield receiver


@pytest.fixture(scope="module")
def short_lock_sender(client) -> Iterator[ServiceBusSender]:
    """Sends to the queue with the short lock."""
    with client.get_queue_sender("conformance-short-lock") as sender:
        yield sender


@pytest.fixture(scope="module")
def short_lock_links(client) -> Iterator[ServiceBusReceiver]:
    """Receives from the queue with the short lock."""
    with client.get_queue_receiver("conformance-short-lock") as receiver:
        yield receiver


@pytest.fixture
def receiver(plain_receiver) -> ServiceBusReceiver:
    """The plain queue's receiver, with the queue empty."""
    return emptied(plain_receiver)


@pytest.fixture
def dead_letters(plain_dead_letters) -> ServiceBusReceiver:
    """The dead letters' receiver, with no dead letter there."""
    return emptied(plain_dead_letters)


@pytest.fixture
def short_lock_receiver(short_lock_links) -> ServiceBusReceiver:
    """The short-lock queue's receiver, with the queue empty."""
    return emptied(short_lock_links)


def emptied(receiver: ServiceBusReceiver) -> ServiceBusReceiver:
    """Complete whatever another test left behind."""
    while left := receiver.peek_messages(100, sequence_number=1):
        deferred = [one.sequence_number for one in left if one.state is ServiceBusMessageState.DEFERRED]
        found = receiver.receive_deferred_messages(deferred) if deferred else receiver.receive_messages(len(left), 1)
        for message in found:
            receiver.complete_message(message)
    return receiver


def receive_one(receiver: ServiceBusReceiver) -> ServiceBusReceivedMessage:
    """Receive exactly one message."""
    (message,) = receiver.receive_messages(1, WAIT_SECONDS)
    return message


def receive_count(receiver: ServiceBusReceiver, count: int) -> list[ServiceBusReceivedMessage]:
    """Receive so many messages, however they are spread over calls."""
    messages: list[ServiceBusReceivedMessage] = []
    while len(messages) < count:
        some = receiver.receive_messages(count - len(messages), WAIT_SECONDS)
        assert some, f"{len(messages)} of {count} messages came"
        messages += some
    return messages


def bodies(messages) -> list[str]:
    """Return the messages' bodies as text."""
    return [str(message) for message in messages]


def test_a_message_arrives_as_it_was_sent(sender, receiver):
    """Body, properties and application properties of every type survive the way."""
    moment = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    identifier = uuid.uuid4()
    sender.send_messages(
        ServiceBusMessage(
            bytes(range(256)) * 10,
            message_id="id-1",
            subject="start",
            content_type="application/json",
            correlation_id="correlation",
            reply_to="reply-queue",
            to="somebody",
            application_properties={
                "text": "\N{EURO SIGN}",
                "bytes": b"abc",  # the SDK sends only those that are UTF-8, and sends them as text
                "int": 5,
                "largest": 2**31 - 1,  # the SDK sends no larger number
                "float": 1.5,
                "flag": True,
                "moment": moment,
                "uuid": identifier,
            },
        )
    )
    message = receive_one(receiver)
    assert b"".join(message.body) == bytes(range(256)) * 10
    assert (message.message_id, message.subject, message.content_type) == ("id-1", "start", "application/json")
    assert (message.correlation_id, message.reply_to, message.to) == ("correlation", "reply-queue", "somebody")
    assert message.application_properties == {
        b"text": "\N{EURO SIGN}".encode(),
        b"bytes": b"abc",  # the SDK sends only those that are UTF-8, and sends them as text
        b"int": 5,
        b"largest": 2**31 - 1,  # the SDK sends no larger number
        b"float": 1.5,
        b"flag": True,
        b"moment": int(moment.timestamp() * 1000),
        b"uuid": identifier,
    }
    assert abs(message.enqueued_time_utc - datetime.now(UTC)) < timedelta(seconds=30)
    assert message.delivery_count == 0
    receiver.complete_message(message)
    assert receiver.peek_messages(1, sequence_number=1) == []


def test_a_batch_arrives_in_order(sender, receiver):
    """The messages of a batch are single messages to the receiver, in their order."""
    batch = sender.create_message_batch()
    for number in range(100):
        batch.add_message(ServiceBusMessage(f"{number}", message_id=f"id-{number}"))
    sender.send_messages(batch)
    messages = receive_count(receiver, 100)
    assert bodies(messages) == [f"{number}" for number in range(100)]
    numbers = [message.sequence_number for message in messages]
    assert numbers == sorted(set(numbers))
    for message in messages:
        receiver.complete_message(message)


def test_a_batch_of_one_and_a_full_batch_arrive(sender, receiver):
    """The smallest and the largest batch the SDK builds are taken."""
    batch = sender.create_message_batch()
    batch.add_message(ServiceBusMessage("alone"))
    sender.send_messages(batch)
    full = sender.create_message_batch()
    count = 0
    while full.size_in_bytes < full.max_size_in_bytes - 11_000:
        full.add_message(ServiceBusMessage(b"x" * 10_000))
        count += 1
    sender.send_messages(full)
    messages = receive_count(receiver, count + 1)
    assert str(messages[0]) == "alone"
    assert {len(str(message)) for message in messages[1:]} == {10_000}
    for message in messages:
        receiver.complete_message(message)


def test_an_abandoned_message_comes_back_until_the_maximum(sender, receiver, dead_letters):
    """The count goes up with each delivery; the third failure, the queue's maximum, makes a dead letter."""
    sender.send_messages(ServiceBusMessage("stubborn", application_properties={"site": "7"}))
    for expected_count in range(3):
        message = receive_one(receiver)
        assert message.delivery_count == expected_count
        receiver.abandon_message(message)
    letter = receive_one(dead_letters)
    assert str(letter) == "stubborn"
    assert letter.dead_letter_reason == "MaxDeliveryCountExceeded"
    assert letter.application_properties[b"site"] == b"7"
    dead_letters.complete_message(letter)
    assert receiver.peek_messages(1, sequence_number=1) == []


def test_a_dead_letter_tells_reason_description_and_source(sender, receiver, dead_letters):
    """What the consumer said when it dead-lettered the message can be read from the dead-letter queue."""
    sender.send_messages(ServiceBusMessage("broken", message_id="id-1"))
    receiver.dead_letter_message(receive_one(receiver), reason="NoJson", error_description="It is no JSON.")
    letter = receive_one(dead_letters)
    assert (letter.message_id, letter.dead_letter_reason) == ("id-1", "NoJson")
    assert letter.dead_letter_error_description == "It is no JSON."
    assert letter.dead_letter_source == "conformance"
    dead_letters.complete_message(letter)


def test_a_message_can_be_settled_once(sender, receiver):
    """The SDK refuses a second settlement itself."""
    sender.send_messages(ServiceBusMessage("once"))
    message = receive_one(receiver)
    receiver.complete_message(message)
    with pytest.raises(MessageAlreadySettled):
        receiver.abandon_message(message)


def test_peeking_locks_nothing(sender, receiver):
    """Peeked messages can still be received; paging by sequence number reaches all of them."""
    sender.send_messages([ServiceBusMessage(f"{number}") for number in range(5)])
    first = receiver.peek_messages(3, sequence_number=1)
    rest = receiver.peek_messages(10, sequence_number=first[-1].sequence_number + 1)
    assert bodies(first + rest) == ["0", "1", "2", "3", "4"]
    assert count_by_peeking(receiver) == 5
    for message in receive_count(receiver, 5):
        receiver.complete_message(message)


def test_a_deferred_message_is_fetched_by_its_number(sender, receiver):
    """A deferred message is seen when peeking, received by nobody, and completed by who knows its number."""
    sender.send_messages(ServiceBusMessage("later"))
    message = receive_one(receiver)
    receiver.defer_message(message)
    assert receiver.receive_messages(1, QUIET_SECONDS) == []
    (peeked,) = receiver.peek_messages(1, sequence_number=1)
    assert peeked.state is ServiceBusMessageState.DEFERRED
    (fetched,) = receiver.receive_deferred_messages([message.sequence_number])
    assert str(fetched) == "later"
    receiver.complete_message(fetched)
    with pytest.raises(MessageNotFoundError):
        receiver.receive_deferred_messages([message.sequence_number])


def test_scheduled_messages_wait_and_can_be_cancelled(sender, receiver):
    """Of two scheduled messages the cancelled one never comes, the other at its time and not before."""
    at = datetime.now(UTC) + timedelta(seconds=1.5)
    numbers = sender.schedule_messages([ServiceBusMessage("cancelled"), ServiceBusMessage("kept")], at)
    peeked = receiver.peek_messages(10, sequence_number=1)
    assert {message.state for message in peeked} == {ServiceBusMessageState.SCHEDULED}
    sender.cancel_scheduled_messages(numbers[0])
    with pytest.raises(MessageNotFoundError):
        sender.cancel_scheduled_messages(numbers[0])
    message = receive_one(receiver)
    assert str(message) == "kept"
    assert datetime.now(UTC) >= at
    receiver.complete_message(message)


def test_an_expired_message_becomes_a_dead_letter(sender, receiver, dead_letters):
    """A message nobody receives in its time to live ends with the broker's own reason."""
    del receiver
    sender.send_messages(ServiceBusMessage("stale", time_to_live=timedelta(seconds=1)))
    letter = receive_one(dead_letters)
    assert (str(letter), letter.dead_letter_reason) == ("stale", "TTLExpiredException")
    dead_letters.complete_message(letter)


def test_receive_and_delete_settles_on_the_way(client, sender, receiver):
    """A message received so is gone from the queue."""
    sender.send_messages([ServiceBusMessage(f"{number}") for number in range(3)])
    with client.get_queue_receiver("conformance", receive_mode=ServiceBusReceiveMode.RECEIVE_AND_DELETE) as deleting:
        assert sorted(bodies(receive_count(deleting, 3))) == ["0", "1", "2"]
    assert receiver.peek_messages(1, sequence_number=1) == []


def test_closing_a_receiver_gives_back_what_it_has_not_handed_out(client, sender, receiver):
    """Prefetched messages come to the next receiver at once, without a failed delivery counted."""
    sender.send_messages([ServiceBusMessage(f"{number}") for number in range(10)])
    with client.get_queue_receiver("conformance", prefetch_count=10) as prefetching:
        prefetching.complete_message(receive_one(prefetching))
    messages = receive_count(receiver, 9)
    assert {message.delivery_count for message in messages} == {0}
    for message in messages:
        receiver.complete_message(message)


def test_a_lost_lock_is_told_and_the_message_comes_again(short_lock_sender, short_lock_receiver):
    """After the lock's end the delivery counts as failed, and the old lock can neither be renewed nor complete."""
    short_lock_sender.send_messages(ServiceBusMessage("slow"))
    late = receive_one(short_lock_receiver)
    again = receive_one(short_lock_receiver)
    assert (str(again), again.delivery_count) == ("slow", 1)
    with pytest.raises(MessageLockLostError):
        short_lock_receiver.renew_message_lock(late)
    # The SDK looks at its own clock first; asking past it shows that the service says the same.
    late._raw_amqp_message.annotations[b"x-opt-locked-until"] += 3_600_000
    with pytest.raises(MessageLockLostError):
        short_lock_receiver.complete_message(late)
    short_lock_receiver.complete_message(again)


def test_a_renewed_lock_holds(short_lock_sender, short_lock_receiver):
    """A lock that is renewed in time outlives its first end."""
    short_lock_sender.send_messages(ServiceBusMessage("long work"))
    message = receive_one(short_lock_receiver)
    first_end = message.locked_until_utc
    renewer = AutoLockRenewer()
    try:
        renewer.register(short_lock_receiver, message, max_lock_renewal_duration=30)
        while datetime.now(UTC) < first_end + timedelta(seconds=QUIET_SECONDS):
            time.sleep(0.05)
        assert message.locked_until_utc > first_end
        assert message.auto_renew_error is None
        short_lock_receiver.complete_message(message)
    finally:
        renewer.close()
    assert short_lock_receiver.peek_messages(1, sequence_number=1) == []


def test_duplicates_are_accepted_and_dropped(client):
    """The sender of a repeated message id sees no difference; the receiver gets the first only."""
    name = "conformance-duplicates"
    with client.get_queue_sender(name) as sender, client.get_queue_receiver(name) as receiver:
        emptied(receiver)
        unique = str(uuid.uuid4())
        sender.send_messages(ServiceBusMessage("first", message_id=unique))
        sender.send_messages([ServiceBusMessage("second", message_id=unique), ServiceBusMessage("other")])
        messages = receive_count(receiver, 2)
        assert bodies(messages) == ["first", "other"]
        for message in messages:
            receiver.complete_message(message)
        sender.send_messages(ServiceBusMessage("third", message_id=unique))
        assert receiver.peek_messages(1, sequence_number=1) == []


def test_subscriptions_get_what_their_filters_take(client):
    """One subscription gets every message, the other those with its subject and application property."""
    topic = "conformance-topic"
    with (
        client.get_topic_sender(topic) as sender,
        client.get_subscription_receiver(topic, "everything") as everything,
        client.get_subscription_receiver(topic, "starts") as starts,
    ):
        emptied(everything)
        emptied(starts)
        for subject, site in (("start", "7"), ("stop", "7"), ("start", "8")):
            sender.send_messages(
                ServiceBusMessage(f"{subject}-{site}", subject=subject, application_properties={"site": site})
            )
        taken = receive_count(starts, 1)
        assert bodies(taken) == ["start-7"]
        starts.complete_message(taken[0])
        copies = receive_count(everything, 3)
        assert bodies(copies) == ["start-7", "stop-7", "start-8"]
        for message in copies:
            everything.complete_message(message)
        assert starts.peek_messages(1, sequence_number=1) == []


def test_a_message_over_the_limit_is_refused(sender, receiver):
    """The Standard tier's limit holds for a single message; nothing of it is stored."""
    with pytest.raises(MessageSizeExceededError):
        sender.send_messages(ServiceBusMessage(b"x" * 300_000))
    assert receiver.peek_messages(1, sequence_number=1) == []


def test_an_unknown_entity_is_told(client):
    """Opening a link to what does not exist raises the SDK's own error."""
    with (
        contextlib.closing(client.get_queue_sender("conformance-absent")) as sender,
        pytest.raises(MessagingEntityNotFoundError),
    ):
        sender.send_messages(ServiceBusMessage("nowhere"))


def test_a_wrong_key_is_refused(connection_string):
    """A signature with another key opens nothing."""
    fields = dict(field.split("=", 1) for field in connection_string.strip(";").split(";"))
    fields["SharedAccessKey"] = "d3Jvbmc="
    wrong = ";".join(f"{name}={value}" for name, value in fields.items())
    with (
        ServiceBusClient.from_connection_string(wrong, retry_total=0) as client,
        contextlib.closing(client.get_queue_sender("conformance")) as sender,
        pytest.raises(ServiceBusAuthenticationError),
    ):
        sender.send_messages(ServiceBusMessage("secret"))
