"""Dead letters, as an operator looks at them and sends them again: with the real SDK against the stand-in."""

import asyncio
from contextlib import asynccontextmanager

import pytest
from azure.servicebus import ServiceBusMessage
from azure.servicebus.aio import ServiceBusClient
from azure.servicebus.amqp import AmqpAnnotatedMessage

from local.servicebus import Broker
from local.servicebus.engine.settings import QueueSettings, Topology
from local.stack.ports import free_port
from ops.dead_letter_queue import DeadLetter, copied_message_id
from shared.ingest.ingest import Ingest
from shared.ingest.rows import Delivery
from tests.support.memory_tables import MemoryTables
from tests.support.messages import RECEIVED_AT, body, documented, within

QUEUE = "push-events"
TOPOLOGY = Topology(queues=(QueueSettings(QUEUE, lock_duration_seconds=2, duplicate_detection_window_seconds=600),))
"""A lock ends before a command has given up waiting for a message."""
EVENTS = [body(documented("mt", name)) for name in ("charger_state", "charging_transaction", "measurements")]


class FakeQueue:
    """Two dead letters, of which some are locked by somebody else."""

    def __init__(self):
        self.letters = [DeadLetter(number, RECEIVED_AT, 10, "Outage", "", 3) for number in (1, 2)]
        self.locked = 0
        self.sent = []

    async def peek(self, limit):
        """See DeadLetterQueue."""
        return self.letters[: limit or None]

    async def replay(self, most):
        """See DeadLetterQueue."""
        for letter in self.letters[self.locked : most]:
            self.sent.append(letter)
            yield letter


@pytest.fixture
def queue(monkeypatch):
    """A queue without a broker, for what is said about it."""
    queue = FakeQueue()

    @asynccontextmanager
    async def opened(*_):
        yield queue

    monkeypatch.setattr("ops.dead_letters.opened", opened)
    return queue


@pytest.fixture
def broker(monkeypatch):
    """A namespace with the app's queue, which detects duplicates, and the command's settings for it."""
    monkeypatch.delenv("PUSH_EVENTS_QUEUE", raising=False)
    with Broker(TOPOLOGY, port=free_port()) as broker:
        monkeypatch.setenv("ServiceBusConnection", broker.connection_string)
        yield broker


def _message(content, number):
    """As the webhook sends it; a text, as some tool may send it."""
    if isinstance(content, str):
        return AmqpAnnotatedMessage(value_body=content)
    properties = {"transport": "webhook", "number": number}
    return ServiceBusMessage(content, message_id=f"id-{number}", content_type="x/y", application_properties=properties)


def _give_up(broker, *bodies):
    """Send bodies, and let the queue give up on them."""

    async def work():
        async with (
            ServiceBusClient.from_connection_string(broker.connection_string) as client,
            client.get_queue_sender(QUEUE) as sender,
            client.get_queue_receiver(QUEUE) as receiver,
        ):
            for number, content in enumerate(bodies):
                await sender.send_messages(_message(content, number))
                (message,) = await receiver.receive_messages(1, max_wait_time=5)
                await receiver.dead_letter_message(message, reason="Outage", error_description="It took too long.")

    asyncio.run(work())


def _take(broker, count):
    """What the queue holds, received and completed."""

    async def work():
        async with (
            ServiceBusClient.from_connection_string(broker.connection_string) as client,
            client.get_queue_receiver(QUEUE) as receiver,
        ):
            messages = await receiver.receive_messages(count, max_wait_time=5)
            for message in messages:
                await receiver.complete_message(message)
            return messages

    return asyncio.run(work())


def test_dead_letters_are_listed_without_taking_them(operator, broker, monkeypatch):
    """With their reasons, the oldest first, without bodies; also where the broker tells only some at a time."""
    monkeypatch.setattr("ops.dead_letter_queue._PEEKED_AT_ONCE", 2)
    _give_up(broker, *EVENTS)

    told = operator.asks("deadletters", "list", "--limit", "0")["dead_letters"]
    shown = operator.types("deadletters", "list", "--limit", "2").stdout

    assert [one["size_bytes"] for one in told] == [len(event) for event in EVENTS]
    assert {(one["reason"], one["description"]) for one in told} == {("Outage", "It took too long.")}
    assert ("2 of these 2" in shown, "It took too long." in shown, "chargerId" in shown) == (True, True, False)
    assert broker.dead_letter_depth(QUEUE) == 3


def test_a_rehearsal_sends_nothing(operator, queue):
    """It shows what would be sent."""
    told = operator.asks("deadletters", "replay", "--dry-run")

    assert (told["sent"], [one["sequence_number"] for one in told["dead_letters"]]) == (False, [1, 2])
    assert "Nothing was changed" in operator.types("deadletters", "replay", "--dry-run").stdout
    assert queue.sent == []


def test_without_dead_letters_there_is_nothing_to_do(operator, queue):
    """And it is said so."""
    queue.letters = []

    assert "There are no dead letters." in operator.types("deadletters", "list").stdout
    result = operator.types("deadletters", "replay")
    assert (result.exit_code, "There is nothing to send." in result.stdout) == (0, True)


def test_a_replay_sends_bodies_and_properties_as_they_came(operator, broker):
    """The oldest first, by another message id: the queue would drop a copy with the same one without a word."""
    contents = [EVENTS[0], b"not json \xff", "{}"]
    _give_up(broker, *contents, EVENTS[1])

    told = operator.asks("deadletters", "replay", "--limit", "3", "--yes")

    assert (told["sent"], len(told["dead_letters"])) == (True, 3)
    assert (broker.dead_letter_depth(QUEUE), broker.queue_depth(QUEUE)) == (1, 3)
    event, binary, text = _take(broker, 3)
    assert [b"".join(message.body) for message in (event, binary, text)] == [EVENTS[0], b"not json \xff", b"{}"]
    # Texts of application properties are handed over as bytes by the SDK.
    assert binary.application_properties == {b"transport": b"webhook", b"number": 1}
    first, second, _ = [one["sequence_number"] for one in told["dead_letters"]]
    assert (event.message_id, binary.message_id) == (f"id-0-replay-{first}", f"id-1-replay-{second}")
    assert (event.content_type, event.dead_letter_reason) == ("x/y", None)


def test_replaying_twice_changes_nothing(operator, broker):
    """There is nothing left the second time."""
    _give_up(broker, EVENTS[0])
    operator.asks("deadletters", "replay", "--yes")

    again = operator.asks("deadletters", "replay", "--yes")

    assert again["dead_letters"] == []
    assert (broker.dead_letter_depth(QUEUE), broker.queue_depth(QUEUE)) == (0, 1)


def test_stopped_between_sending_and_completing_there_is_one_event_in_the_end(operator, broker, monkeypatch):
    """The dead letter is still there, and its second copy is spared, or makes no second event."""
    _give_up(broker, EVENTS[0])

    async def lose_the_connection(*_):
        raise ConnectionResetError("SECRET address")

    with monkeypatch.context() as patched:
        patched.setattr("azure.servicebus.aio.ServiceBusReceiver.complete_message", lose_the_connection)
        stopped = operator.types("deadletters", "replay", "--yes")
    again = operator.asks("deadletters", "replay", "--yes")

    assert (stopped.exit_code, "0 of 1 dead letters were sent" in stopped.stderr) == (3, True)
    assert ("SECRET" in stopped.stderr, len(again["dead_letters"])) == (False, 1)
    assert (broker.dead_letter_depth(QUEUE), broker.queue_depth(QUEUE)) == (0, 1)
    tables = MemoryTables()
    for content in (EVENTS[0], EVENTS[0]):
        delivery = Delivery(content, "webhook", RECEIVED_AT)
        asyncio.run(Ingest(tables, 4).store([delivery], within(20)))
    assert len(tables.rows("PushEvents202504")) == 1


def test_nothing_is_sent_without_a_yes(operator, queue, terminal):
    """Of a person, or `--yes`."""
    refused = operator.types("deadletters", "replay", answer="n\n")
    assert (refused.exit_code, queue.sent) == (6, [])
    assert "Send 2 dead letters to the queue once more?" in refused.stderr

    done = operator.types("deadletters", "replay", answer="y\n")
    assert (done.exit_code, queue.sent) == (0, queue.letters)
    assert "Done: 2 of 2" in done.stdout


def test_dead_letters_that_somebody_holds_are_told(operator, queue):
    """Their lock ends in a while."""
    queue.locked = 1

    done = operator.types("deadletters", "replay", "--yes")

    assert (done.exit_code, "Done: 1 of 2" in done.stdout, "run it again" in done.stdout) == (0, True, True)


def test_without_a_queue_it_is_said_what_to_set(operator, monkeypatch):
    """No storage is needed, and none is asked."""
    for name in ("ServiceBusConnection", "ServiceBusConnection__fullyQualifiedNamespace"):
        monkeypatch.delenv(name, raising=False)

    result = operator.types("deadletters", "list")

    assert (result.exit_code, "Set ServiceBusConnection" in result.stderr) == (3, True)


@pytest.mark.parametrize("verb", ["list", "replay"])
def test_a_queue_that_is_away_is_told(operator, monkeypatch, verb):
    """With what to look at."""
    monkeypatch.setattr("ops.dead_letter_queue.CALL_SECONDS", 2.0)
    monkeypatch.setenv(
        "ServiceBusConnection",
        f"Endpoint=sb://127.0.0.1:{free_port()};SharedAccessKeyName=RootManageSharedAccessKey;"
        "SharedAccessKey=SAS_KEY_VALUE;UseDevelopmentEmulator=true;",
    )

    result = operator.types("deadletters", verb)

    assert (result.exit_code, "do ServiceBusConnection and PUSH_EVENTS_QUEUE name it" in result.stderr) == (3, True)


def test_the_message_id_of_a_copy_fits_however_long_the_original():
    """Service Bus takes 128 characters; a message may have none at all."""
    assert copied_message_id(None, 7) == "-replay-7"
    assert copied_message_id("x" * 128, 7) == "x" * 119 + "-replay-7"
