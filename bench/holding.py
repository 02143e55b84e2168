"""What holds the loop of a worker that takes a batch, piece by piece: the reasons why a tap waits beside ingest.

Three pieces of a batch run without a break. The embedded host writes the batch down for the worker (in Azure that is
another process). Microsoft's worker library reads it: for every message it parses the JSON of the whole batch's
metadata again, so its time grows with the square of the batch. And ours, of which the longest stretch counts.
"""

import asyncio
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import count, islice
from statistics import median
from types import SimpleNamespace
from typing import Any, Final, NamedTuple
from uuid import uuid4

from azure.functions.servicebus import ServiceBusMessageInConverter
from azure_functions_runtime.bindings.datumdef import Datum

from bench.results import Table
from bench.storing import DEADLINE_SECONDS, SHARDS, batches_of, delivered
from bench.stretches import stretches
from local.functions_host.message_encoding import batch_metadata, encode_batch
from shared.deadlines import Deadline
from shared.ingest.ingest import Ingest
from shared.tables.client import AzureTables
from tests.support.azurite import azurite_table

_BATCHES: Final = 25
_EMPTY: Final = dict.fromkeys(
    (
        *("correlation_id", "subject", "content_type", "session_id", "reply_to", "reply_to_session_id", "to"),
        *("partition_key", "dead_letter_source", "application_properties"),
    )
)


class Holding(NamedTuple):
    """Of batches of one size, the median milliseconds of each piece; `longest` is the longest of ours."""

    host: float
    worker_library: float
    ours: float
    longest: float


async def what_holds_the_loop(bodies: Sequence[bytes], batch_size: int) -> Holding:
    """Take the pieces' times with the first of these messages, stored into an Azurite of their own."""
    batches = list(islice(batches_of(bodies, batch_size), _BATCHES))
    carried = [_carry(batch) for batch in batches]
    longest = await _longest_stretches(batches)
    return Holding(
        host=median(host for host, _ in carried),
        worker_library=median(library for _, library in carried),
        ours=median(longest),
        longest=max(longest),
    )


def holding_table(by_batch_size: dict[int, Holding]) -> Table:
    """The pieces, by the size of the batches."""
    return Table(
        title="What holds the worker's loop for one batch, in milliseconds",
        columns=["batch size", "host, encoding", "worker library, decoding", "ours, longest stretch"],
        rows=[
            [
                str(batch_size),
                f"{held.host:.1f}",
                f"{held.worker_library:.1f}",
                f"{held.ours:.1f} (at most {held.longest:.1f})",
            ]
            for batch_size, held in by_batch_size.items()
        ],
    )


def _carry(bodies: Sequence[bytes]) -> tuple[float, float]:
    """A batch from the SDK's messages to those that a function gets: the host's milliseconds, and the library's."""
    messages: list[Any] = [_message(body, number) for body, number in zip(bodies, count(1), strict=False)]
    begun_at_seconds = time.perf_counter()
    data, metadata = encode_batch(messages, "binary"), batch_metadata(messages)
    encoded_at_seconds = time.perf_counter()
    ServiceBusMessageInConverter.decode(
        Datum.from_typed_data(data),
        trigger_metadata={name: Datum.from_typed_data(value) for name, value in metadata.items()},
    )
    decoded_at_seconds = time.perf_counter()
    return 1000 * (encoded_at_seconds - begun_at_seconds), 1000 * (decoded_at_seconds - encoded_at_seconds)


def _message(body: bytes, sequence_number: int) -> SimpleNamespace:
    """What encoding reads of a received message."""
    return SimpleNamespace(
        **_EMPTY,
        body=[body],
        message_id=uuid4().hex,
        lock_token=uuid4(),
        sequence_number=sequence_number,
        delivery_count=0,
        enqueued_time_utc=datetime.now(UTC),
        expires_at_utc=None,
    )


async def _longest_stretches(batches: Sequence[Sequence[bytes]]) -> list[float]:
    """Store the batches; returns the longest stretch of each, in milliseconds, but the first's: it makes the tables."""
    longest = []
    with azurite_table() as connection_string:
        tables = AzureTables.from_connection_string(connection_string)
        ingest = Ingest(tables, SHARDS)
        for batch in batches:
            with stretches() as milliseconds:
                await asyncio.create_task(_store(ingest, batch))
            longest.append(max(milliseconds))
        await tables.close()
    return longest[1:]


async def _store(ingest: Ingest, batch: Sequence[bytes]) -> None:
    await ingest.store(delivered(batch), Deadline.after(DEADLINE_SECONDS))
