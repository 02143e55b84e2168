"""Tests of the stand-in that no real namespace can take part in: faults, counters, other clients, the command line."""

import asyncio
import gc
import os
import signal
import socket
import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
from azure.servicebus import ServiceBusClient, ServiceBusMessage
from azure.servicebus.aio import ServiceBusClient as AsyncServiceBusClient
from proton import Message
from proton.utils import BlockingConnection, LinkDetached

from local.servicebus import Broker, QueueCounts, QueueSettings, Topology

REPOSITORY = Path(__file__).parents[3]
WAIT_SECONDS = 10


@pytest.fixture(scope="module")
def broker():
    """A broker with one queue per test, so that none meets another's messages."""
    names = ("counted", "dropped", "unauthorized", "malformed")
    with Broker(Topology(queues=tuple(QueueSettings(name) for name in names))) as broker:
        yield broker


@pytest.fixture(scope="module")
def port(broker) -> int:
    """The broker's port."""
    return broker.port


@pytest.fixture(scope="module")
def client(broker):
    """A client that retries quickly."""
    with ServiceBusClient.from_connection_string(broker.connection_string, retry_backoff_factor=0.1) as client:
        yield client


@pytest.fixture
def sdk_sockets_left_behind() -> Iterator[None]:
    """Collect, without a warning, the sockets that azure-servicebus 7.15.0 never closes when their peer has gone."""
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


@pytest.mark.usefixtures("sdk_sockets_left_behind")
async def test_a_client_survives_dropped_connections(broker):
    """Sender and receiver go on after a broken network; what was locked is settled through `$management`."""
    async with (
        AsyncServiceBusClient.from_connection_string(broker.connection_string, retry_backoff_factor=0.1) as client,
        client.get_queue_sender("dropped") as sender,
        client.get_queue_receiver("dropped") as receiver,
    ):
        await sender.send_messages([ServiceBusMessage("before"), ServiceBusMessage("locked")])
        before, locked = await receiver.receive_messages(2, WAIT_SECONDS)
        await receiver.complete_message(before)
        await asyncio.to_thread(broker.drop_connections)
        await sender.send_messages(ServiceBusMessage("after"))
        # With a wait of a second or less the SDK would give up reconnecting every time, and never receive again.
        (after,) = await receiver.receive_messages(1, WAIT_SECONDS)
        await receiver.complete_message(locked)
        await receiver.complete_message(after)
        assert broker.queue_depth("dropped") == 0


@pytest.mark.usefixtures("sdk_sockets_left_behind")
def test_counts_and_locks_outlive_a_client_that_vanishes(broker, client):
    """Messages are counted by state, dead letters apart; a broken connection gives no lock up."""
    with client.get_queue_sender("counted") as sender, client.get_queue_receiver("counted") as receiver:
        sender.send_messages([ServiceBusMessage(f"{number}") for number in range(5)])
        broken, later, held = receiver.receive_messages(3, WAIT_SECONDS)
        receiver.dead_letter_message(broken)
        receiver.defer_message(later)
        broker.drop_connections()
        assert broker.counts("counted") == QueueCounts(active=3, deferred=1, scheduled=0, locked=1)
        assert broker.queue_depth("counted") == 4
        assert broker.dead_letter_depth("counted") == 1
        receiver.complete_message(held)
        assert broker.queue_depth("counted") == 3


def test_nobody_gets_in_without_a_token(port):
    """A client that says SASL ANONYMOUS, as the SDK for .NET does, connects; its links need a token all the same."""
    connection = BlockingConnection(f"amqp://127.0.0.1:{port}", timeout=WAIT_SECONDS, allowed_mechs="ANONYMOUS")
    try:
        with pytest.raises(LinkDetached, match="unauthorized-access"):
            connection.create_sender("unauthorized").send(Message(body="no"))
    finally:
        connection.close()


def test_a_client_that_speaks_no_amqp_disturbs_nobody(broker, port, client):
    """Garbage on one connection ends that connection only."""
    with socket.create_connection(("127.0.0.1", port), timeout=WAIT_SECONDS) as stranger:
        stranger.sendall(b"GET / HTTP/1.1\r\n\r\n")
        while stranger.recv(4096):
            pass
    with client.get_queue_sender("malformed") as sender:
        sender.send_messages(ServiceBusMessage("still here"))
    assert broker.queue_depth("malformed") == 1


def test_a_taken_port_is_an_error_at_once(port):
    """Starting on a port in use raises instead of waiting."""
    with pytest.raises(OSError, match="in use"), Broker(Topology(), port=port):
        pass


def command(*arguments: str) -> subprocess.Popen:
    """Start the stand-in as a process."""
    return subprocess.Popen(
        [sys.executable, "-m", "local.servicebus", *arguments],
        cwd=REPOSITORY,
        env={**os.environ, "PYTHONUNBUFFERED": ""},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_command_says_where_it_listens_and_ends_cleanly(number):
    """One line when ready, with the free port it took; exit code 0 and silence on both signals."""
    with command("--port", "0") as process:
        line = process.stdout.readline()
        process.send_signal(number)
        rest, errors = process.communicate(timeout=WAIT_SECONDS)
    assert line.startswith("servicebus: listening on 127.0.0.1:")
    assert int(line.rsplit(":", 1)[1]) > 0
    assert (process.returncode, rest, errors) == (0, "", "")


def test_the_command_ends_cleanly_with_clients_connected():
    """A connected client is told and does not keep the process alive."""
    with command("--port", "0") as process:
        port = process.stdout.readline().strip().rsplit(":", 1)[1]
        connection = BlockingConnection(f"amqp://127.0.0.1:{port}", timeout=WAIT_SECONDS)
        process.terminate()
        _, errors = process.communicate(timeout=WAIT_SECONDS)
        connection.close()
    assert (process.returncode, errors) == (0, "")


def test_a_taken_port_is_one_clear_line(port):
    """The command names the address and what to do, and exits with 1."""
    with command("--port", str(port)) as process:
        output, errors = process.communicate(timeout=WAIT_SECONDS)
    assert (process.returncode, output) == (1, "")
    assert errors.count("\n") == 1
    assert f"127.0.0.1:{port}" in errors
    assert "--port" in errors


def test_a_bad_topology_is_one_clear_line(tmp_path):
    """The command names the file it cannot use, and exits with 1."""
    with command("--topology", str(tmp_path / "absent.json"), "--port", "0") as process:
        output, errors = process.communicate(timeout=WAIT_SECONDS)
    assert (process.returncode, output, errors.count("\n")) == (1, "", 1)
    assert "absent.json" in errors
