"""A stand-in for Azure Service Bus on loopback, for the unmodified azure-servicebus SDK (7.15.0 or newer).

    with Broker(read_topology(Path("local/servicebus-topology.json"))) as broker:
        client = ServiceBusClient.from_connection_string(broker.connection_string)

The layers, each importing only those before it: `amqp` (encoding), `engine` (what Service Bus promises, no I/O),
`wire` (AMQP connections on proton), `server` (the listener) and `broker` (the same in a thread, for tests).
Left out: sessions, transactions, forwarding, SQL filters, rule management, TLS, persistence and throttling.
"""

from local.servicebus.broker import Broker
from local.servicebus.engine.queue import QueueCounts
from local.servicebus.engine.settings import QueueSettings, Topology
from local.servicebus.topology import TopologyError, parse_topology, read_topology

__all__ = ["Broker", "QueueCounts", "QueueSettings", "Topology", "TopologyError", "parse_topology", "read_topology"]
