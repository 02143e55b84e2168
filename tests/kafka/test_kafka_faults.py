"""Storage goes away, and partitions change their owner, while Kafka delivers: nothing is passed over."""

import asyncio
import os
import threading
import time

import pytest

from shared.ingest.quarantine import QUARANTINE
from tests.crash.rig import storage_connection
from tests.crash.stored_rows import broken_promises, differences, promised_rows
from tests.crash.wiretap import Wiretap
from tests.kafka.expected_rows import but_for_the_way
from tests.kafka.rig import KafkaRig, deliveries_of
from tests.kafka.stream import stream_of
from tests.kafka.waiting import until

OUTAGE_SECONDS = float(os.environ.get("KAFKA_OUTAGE_SECONDS", "5"))
MESSAGES = int(os.environ.get("KAFKA_MESSAGES", "500"))
DEADLINE_SECONDS = 1.0
"""INGEST_DEADLINE_SECONDS: an outage outlasts some of them."""
FEW_CHARGERS = 6
"""So that two owners of a partition are at the same rows nearly all the time."""
SMALL_PART = 200
"""Messages of a first part, which are a few batches, and not all that are to come."""


@pytest.mark.slow
@pytest.mark.timeout(180 + 4 * OUTAGE_SECONDS)
async def test_no_offset_passes_a_message_while_storage_is_away(tmp_path, clean_rows):
    """The batch fails, and is called again for as long as that lasts; then all is caught up, and nothing set aside.

    KAFKA_OUTAGE_SECONDS chooses for how long.
    """
    stream, messages = _good_stream()
    expected = await clean_rows(stream.bodies)

    with KafkaRig(tmp_path) as rig:
        rig.topic.send(messages[:SMALL_PART])
        worker = rig.start_worker(INGEST_DEADLINE_SECONDS=f"{DEADLINE_SECONDS:g}")
        await until(rig.topic.is_worked_off, worker)
        before = rig.topic.committed()

        await asyncio.to_thread(rig.stop_storage)
        is_over = time.monotonic() + OUTAGE_SECONDS
        rig.topic.send(messages[SMALL_PART:])
        await until(lambda: time.monotonic() >= is_over and _given_back(worker) > 1, worker)
        at_the_end = rig.topic.committed()
        await asyncio.to_thread(rig.start_storage)
        await until(rig.topic.is_worked_off, worker)

        assert at_the_end == before, "an offset passed messages that are not stored"
        assert deliveries_of(worker) == len(messages), "a message was stored twice, or never"
        _assert_stored(rig, stream, expected)


@pytest.mark.slow
@pytest.mark.timeout(180)
async def test_a_rebalance_in_the_middle_of_a_batch_changes_no_row(tmp_path, clean_rows):
    """A second worker is given partitions whose messages the first is just storing: both store them, to one effect."""
    stream, messages = _good_stream()
    expected = await clean_rows(stream.bodies)

    with KafkaRig(tmp_path) as rig:
        async with Wiretap(rig.storage_port) as first_tap, Wiretap(rig.storage_port) as second_tap:
            has_asked_first, has_asked_second = _asked(first_tap), _asked(second_tap)
            rig.storage.pause()
            first = rig.start_worker(EventStorage=storage_connection(first_tap.port))
            rig.topic.send(messages)
            await until(has_asked_first.is_set, first)
            second = rig.start_worker(EventStorage=storage_connection(second_tap.port))
            await until(has_asked_second.is_set, first, second)
            rig.storage.resume()
            await until(rig.topic.is_worked_off, first, second)
            await until(lambda: deliveries_of(first) + deliveries_of(second) > len(messages), first, second)

        assert deliveries_of(first), "the first worker lost all partitions"
        assert deliveries_of(second), "the second worker was given nothing"
        _assert_stored(rig, stream, expected)


def _good_stream():
    """A stream without anything for quarantine, and its messages in one piece."""
    seed = int(os.environ.get("KAFKA_SEED") or time.time())
    stream = stream_of(seed, MESSAGES, chargers=FEW_CHARGERS)
    return stream, [message for part in stream.parts for message in part]


def _asked(tap):
    """Is set when the worker behind a tap says something to storage, which it does for nothing but a batch."""
    has_asked = threading.Event()

    def watch(_piece, is_sent_by_worker):
        if is_sent_by_worker:
            has_asked.set()
        return True

    tap.watch = watch
    return has_asked


def _given_back(worker):
    """How many batches failed at their deadline."""
    return worker.output.count("given back in")


def _assert_stored(rig, stream, expected):
    found = but_for_the_way(promised_rows(rig.tables))
    assert rig.topic.committed() == rig.topic.end_offsets
    assert broken_promises(stream.plan, rig.tables, 0) == [], f"KAFKA_SEED={stream.seed}"
    assert differences(expected, found) == [], f"KAFKA_SEED={stream.seed}"
    assert QUARANTINE not in found
    assert rig.leaks() == []
