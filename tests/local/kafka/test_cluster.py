"""The mock cluster: what tests and the stack take for granted of it."""

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from local.kafka import MockCluster
from tests.support.kafka import PARTITIONS, TOPIC, committed, eventually, send


@pytest.fixture
def cluster():
    """A broker with nothing in its topic."""
    with MockCluster({TOPIC: PARTITIONS}) as running:
        yield running


def consumed(consumer, count):
    """So many messages, or a failure after 10 s."""
    messages = consumer.consume(count, timeout=10)
    assert [message.error() for message in messages] == [None] * count
    return messages


def test_a_topic_has_the_partitions_that_were_asked_for(cluster):
    """And nobody has to be its first reader for that."""
    metadata = AdminClient({"bootstrap.servers": cluster.bootstrap_servers}).list_topics(timeout=10)

    assert {name: len(topic.partitions) for name, topic in metadata.topics.items()} == {TOPIC: PARTITIONS}


def test_a_message_comes_as_it_was_sent(cluster):
    """Key, body, headers and partition; with the first offset."""
    producer = Producer({"bootstrap.servers": cluster.bootstrap_servers})
    producer.produce(TOPIC, b"\x00\xff", key="SIM-1", headers=[("a", b"1"), ("a", b"2")], partition=1)
    assert producer.flush(10) == 0
    consumer = Consumer({"bootstrap.servers": cluster.bootstrap_servers, "group.id": "reader"})
    consumer.assign([TopicPartition(TOPIC, 1, 0)])

    (message,) = consumed(consumer, 1)
    consumer.close()

    assert (message.value(), message.key(), message.partition(), message.offset()) == (b"\x00\xff", b"SIM-1", 1, 0)
    assert message.headers() == [("a", b"1"), ("a", b"2")]


def test_a_group_goes_on_where_it_was(cluster):
    """Committed offsets outlive the member that committed them."""
    settings = {
        "bootstrap.servers": cluster.bootstrap_servers,
        "group.id": "bridge",
        "auto.offset.reset": "earliest",
        # For about as long the cluster waits whether a member that has left comes back.
        "session.timeout.ms": 1500,
    }
    send(cluster.bootstrap_servers, [b"1", b"2", b"3"])
    first = Consumer(settings)
    first.subscribe([TOPIC])
    consumed(first, 3)
    first.close()
    send(cluster.bootstrap_servers, [b"4"])
    second = Consumer(settings)
    second.subscribe([TOPIC])

    (message,) = consumed(second, 1)
    second.close()

    assert message.value() == b"4"
    assert committed(cluster.bootstrap_servers, "bridge") == [2, 1, 1]


async def test_what_is_stored_survives_the_brokers_absence(cluster):
    """It keeps its port, too, so that its clients find it again."""
    address = cluster.bootstrap_servers
    send(address, [b"before"])
    reader = Consumer({"bootstrap.servers": address, "group.id": "reader", "reconnect.backoff.max.ms": 100})
    reader.assign([TopicPartition(TOPIC, 0, 0)])

    cluster.go_away()
    assert reader.consume(1, timeout=0.2) == []
    cluster.come_back()
    await eventually(lambda: [message.value() for message in reader.consume(1, timeout=0.1)] == [b"before"])

    reader.close()
    assert cluster.bootstrap_servers == address
