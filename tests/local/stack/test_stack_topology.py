"""The stand-in has the queue that the app reads, whatever it is called."""

import json

from local.servicebus import read_topology
from local.stack.topology import TOPOLOGY, topology_with


def test_the_usual_queue_needs_no_topology_of_its_own(tmp_path):
    """The committed file is used as it is."""
    assert topology_with("push-events", tmp_path) == TOPOLOGY
    assert list(tmp_path.iterdir()) == []


def test_a_queue_of_another_name_keeps_its_settings(tmp_path):
    """`PUSH_EVENTS_QUEUE=other make up`."""
    renamed = topology_with("other", tmp_path)

    assert json.loads(renamed.read_text()) == json.loads(TOPOLOGY.read_text().replace('"push-events"', '"other"'))
    assert read_topology(renamed)
