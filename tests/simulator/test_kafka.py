"""Pushing to a Kafka topic, with the real client against the mock cluster."""

import asyncio
import subprocess
import sys
from functools import partial
from itertools import pairwise
from pathlib import Path

import pytest
from confluent_kafka import Consumer, TopicPartition

from local.kafka import MockCluster
from simulator import Fleet
from simulator.__main__ import main
from simulator.kafka import NotDelivered, TopicSender, push_to_kafka
from simulator.live import PersistentSender, Progress, RateClock, push_live
from simulator.messages import Message, Oddity
from simulator.moments import now_ticks
from tests.support.kafka import PARTITIONS, TOPIC, eventually

REPOSITORY = Path(__file__).parents[2]
PUSH = [sys.executable, "-m", "simulator", "push", "--transport", "kafka", "--brokers"]


@pytest.fixture
def cluster():
    """A broker with nothing in its topic."""
    with MockCluster({TOPIC: PARTITIONS}) as running:
        yield running


@pytest.fixture
def take(cluster):
    """Takes so many messages out of the topic, from its beginning; fails after 20 s."""
    consumer = Consumer({"bootstrap.servers": cluster.bootstrap_servers, "group.id": "reader"})
    consumer.assign([TopicPartition(TOPIC, number, 0) for number in range(PARTITIONS)])

    def take_messages(count):
        messages = consumer.consume(count, timeout=20)
        assert len(messages) == count
        return messages

    yield take_messages
    consumer.close()


async def test_every_message_is_pushed_with_its_charger_as_key(cluster, take):
    """So one charger's messages are in one partition, in the order they were sent; all partitions are used."""
    messages = Fleet(chargers=20).take(400)

    sent = await push_to_kafka(cluster.bootstrap_servers, TOPIC, messages)

    taken = take(400)
    place_of = {message.body: place for place, message in enumerate(messages)}
    key_of = {message.body: message.meaning.charger.charger_id for message in messages}
    assert sent == 400
    assert {message.value(): message.key().decode() for message in taken} == key_of
    for charger_id in set(key_of.values()):
        own = [message for message in taken if message.key().decode() == charger_id]
        assert len({message.partition() for message in own}) == 1
        places = [place_of[message.value()] for message in sorted(own, key=lambda message: message.offset())]
        assert all(one < other for one, other in pairwise(places))
    assert {message.partition() for message in taken} == set(range(PARTITIONS))


async def test_a_message_of_no_charger_has_no_key(cluster, take):
    """What is no JSON tells of nobody."""
    await push_to_kafka(cluster.bootstrap_servers, TOPIC, [Message(b"\xff", Oddity.NOT_JSON)])

    (message,) = take(1)
    assert (message.key(), message.value()) == (None, b"\xff")


async def test_what_nobody_takes_is_said(cluster):
    """Within the deadline."""
    cluster.go_away()

    async with TopicSender(cluster.bootstrap_servers, TOPIC, deadline_seconds=0.5) as sender:
        with pytest.raises(NotDelivered, match="1 of 1 messages"):
            await sender.send(Fleet(chargers=1).take(1))


async def test_a_live_push_goes_on_after_trouble(cluster, take, monkeypatch):
    """What could not be sent is sent again, when the brokers are back."""
    monkeypatch.setattr("simulator.live._SECONDS_BEFORE_ANOTHER_TRY", 0)
    happenings = [message.meaning for message in Fleet(chargers=5).take(30)]
    stopping, progress, troubles = asyncio.Event(), Progress(), []
    connect = partial(TopicSender, cluster.bootstrap_servers, TOPIC, deadline_seconds=0.5)
    close = PersistentSender.close

    async def close_and_let_it_come_back(sender):
        if progress.trouble:
            troubles.append(progress.trouble)
            cluster.come_back()
        await close(sender)

    monkeypatch.setattr(PersistentSender, "close", close_and_let_it_come_back)
    cluster.go_away()
    sender = PersistentSender(connect, stopping)

    await push_live(sender, happenings, RateClock(100_000, now_ticks()), progress, stopping)
    await sender.close()

    assert troubles[0] == "NotDelivered"
    assert len({message.value() for message in take(30)}) == 30
    assert (progress.sent, progress.trouble) == (30, "")


async def test_the_command_pushes_as_many_as_it_is_told(cluster, take):
    """`--transport kafka` with the brokers."""
    command = [*PUSH, cluster.bootstrap_servers, "--count", "40", "--rate", "1000"]

    completed = await asyncio.to_thread(subprocess.run, command, cwd=REPOSITORY, capture_output=True, check=True)

    assert (completed.stdout, completed.stderr) == (b"40 messages sent.\n", b"")
    assert len(take(40)) == 40


async def test_a_live_push_without_brokers_can_be_stopped(cluster):
    """It tries again for ever only until it is told to stop."""
    cluster.go_away()
    stopping, progress = asyncio.Event(), Progress()
    happenings = [message.meaning for message in Fleet(chargers=5).take(3)]
    sender = PersistentSender(partial(TopicSender, cluster.bootstrap_servers, TOPIC, deadline_seconds=0.5), stopping)
    pushing = asyncio.create_task(push_live(sender, happenings, RateClock(1, now_ticks()), progress, stopping))
    await eventually(lambda: progress.trouble)

    stopping.set()
    await pushing

    assert (progress.sent, progress.trouble) == (0, "NotDelivered")


@pytest.mark.parametrize(
    "arguments", [["--transport", "kafka"], ["--transport", "kafka", "--connection-string", "x"], ["--brokers", "x"]]
)
def test_a_transport_without_its_address_is_refused(arguments, capsys):
    """With what to give."""
    with pytest.raises(SystemExit):
        main(["push", *arguments])

    assert "--transport kafka with --brokers" in capsys.readouterr().err
