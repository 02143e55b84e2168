"""The stand-in broker with queues of its own for every host, and a backlog that is there all at once.

A backlog's messages are scheduled to be enqueued at one moment, because sending takes longer than a host needs to take
the first of them. Peeking shows a message until it is completed, so an empty queue is one that was worked off.
"""

import asyncio
import json
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import uuid4

from azure.servicebus import ServiceBusMessage
from azure.servicebus.aio import ServiceBusReceiver, ServiceBusSender

from bench.processes import running
from bench.storing import batches_of

_QUEUE = {
    "LockDuration": "PT5M",
    "MaxDeliveryCount": 10,
    "RequiresDuplicateDetection": True,
    "DuplicateDetectionHistoryTimeWindow": "PT5M",
}
"""As the app's queue is in local/servicebus-topology.json."""

_SENT_AT_ONCE = 50
_LIMIT_SECONDS = 120.0
_PEEK_SECONDS = 0.02


@contextmanager
def running_broker(queues: Iterable[str]) -> Iterator[str]:
    """Run the stand-in broker with these queues; yields its connection string."""
    entities = [{"Name": name, "Properties": _QUEUE} for name in queues]
    with TemporaryDirectory() as folder:
        topology = Path(folder) / "topology.json"
        topology.write_text(
            json.dumps({"UserConfig": {"Namespaces": [{"Name": "sbemulatorns", "Queues": entities, "Topics": []}]}})
        )
        with running("local.servicebus", "--port", "0", "--topology", str(topology)) as broker:
            yield (
                f"Endpoint=sb://{broker.address};SharedAccessKeyName=RootManageSharedAccessKey;"
                "SharedAccessKey=SAS_KEY_VALUE;UseDevelopmentEmulator=true;"
            )


async def send_backlog(sender: ServiceBusSender, bodies: Sequence[bytes], lead_seconds: float) -> float:
    """Send messages that are enqueued all at once, so many seconds from now; returns that moment of `perf_counter`.

    Raises RuntimeError where sending took longer than that.
    """
    enqueued_at = datetime.now(UTC) + timedelta(seconds=lead_seconds)
    begins_at_seconds = time.perf_counter() + lead_seconds
    for part in batches_of(bodies, _SENT_AT_ONCE):
        await sender.send_messages(
            [ServiceBusMessage(body, message_id=uuid4().hex, scheduled_enqueue_time_utc=enqueued_at) for body in part]
        )
    if time.perf_counter() > begins_at_seconds:
        raise RuntimeError(f"sending took longer than {lead_seconds} s: the machine is too busy to measure")
    return begins_at_seconds


async def is_empty(receiver: ServiceBusReceiver) -> bool:
    """Whether a queue holds nothing, neither scheduled nor locked."""
    # Without a number each call would begin where the one before ended.
    return not await receiver.peek_messages(max_message_count=1, sequence_number=1)


async def emptied(receiver: ServiceBusReceiver) -> None:
    """Return when a queue holds nothing any more."""
    async with asyncio.timeout(_LIMIT_SECONDS):
        while not await is_empty(receiver):  # noqa: ASYNC110  # not our process
            await asyncio.sleep(_PEEK_SECONDS)
