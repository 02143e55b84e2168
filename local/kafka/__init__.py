"""A Kafka broker for laptops: librdkafka's own mock cluster, as a process that others reach over loopback.

    with MockCluster({"push-events": 3}) as cluster:
        producer = Producer({"bootstrap.servers": cluster.bootstrap_servers})

From a shell, `python -m local.kafka --help`.

It speaks the real protocol: producers, consumer groups with rebalances, committed offsets, headers, time stamps. What
it does not do: keep anything when it ends (topics, messages and committed offsets are in memory), retention by time,
replication, transactions' isolation, access rules, SASL and TLS, quotas, and the admin requests that make or describe
topics. Past 5 MB of a partition it drops the oldest messages, whether they were read or not. A topic that nobody made
is made with four partitions when somebody asks for it. After a member has left, a group waits for almost its session
timeout before the next one gets anything. Whoever wants the real thing sets it:
`KAFKA_BROKER_LIST=... make up KAFKA=1`.
"""

from local.kafka.cluster import MockCluster

__all__ = ["MockCluster"]
