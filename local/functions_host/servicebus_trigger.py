"""The Service Bus trigger: one queue or subscription received in peek-lock, as the real extension does it.

Behaviour taken from ServiceBusListener.cs in https://github.com/Azure/azure-sdk-for-net: one batch at a time; all of it
completed after success, all of it abandoned after failure; no lock renewal for batches; a fault of the broker never
ends the loop. For cardinality one, up to maxConcurrentCalls messages run at the same time and each is settled by its
own outcome; the next ones are received when all of them are done, which the real extension does one by one.
"""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from azure.identity.aio import DefaultAzureCredential
from azure.servicebus import ServiceBusReceivedMessage, parse_connection_string
from azure.servicebus.aio import ServiceBusClient, ServiceBusReceiver
from azure.servicebus.exceptions import ServiceBusError

from local.functions_host.configuration import HostOptions, resolve_references
from local.functions_host.errors import HostError
from local.functions_host.message_encoding import batch_metadata, encode_batch, encode_single, single_metadata
from local.functions_host.pauses import pause
from local.functions_host.worker import IndexedFunction, Invoke

_log = logging.getLogger(__name__)

# How long one call waits on an empty entity: also how long a stop may take. Messages that are there come at once.
RECEIVE_WAIT_SECONDS = 1.0
_FIRST_BACK_OFF_SECONDS = 0.5
_LONGEST_BACK_OFF_SECONDS = 5.0
# The SDK's default of 0.8 makes each reconnect to a local broker take more than two seconds.
_RETRY_BACK_OFF_FACTOR_SECONDS = 0.1


@dataclass(frozen=True)
class ServiceBusSource:
    """What a function listens to: a queue, or a topic's subscription, in a namespace reached by `connection`.

    `connection` is a connection string, or the fully qualified name of a namespace to enter with an identity.
    """

    connection: str
    entity: str
    subscription: str | None
    is_batched: bool
    data_type: str

    def __str__(self) -> str:
        """The path of the entity, as Azure writes it."""
        return self.entity if self.subscription is None else f"{self.entity}/subscriptions/{self.subscription}"

    def client(self) -> ServiceBusClient:
        """A new client for the namespace."""
        if "=" in self.connection:
            return ServiceBusClient.from_connection_string(
                self.connection, retry_backoff_factor=_RETRY_BACK_OFF_FACTOR_SECONDS
            )
        return ServiceBusClient(self.connection, DefaultAzureCredential())

    def receiver(self, client: ServiceBusClient, prefetch_count: int) -> ServiceBusReceiver:
        """A new receiver in peek-lock, not yet open."""
        if self.subscription is None:
            return client.get_queue_receiver(self.entity, prefetch_count=prefetch_count)
        return client.get_subscription_receiver(self.entity, self.subscription, prefetch_count=prefetch_count)


def source_of(trigger: Mapping[str, Any], environment: Mapping[str, str]) -> ServiceBusSource:
    """What a serviceBusTrigger binding listens to, with its settings resolved.

    Raises HostError for a missing setting, a connection string that is none, sessions (not supported here), and a batch
    without a data type: there the real host parses each body as JSON, and one that is none fails the batch for ever.
    """
    is_batched = str(trigger.get("cardinality", "one")).lower() == "many"
    data_type = str(trigger.get("dataType", "")).lower()
    if is_batched and data_type not in {"binary", "string"}:
        raise HostError("A batch of Service Bus messages needs data_type=func.DataType.BINARY.")
    if trigger.get("isSessionsEnabled"):
        raise HostError("Service Bus sessions are not supported by this host: use Core Tools for this app.")
    subscription = trigger.get("subscriptionName")
    return ServiceBusSource(
        connection=_connection(str(trigger["connection"]), environment),
        entity=resolve_references(str(trigger.get("queueName") or trigger.get("topicName")), environment),
        subscription=resolve_references(subscription, environment) if subscription else None,
        is_batched=is_batched,
        data_type=data_type,
    )


def _connection(name: str, environment: Mapping[str, str]) -> str:
    """Look a connection up as the real host does: by its name, with the old prefix, or as a namespace."""
    connection = environment.get(name) or environment.get(f"AzureWebJobs{name}")
    if connection:
        try:
            parse_connection_string(connection)
        except ValueError as error:
            raise HostError(f"The setting {name} is no Service Bus connection string: {error}") from None
        return connection
    namespace = environment.get(f"{name}__fullyQualifiedNamespace")
    if not namespace:
        raise HostError(f"Neither {name} nor {name}__fullyQualifiedNamespace is set: see local.settings.sample.json.")
    return namespace


class ServiceBusListener:
    """Feeds one function from its source until it is told to stop."""

    def __init__(
        self, function: IndexedFunction, source: ServiceBusSource, options: HostOptions, invoke: Invoke
    ) -> None:
        self._function = function
        self._source = source
        self._options = options
        self._invoke = invoke
        self._back_off_seconds = _FIRST_BACK_OFF_SECONDS

    async def run(self, stopping: asyncio.Event) -> None:
        """Receive, invoke and settle until `stopping` is set, with a new connection after each fault."""
        while not stopping.is_set():
            try:
                await self._run_connected(stopping)
            except Exception as error:  # noqa: BLE001  # as in the real extension, nothing may end this loop
                _log.warning(
                    "%s: no connection to %s (%s: %s); trying again in %.1f s",
                    self._function.name,
                    self._source,
                    type(error).__name__,
                    error,
                    self._back_off_seconds,
                )
                await pause(stopping, self._back_off_seconds)
                self._back_off_seconds = min(2 * self._back_off_seconds, _LONGEST_BACK_OFF_SECONDS)

    async def _run_connected(self, stopping: asyncio.Event) -> None:
        async with (
            self._source.client() as client,
            self._source.receiver(client, self._options.prefetch_count) as receiver,
        ):
            while not stopping.is_set():
                messages = await receiver.receive_messages(
                    max_message_count=self._most_messages, max_wait_time=RECEIVE_WAIT_SECONDS
                )
                self._back_off_seconds = _FIRST_BACK_OFF_SECONDS
                if messages:
                    await self._handle(receiver, messages)

    @property
    def _most_messages(self) -> int:
        if self._source.is_batched:
            return self._options.max_message_batch_size
        return self._options.max_concurrent_calls

    async def _handle(self, receiver: ServiceBusReceiver, messages: Sequence[ServiceBusReceivedMessage]) -> None:
        if self._source.is_batched:
            succeeded = await self._invoke_batch(messages)
            outcomes = [succeeded] * len(messages)
        else:
            outcomes = await asyncio.gather(*(self._invoke_single(message) for message in messages))
        await self._settle(receiver, list(zip(messages, outcomes, strict=True)))

    async def _invoke_batch(self, messages: Sequence[ServiceBusReceivedMessage]) -> bool:
        try:
            data, metadata = encode_batch(messages, self._source.data_type), batch_metadata(messages)
        except (TypeError, ValueError):
            _log.exception("%s: a batch of %d cannot be encoded", self._function.name, len(messages))
            return False
        return (await self._invoke(self._function, data, metadata)).succeeded

    async def _invoke_single(self, message: ServiceBusReceivedMessage) -> bool:
        try:
            data, metadata = encode_single(message, self._source.data_type), single_metadata(message)
        except (TypeError, ValueError):
            _log.exception("%s: a message cannot be encoded", self._function.name)
            return False
        return (await self._invoke(self._function, data, metadata)).succeeded

    async def _settle(
        self, receiver: ServiceBusReceiver, outcomes: Sequence[tuple[ServiceBusReceivedMessage, bool]]
    ) -> None:
        """Complete what succeeded and abandon the rest, one after the other.

        The SDK settles interleaved tasks ten times slower than one task in sequence (measured with 7.15.0). Each one is
        tried even where the one before failed, as the real extension does; what stays unsettled comes again when its
        lock ends. Raises ServiceBusError or ValueError when any failed, which makes a new connection.
        """
        failure: Exception | None = None
        for message, succeeded in outcomes:
            try:
                if not succeeded:
                    await receiver.abandon_message(message)
                elif self._options.auto_complete_messages:
                    await receiver.complete_message(message)
            # After a lost connection the SDK also raises a plain ValueError ("handler has already been shutdown").
            except (ServiceBusError, ValueError) as error:
                failure = error
        if failure is not None:
            raise failure
