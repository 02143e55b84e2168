"""The entities of the Service Bus stand-in for one stack: the committed ones, with the queue as it is called here."""

import json
from pathlib import Path

from local.stack.surroundings import DEFAULT_QUEUE

TOPOLOGY = Path(__file__).parents[1] / "servicebus-topology.json"


def topology_with(queue: str, folder: Path) -> Path:
    """The committed topology; or, for a queue of another name (PUSH_EVENTS_QUEUE), a copy in the folder with that name.

    The queue keeps its settings: the same lock duration, number of deliveries and time to live.
    """
    if queue == DEFAULT_QUEUE:
        return TOPOLOGY
    topology = json.loads(TOPOLOGY.read_text(encoding="utf-8"))
    for namespace in topology["UserConfig"]["Namespaces"]:
        for entity in namespace["Queues"]:
            if entity["Name"] == DEFAULT_QUEUE:
                entity["Name"] = queue
    path = folder / TOPOLOGY.name
    path.write_text(json.dumps(topology, indent=2), encoding="utf-8")
    return path
