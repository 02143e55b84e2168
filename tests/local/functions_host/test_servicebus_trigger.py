"""The Service Bus trigger: how it listens, and its decisions against a receiver that fails as it is told."""

import asyncio
from contextlib import asynccontextmanager
from types import SimpleNamespace

import pytest
from azure.servicebus.exceptions import MessageLockLostError, ServiceBusConnectionError

from local.functions_host.configuration import HostOptions
from local.functions_host.errors import HostError
from local.functions_host.servicebus_trigger import ServiceBusListener, source_of
from local.functions_host.worker import IndexedFunction, Outcome

_CONNECTION = (
    "Endpoint=sb://localhost;SharedAccessKeyName=RootManageSharedAccessKey;"
    "SharedAccessKey=SAS_KEY_VALUE;UseDevelopmentEmulator=true;"
)
_TRIGGER = {
    "type": "serviceBusTrigger",
    "name": "messages",
    "connection": "ServiceBusConnection",
    "queueName": "%PUSH_EVENTS_QUEUE%",
    "cardinality": "MANY",
    "dataType": "BINARY",
}
_SETTINGS = {"ServiceBusConnection": _CONNECTION, "PUSH_EVENTS_QUEUE": "push-events"}


def test_source_is_the_queue_with_its_settings_resolved():
    """Queue and connection come from the settings the binding names."""
    source = source_of(_TRIGGER, _SETTINGS)

    assert (str(source), source.connection, source.is_batched, source.data_type) == (
        "push-events",
        _CONNECTION,
        True,
        "binary",
    )


def test_source_may_be_a_subscription_for_single_messages():
    """Without a cardinality a function takes one message at a time."""
    trigger = {"connection": "ServiceBusConnection", "topicName": "events", "subscriptionName": "stored"}

    source = source_of(trigger, _SETTINGS)

    assert (str(source), source.is_batched) == ("events/subscriptions/stored", False)


def test_connection_may_be_a_namespace_for_an_identity():
    """The setting's other form, as in the deployed app."""
    settings = {
        "ServiceBusConnection__fullyQualifiedNamespace": "fleet.servicebus.windows.net",
        "PUSH_EVENTS_QUEUE": "push-events",
    }

    assert source_of(_TRIGGER, settings).connection == "fleet.servicebus.windows.net"


@pytest.mark.parametrize(
    ("changes", "settings", "complaint"),
    [
        ({}, {"ServiceBusConnection": _CONNECTION}, "PUSH_EVENTS_QUEUE is not set"),
        ({}, {"PUSH_EVENTS_QUEUE": "q"}, "Neither ServiceBusConnection nor"),
        ({}, {**_SETTINGS, "ServiceBusConnection": "nonsense"}, "no Service Bus connection string"),
        ({"dataType": None}, _SETTINGS, "needs data_type"),
        ({"isSessionsEnabled": True}, _SETTINGS, "sessions are not supported"),
    ],
)
def test_binding_that_cannot_be_served_is_refused(changes, settings, complaint):
    """Each wrong binding or setting is an error at the start that says what to change."""
    with pytest.raises(HostError, match=complaint):
        source_of({**_TRIGGER, **changes}, settings)


class _Message(SimpleNamespace):
    """A message as far as the listener looks at it; every field the SDK would leave empty is None."""

    body: tuple[bytes, ...] = (b"{}",)

    def __getattr__(self, name):
        return None


class _Receiver:
    """Hands out the given batches, then stops the listener; settles, or fails as told."""

    def __init__(self, batches, stopping, failures=None):
        self.batches = list(batches)
        self.stopping = stopping
        self.failures = failures or {}
        self.settled = []

    async def receive_messages(self, *, max_message_count, max_wait_time):
        assert (max_message_count, max_wait_time) == (1000, 1.0)
        if not self.batches:
            self.stopping.set()
            return []
        batch = self.batches.pop(0)
        if isinstance(batch, Exception):
            raise batch
        return batch

    async def complete_message(self, message):
        await self._settle("complete", message)

    async def abandon_message(self, message):
        await self._settle("abandon", message)

    async def _settle(self, how, message):
        if message.message_id in self.failures:
            raise self.failures[message.message_id]
        self.settled.append((how, message.message_id))


class _Source:
    """A source in batches that counts how often a receiver was opened."""

    is_batched = True
    data_type = "binary"

    def __init__(self, receiver):
        self._receiver = receiver
        self.opened = 0

    @asynccontextmanager
    async def client(self):
        yield None

    @asynccontextmanager
    async def receiver(self, _client, _prefetch_count):
        self.opened += 1
        yield self._receiver


def _invoke(*, succeeded=True):
    async def invoke(_function, _data, _metadata):
        await asyncio.sleep(0)
        return Outcome(succeeded=succeeded)

    return invoke


async def _listen(receiver, invoke, options=None):
    source = _Source(receiver)
    function = IndexedFunction("push_events", "id", (_TRIGGER,))
    await ServiceBusListener(function, source, options or HostOptions(), invoke).run(receiver.stopping)
    return source


@pytest.fixture
def batch():
    """Three messages with the ids 1 to 3."""
    return [_Message(message_id=str(number), sequence_number=number) for number in (1, 2, 3)]


@pytest.mark.parametrize(("succeeded", "how"), [(True, "complete"), (False, "abandon")])
async def test_batch_is_settled_as_a_whole_and_in_order(batch, succeeded, how):
    """Success completes all messages, failure abandons all of them."""
    receiver = _Receiver([batch], asyncio.Event())

    await _listen(receiver, _invoke(succeeded=succeeded))

    assert receiver.settled == [(how, "1"), (how, "2"), (how, "3")]


async def test_auto_complete_off_leaves_messages_locked(batch):
    """With autoCompleteMessages false, completing is left to the function; failures are abandoned all the same."""
    completed, abandoned = _Receiver([batch], asyncio.Event()), _Receiver([batch], asyncio.Event())
    options = HostOptions(auto_complete_messages=False)

    await _listen(completed, _invoke(succeeded=True), options)
    await _listen(abandoned, _invoke(succeeded=False), options)

    assert completed.settled == []
    assert [how for how, _ in abandoned.settled] == ["abandon"] * 3


@pytest.mark.parametrize(
    "failure", [ValueError("The handler has already been shutdown."), MessageLockLostError(message="expired")]
)
async def test_failed_settlement_stops_neither_the_others_nor_the_loop(batch, failure):
    """What the SDK raises for one message costs a new connection, and nothing else."""
    receiver = _Receiver([batch, [_Message(message_id="4", sequence_number=4)]], asyncio.Event(), {"2": failure})

    source = await _listen(receiver, _invoke())

    assert receiver.settled == [("complete", "1"), ("complete", "3"), ("complete", "4")]
    assert source.opened == 2


async def test_lost_connection_is_replaced(batch, caplog):
    """A fault while receiving is logged, and a new receiver takes over."""
    receiver = _Receiver([ServiceBusConnectionError(message="gone"), batch], asyncio.Event())

    source = await _listen(receiver, _invoke())

    assert source.opened == 2
    assert len(receiver.settled) == 3
    assert "push_events: no connection to" in caplog.text


async def test_batch_that_cannot_be_encoded_is_abandoned(batch, caplog):
    """A body that is no data section fails its batch without the function being called."""
    batch[1].body = ({"an": "AMQP value"},)
    receiver = _Receiver([batch], asyncio.Event())

    async def invoke(_function, _data, _metadata):
        pytest.fail("the function must not be called")

    await _listen(receiver, invoke)

    assert [how for how, _ in receiver.settled] == ["abandon"] * 3
    assert "a batch of 3 cannot be encoded" in caplog.text


async def test_stop_during_an_invocation_still_settles(batch):
    """What was running when the host is told to stop ends, and its messages are completed."""
    stopping = asyncio.Event()
    receiver = _Receiver([batch, batch], stopping)

    async def invoke(_function, _data, _metadata):
        stopping.set()
        return Outcome(succeeded=True)

    await _listen(receiver, invoke)

    assert len(receiver.settled) == 3
    assert receiver.batches == [batch]
