"""2,000 messages over three partitions, workers killed in the middle: the rows are those of a run without a fault."""

import os
import random
import sys
import time

import pytest

from tests.crash.in_flight import visible_events
from tests.crash.stored_rows import COUNTED_ARRIVALS, broken_promises, differences, promised_rows
from tests.crash.wiretap import Wiretap
from tests.kafka.expected_rows import but_for_the_way, wrong_in_quarantine
from tests.kafka.killings import Crashes
from tests.kafka.rig import KafkaRig
from tests.kafka.stream import stream_of

MESSAGES = int(os.environ.get("KAFKA_MESSAGES", "500"))
KILLS = int(os.environ.get("KAFKA_KILLS", "2"))
POISON_OF_A_KIND = 4
DELETIONS = 6


@pytest.mark.slow
@pytest.mark.timeout(120 + 30 * KILLS)
async def test_workers_killed_over_a_topic_lose_and_double_nothing(tmp_path, clean_rows):
    """Another goes on from the committed offsets, meets what is there of the rest, and ends with nothing to come.

    KAFKA_MESSAGES, KAFKA_KILLS and KAFKA_SEED choose how many messages and kills, and which.
    """
    seed = int(os.environ.get("KAFKA_SEED") or time.time())
    stream = stream_of(seed, MESSAGES, poison_of_a_kind=POISON_OF_A_KIND, deletions=DELETIONS)
    expected = await clean_rows(stream.bodies)

    with KafkaRig(tmp_path) as rig:
        async with Wiretap(rig.storage_port) as tap:
            crashes = Crashes(rig, tap, visible_events(stream.bodies), random.Random(seed))
            began = time.monotonic()
            for number, part in enumerate(stream.parts, start=1):
                rig.topic.send(part)
                await crashes.kill_workers(KILLS // 2, until_both_hit=number == len(stream.parts))
                await crashes.live_on()
        sys.stdout.write(summary(seed, stream, crashes.found, time.monotonic() - began))

        assert rig.topic.committed() == rig.topic.end_offsets
        assert all(rig.topic.end_offsets), "a partition had nothing"
        assert broken_promises(stream.plan, rig.tables, 0, COUNTED_ARRIVALS) == [], f"KAFKA_SEED={seed}"
        assert differences(expected, but_for_the_way(promised_rows(rig.tables))) == [], f"KAFKA_SEED={seed}"
        assert wrong_in_quarantine(rig.tables, stream.poison, rig.topic) == [], f"KAFKA_SEED={seed}"
        assert rig.leaks() == []
        assert crashes.found.kills.total() >= KILLS, f"the topic was too short for so many kills; KAFKA_SEED={seed}"
        assert crashes.found.has_hit_both, f"KAFKA_SEED={seed}"


def summary(seed, stream, found, seconds):
    """What `make kafka` shows."""
    kills = ", ".join(f"{number} {moment}" for moment, number in sorted(found.kills.items()))
    left = ", ".join(f"{number} {kind}" for kind, number in sorted(found.left.items()))
    return (
        f"\n{len(stream.bodies):,} messages of {stream.plan.events_by_type.total():,} events over three partitions, "
        f"{found.kills.total()} kills in {seconds:.0f} s (KAFKA_SEED={seed}): {kills}\n"
        f"  not committed at the kills, of what storage can tell of: {left}\n"
        f"  {found.deliveries_of_survivors:,} messages were left to the workers that nobody killed\n"
    )
