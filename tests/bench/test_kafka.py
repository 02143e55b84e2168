"""What the Kafka measurement reads off a host's log, and what it makes of its rounds."""

import pytest

from bench.kafka import Figures, Progress, full_batches, result_of

LINE = "ingest deliveries=64 stored=ChargerState:64 repeats=0 quarantined=0 duration_ms=10.0\n"


@pytest.fixture
def log(tmp_path):
    """A host's log that has begun, and is written on."""
    with (tmp_path / "stderr").open("ab", buffering=0) as writing, (tmp_path / "stderr").open("rb") as reading:
        yield writing, reading


def test_each_batch_of_the_log_counts_once(log):
    """Between two looks the host goes on writing; other lines are none of it."""
    writing, reading = log
    progress = Progress(reading)

    writing.write(f"starting\n{LINE}".encode())
    assert (progress.look(), progress.look()) == (64, 64)
    writing.write(LINE.replace("64", "16", 1).encode())
    assert progress.look() == 80
    assert progress.mean_batch == 40.0


def test_a_line_that_is_half_written_counts_when_it_is_whole(log):
    """Else a look in the middle of a number would count a part of it."""
    writing, reading = log
    progress = Progress(reading)
    half = LINE.index("4 ")

    writing.write(LINE[:half].encode())
    assert progress.look() == 0
    writing.write(LINE[half:].encode())
    assert progress.look() == 64


@pytest.mark.parametrize(("messages", "whole"), [(2000, 1984), (64, 64), (63, 0)])
def test_only_whole_batches_count_for_the_speed(messages, whole):
    """What is left waits a second for more, which is no matter of speed."""
    assert full_batches(messages) == whole


def test_both_ways_stand_in_one_table_with_their_ratio():
    """The ratio is taken round by round."""
    kafka = [Figures(full_batches_seconds=1.0, stored_seconds=2.0, settled_seconds=2.2, cpu_microseconds=300.0)] * 5
    service_bus = [
        Figures(full_batches_seconds=2.0, stored_seconds=2.1, settled_seconds=2.1, cpu_microseconds=600.0)
    ] * 5

    result = result_of({"Kafka": kafka, "Service Bus": service_bus}, {"Kafka": 64.0, "Service Bus": 60.0})

    assert [row[:2] for row in result.tables[0].rows] == [["Kafka", "64.0"], ["Service Bus", "60.0"]]
    assert "2.00 (2.00 to 2.00) times that of Service Bus, at 0.50 (0.50 to 0.50) times" in result.how
