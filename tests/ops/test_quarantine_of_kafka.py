"""Quarantine of what came over Kafka: where it is there is shown, kept, and no part of what a replay stores."""

from dataclasses import replace

from shared.ingest.rows import KafkaPosition
from tests.ops.quarantined import EVENT, NO_JSON, change, set_aside

POSITION = KafkaPosition("push-events", 2, 5_000_000_007)


def _from_kafka(raw, **how):
    one = change(raw, transport="kafka", **how)
    one.delivery = replace(one.delivery, position=POSITION)
    return one


def test_an_entry_tells_where_kafka_has_it(operator):
    """Listed and shown, as JSON and for people."""
    (key,) = set_aside(operator, _from_kafka(NO_JSON, reason="not-json"))

    (listed,) = operator.asks("quarantine", "list", "--day", "2026-01-15")["entries"]
    told = operator.asks("quarantine", "show", key)
    shown = operator.types("quarantine", "show", key).stdout

    for one in (listed, told):
        place = (one["transport"], one["topic"], one["partition"], one["offset"])
        assert place == ("kafka", "push-events", 2, 5_000_000_007)
    assert "push-events" in shown
    assert "2, 5000000007" in shown


def test_an_entry_that_came_otherwise_has_no_such_lines(operator):
    """Nothing as JSON, nothing for people."""
    (key,) = set_aside(operator, change(NO_JSON, reason="not-json"))

    told = operator.asks("quarantine", "show", key)

    assert (told["topic"], told["partition"], told["offset"]) == (None, None, None)
    assert "offset" not in operator.types("quarantine", "show", key).stdout


def test_a_replay_stores_it_as_come_by_kafka_and_leaves_the_rest_as_it_was(operator):
    """What is not understood keeps its place; what is, is the event that it would have been."""
    _, kept = set_aside(operator, _from_kafka(EVENT), _from_kafka(NO_JSON, reason="not-json"))

    operator.asks("quarantine", "replay", "--all", "--yes")

    (row,) = operator.content()["PushEvents202504"]
    assert row["transport"] == "kafka"
    assert operator.asks("quarantine", "show", kept)["offset"] == 5_000_000_007
