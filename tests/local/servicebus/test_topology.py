"""Tests of the topology file."""

import json
from pathlib import Path

import pytest

from local.servicebus.engine.messages import SUBJECT
from local.servicebus.engine.settings import CorrelationFilter, QueueSettings, Topology
from local.servicebus.topology import TopologyError, parse_duration, parse_topology, read_topology

LOCAL_TOPOLOGY = Path(__file__).parents[3] / "local" / "servicebus-topology.json"


def document(queues=(), topics=()):
    """Make a topology file's content."""
    return {"UserConfig": {"Namespaces": [{"Name": "sbemulatorns", "Queues": queues, "Topics": topics}]}}


def test_the_projects_topology_is_within_the_official_emulators_limits():
    """The committed file works in Microsoft's emulator as well (limits: emulator overview)."""
    (namespace,) = json.loads(LOCAL_TOPOLOGY.read_text())["UserConfig"]["Namespaces"]
    assert namespace["Name"] == "sbemulatorns"
    (queue,) = read_topology(LOCAL_TOPOLOGY).queues
    assert queue == QueueSettings(
        name="push-events",
        lock_duration_seconds=300,
        max_delivery_count=10,
        default_time_to_live_seconds=3600,
        dead_letters_expired_messages=True,
        duplicate_detection_window_seconds=300,
    )


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("PT5M", 300), ("PT1H", 3600), ("PT0.5S", 0.5), ("P1DT2H", 93600), ("P14D", 1209600), ("PT1M30S", 90)],
)
def test_durations_are_read(text, seconds):
    """ISO-8601 durations of days to seconds become seconds."""
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "P", "PT", "5M", "PT5", "P1Y", "00:05:00"])
def test_what_is_no_duration_is_refused(text):
    """Other notations are named in the error."""
    with pytest.raises(ValueError, match="no ISO-8601 duration"):
        parse_duration(text)


def test_defaults_apply_where_nothing_is_said():
    """A queue needs no more than a name."""
    assert parse_topology(document([{"Name": "q"}])) == Topology(queues=(QueueSettings("q"),))


def test_topics_subscriptions_and_filters_are_read():
    """Filters by message fields and by application properties, and the topic's limit on its messages' life."""
    rule = {
        "Name": "r",
        "Properties": {
            "FilterType": "Correlation",
            "CorrelationFilter": {"Label": "start", "Properties": {"site": "7"}},
        },
    }
    subscriptions = [{"Name": "all"}, {"Name": "starts", "Rules": [rule]}]
    properties = {"DefaultMessageTimeToLive": "PT1M", "RequiresDuplicateDetection": True}
    topology = parse_topology(
        document(topics=[{"Name": "t", "Properties": properties, "Subscriptions": subscriptions}])
    )
    (topic,) = topology.topics
    assert topic.duplicate_detection_window_seconds == 600
    assert [one.queue.default_time_to_live_seconds for one in topic.subscriptions] == [60, 60]
    assert [one.filters for one in topic.subscriptions] == [(), (CorrelationFilter({SUBJECT: "start"}, {"site": "7"}),)]


@pytest.mark.parametrize(
    ("properties", "named"),
    [
        ({"RequiresSession": True}, "RequiresSession"),
        ({"ForwardTo": "other"}, "ForwardTo"),
        ({"ForwardDeadLetteredMessagesTo": "other"}, "ForwardDeadLetteredMessagesTo"),
        ({"LockDuration": "5 minutes"}, "5 minutes"),
    ],
)
def test_what_the_stand_in_cannot_do_is_refused(properties, named):
    """A setting that would be ignored is an error that names it."""
    with pytest.raises(TopologyError, match=named):
        parse_topology(document([{"Name": "q", "Properties": properties}]))


@pytest.mark.parametrize(
    ("properties", "named"),
    [
        ({"FilterType": "Sql", "SqlFilter": {"SqlExpression": "1=1"}}, "correlation filter"),
        ({"FilterType": "Correlation", "CorrelationFilter": {"Colour": "red"}}, "Colour"),
    ],
)
def test_filters_the_stand_in_does_not_know_are_refused(properties, named):
    """SQL filters and unknown fields are errors."""
    subscriptions = [{"Name": "s", "Rules": [{"Name": "r", "Properties": properties}]}]
    with pytest.raises(TopologyError, match=named):
        parse_topology(document(topics=[{"Name": "t", "Subscriptions": subscriptions}]))


@pytest.mark.parametrize("content", ["no json", "{}", "[]", '{"UserConfig": {"Namespaces": []}}'])
def test_files_in_another_form_are_refused(tmp_path, content):
    """What is no topology file gives one clear error."""
    path = tmp_path / "topology.json"
    path.write_text(content)
    with pytest.raises(TopologyError):
        read_topology(path)


def test_a_missing_file_is_named(tmp_path):
    """The error says which file cannot be read."""
    with pytest.raises(TopologyError, match=r"absent\.json"):
        read_topology(tmp_path / "absent.json")
