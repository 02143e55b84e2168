"""`make up`: what it shows, how it stops, and what it says when it cannot go on."""

import os
import signal
import socket
import subprocess
import sys

import pytest

from local.stack.ports import FUNCTIONS_PORT, SERVICE_BUS_PORT, TABLE_PORT, free_port

PORTS = (TABLE_PORT, SERVICE_BUS_PORT, FUNCTIONS_PORT)


@pytest.fixture
def environment():
    """Free ports for everything, and nothing of the machine's own settings."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("Event", "ServiceBus"))}
    return kept | {"FUNCTIONS_HOST": "embedded"} | {setting: str(free_port()) for setting in PORTS}


@pytest.fixture
def up(environment):
    """A running `up`, which has said that everything runs."""
    command = [sys.executable, "-m", "local.stack", "up", "--no-simulator"]
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        assert any("Everything runs" in line for line in process.stdout)
        yield process
        process.kill()


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_it_stops_everything_when_it_is_asked_to(up, ending, processes_of, is_gone):
    """Ctrl-C, a polite kill and a closed terminal alike; that is no failure."""
    family = processes_of(up.pid)

    up.send_signal(ending)
    _, errors = up.communicate(timeout=30)

    assert up.returncode == 0, errors
    assert len(family) >= 3
    assert all(is_gone(member) for member in family)


def test_it_ends_when_a_service_ends(up, processes_of, is_gone):
    """With the reason, exit code 1, and nothing left."""
    family = processes_of(up.pid)
    os.kill(family[0], signal.SIGKILL)

    _, errors = up.communicate(timeout=30)

    assert up.returncode == 1
    assert "storage was ended by SIGKILL" in errors
    assert all(is_gone(member) for member in family)


def test_it_does_not_start_on_a_taken_port(environment):
    """It says which, and how to take another one."""
    with socket.create_server(("127.0.0.1", int(environment[SERVICE_BUS_PORT]))):
        ended = subprocess.run(
            [sys.executable, "-m", "local.stack", "up"], env=environment, capture_output=True, text=True, check=False
        )

    assert ended.returncode == 1
    assert f"Port {environment[SERVICE_BUS_PORT]} is taken by process {os.getpid()}" in ended.stderr
    assert f"{SERVICE_BUS_PORT}=" in ended.stderr
