"""The Kafka trigger: a member of a consumer group that feeds one function with batches, as the real extension does.

Behaviour taken from KafkaListener.cs, FunctionExecutorBase.cs and MultipleItemFunctionExecutor.cs in
https://github.com/Azure/azure-functions-kafka-extension: one thread consumes for as long as messages come or a second
has passed, and hands batches, which can be of several partitions, to one that invokes, one batch at a time. While that
one is busy, one batch waits in between and another in the thread's hands, and the thread asks for nothing more, which
is how a slow function holds the flow back. An offset is stored when its batch is done with: when the function has
succeeded, or failed and its retries with it (`commitOnFailure`, which is the default); without `commitOnFailure` the
batch is repeated in its place until `maxRetries` are used up. The client library commits what is stored.

What a stop or a crash leaves undone comes again from the last committed offset, and so does what another member was in
the middle of when its partitions were given to this one: the storing of the offset fails there, and nothing is lost.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from confluent_kafka import Consumer, KafkaException, Message, TopicPartition

from local.functions_host.configuration import KafkaOptions
from local.functions_host.errors import HostError
from local.functions_host.kafka_encoding import batch_metadata, encode_batch
from local.functions_host.kafka_source import KafkaSource
from local.functions_host.pauses import pause
from local.functions_host.retry_policy import UNLIMITED, invoke_with_retries
from local.functions_host.worker import IndexedFunction, InvokeAgain

_log = logging.getLogger(__name__)
_client_log = logging.getLogger(f"{__name__}.client")

# The real extension's interval between two tries in place is not documented.
IN_PLACE_PAUSE_SECONDS = 1.0
# Leaving the group is a question to a broker that may be away.
_CLOSE_PATIENCE_SECONDS = 5.0


class KafkaListener:
    """Feeds one function from its topic until it is told to stop."""

    def __init__(
        self, function: IndexedFunction, source: KafkaSource, options: KafkaOptions, invoke: InvokeAgain
    ) -> None:
        """Raises HostError for settings that the client library does not take."""
        self.source = source
        self._function = function
        self._options = options
        self._invoke = invoke
        # One batch in between, as the real extension's channel.
        self._batches: asyncio.Queue[list[Message]] = asyncio.Queue(options.executor_channel_capacity)
        try:
            self._consumer = Consumer(source.consumer_settings(options), logger=_client_log)
        except KafkaException as error:
            raise HostError(f"The Kafka client refuses its settings: {error}.") from None

    async def run(self, stopping: asyncio.Event) -> None:
        """Consume, invoke and store offsets until `stopping` is set; the batch that runs then is ended.

        A broker that is away, or goes away, is waited for: the client library connects again by itself.
        """
        # One thread for everything that can block, so that the consumer is never closed while it consumes.
        thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="kafka")
        subscribing = asyncio.create_task(self._subscribe(thread, stopping))
        try:
            await self._execute(stopping)
        finally:
            subscribing.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await subscribing
            await self._close(thread)

    async def _subscribe(self, thread: ThreadPoolExecutor, stopping: asyncio.Event) -> None:
        """Fill the queue; waits while it is full."""
        loop = asyncio.get_running_loop()
        self._consumer.subscribe([self.source.topic])
        while not stopping.is_set():
            if batch := await loop.run_in_executor(thread, self._consume):
                await self._batches.put(batch)

    def _consume(self) -> list[Message]:
        """What comes until the batch is full or its time is over; runs in the thread."""
        try:
            received = self._consumer.consume(self._options.max_batch_size, self._options.subscriber_interval_seconds)
        except KafkaException as error:
            _log.warning("%s: %s cannot be read now (%s)", self._function.name, self.source, error)
            time.sleep(self._options.subscriber_interval_seconds)
            return []
        return [message for message in received if not self._tells_trouble(message)]

    def _tells_trouble(self, message: Message) -> bool:
        """Whether this is no message but an event of the client library, which is logged."""
        if (error := message.error()) is None:
            return False
        _log.warning("%s: %s cannot be read now (%s)", self._function.name, self.source, error.name())
        return True

    async def _execute(self, stopping: asyncio.Event) -> None:
        """Take batches from the queue, one after the other, until the stop."""
        stop_asked = asyncio.create_task(stopping.wait())
        try:
            while not stopping.is_set():
                next_batch = asyncio.create_task(self._batches.get())
                await asyncio.wait([next_batch, stop_asked], return_when=asyncio.FIRST_COMPLETED)
                if not next_batch.done():
                    next_batch.cancel()
                elif not stopping.is_set():
                    await self._handle(next_batch.result(), stopping)
        finally:
            stop_asked.cancel()

    async def _handle(self, batch: Sequence[Message], stopping: asyncio.Event) -> None:
        """Invoke the function until the batch is done with, then store its offsets; not after a failure and a stop."""
        data, metadata = encode_batch(batch), batch_metadata(batch)
        tries_in_place = 0
        while True:
            outcome = await invoke_with_retries(self._function, data, metadata, self._invoke, stopping)
            if outcome.succeeded:
                break
            if stopping.is_set():
                return
            if self._options.commit_on_failure or not self._may_try_again(tries_in_place):
                _log.error("%s: a batch of %d failed and is given up", self._function.name, len(batch))
                break
            tries_in_place += 1
            await pause(stopping, IN_PLACE_PAUSE_SECONDS)
        self._store(batch)

    def _may_try_again(self, tries_in_place: int) -> bool:
        return self._options.max_retries == UNLIMITED or tries_in_place < self._options.max_retries

    def _store(self, batch: Sequence[Message]) -> None:
        """Store the offset after each partition's last message, for the client library to commit."""
        next_offsets = {(message.topic(), message.partition()): message.offset() + 1 for message in batch}
        for (topic, partition), offset in next_offsets.items():
            try:
                self._consumer.store_offsets(offsets=[TopicPartition(topic, partition, offset)])
            except KafkaException as error:
                # The partition has another owner by now, which begins at what was committed.
                _log.info("%s: partition %d is not ours any more (%s)", self._function.name, partition, error)

    async def _close(self, thread: ThreadPoolExecutor) -> None:
        """Commit what is stored and leave the group, as far as the brokers answer in time."""
        closing = asyncio.get_running_loop().run_in_executor(thread, self._consumer.close)
        done, _ = await asyncio.wait([closing], timeout=_CLOSE_PATIENCE_SECONDS)
        if not done:
            _log.warning("%s: the brokers did not take the leave; the group finds out by itself", self._function.name)
        thread.shutdown(wait=False)
