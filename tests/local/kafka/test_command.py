"""`python -m local.kafka` as the stack runs it: a process with an address that was known before."""

import signal
import socket
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient

from local.kafka.__main__ import main
from tests.support.kafka import TOPIC, committed, send

REPOSITORY = Path(__file__).parents[3]


@contextmanager
def running(*options):
    """The process, and the address that its one line says."""
    command = [sys.executable, "-m", "local.kafka", *options]
    with subprocess.Popen(
        command, cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            line = process.stdout.readline()
            assert line.startswith("kafka: listening on 127.0.0.1:"), line + process.stderr.read()
            yield process, line.removeprefix("kafka: listening on ").strip()
        finally:
            process.kill()


@pytest.fixture
def free_port():
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_it_listens_where_it_is_told_to(free_port):
    """Clients that begin there find the brokers, wherever those are, and the topic with its partitions."""
    with running("--port", str(free_port), "--topic", TOPIC, "--partitions", "5") as (_, address):
        topics = AdminClient({"bootstrap.servers": address}).list_topics(timeout=10).topics

    assert address == f"127.0.0.1:{free_port}"
    assert {name: len(topic.partitions) for name, topic in topics.items()} == {TOPIC: 5}


def test_another_process_can_produce_and_ask_for_offsets():
    """Over the wire, with the client's own protocol."""
    with running("--port", "0") as (_, address):
        send(address, [b"1", b"2", b"3"])

        assert committed(address, "bridge") == [0, 0, 0]


def test_clients_find_another_one_at_the_same_port(free_port):
    """It begins empty; who was connected to the one before begins at the port again, without being told."""
    with running("--port", str(free_port)) as (first, address):
        client = Producer({"bootstrap.servers": address, "reconnect.backoff.max.ms": 100, "log_level": 0})
        client.produce(TOPIC, b"1")
        assert client.flush(10) == 0
        first.kill()
        first.wait()
    with running("--port", str(free_port)):
        delivered = []
        client.produce(TOPIC, b"2", on_delivery=lambda error, _message: delivered.append(error))

        assert client.flush(20) == 0
    assert delivered == [None]


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGINT])
def test_it_stops_when_it_is_asked_to(ending):
    """Also while clients are connected; without a word."""
    with running("--port", "0") as (process, address):
        client = AdminClient({"bootstrap.servers": address})
        client.list_topics(timeout=10)
        process.send_signal(ending)
        output, errors = process.communicate(timeout=20)

    assert (process.returncode, output, errors) == (0, "", "")


def test_a_taken_port_is_said_in_one_line(capsys):
    """With what to do."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        code = main(["--port", str(port)])

    output, errors = capsys.readouterr()
    assert (code, output) == (1, "")
    assert f"cannot listen on 127.0.0.1:{port}" in errors
    assert "--port" in errors
