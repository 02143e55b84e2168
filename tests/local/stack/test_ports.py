"""Which ports are chosen, and what is said about one that is taken."""

import os
import socket

import pytest

from local.stack.errors import PortTaken, StackError
from local.stack.ports import FUNCTIONS_PORT, choose_port, free_port, is_taken, wanted_port


@pytest.fixture
def listener():
    """Somebody else's server."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


def port_of(server):
    """The port a server listens on."""
    return server.getsockname()[1]


def test_the_port_that_is_set_is_taken():
    """The environment decides."""
    port = free_port()

    assert choose_port(FUNCTIONS_PORT, {FUNCTIONS_PORT: str(port)}, may_move=False) == port


def test_a_setting_that_is_empty_counts_as_not_set():
    """As for every other setting."""
    assert wanted_port(FUNCTIONS_PORT, {FUNCTIONS_PORT: ""}) == 7071


@pytest.mark.parametrize("text", ["0", "65536", "-1", "http", "7071.0"])
def test_a_setting_that_is_no_port_is_named(text):
    """With what it is, because a port is no secret."""
    with pytest.raises(StackError, match=f"FUNCTIONS_PORT must be a port number from 1 to 65535, and is '{text}'"):
        wanted_port(FUNCTIONS_PORT, {FUNCTIONS_PORT: text})


def test_a_taken_port_is_named_with_its_setting_and_process(listener):
    """All that somebody needs to get it free, or to take another one."""
    port = port_of(listener)

    with pytest.raises(PortTaken, match=rf"Port {port} is taken by process {os.getpid()} \(.*FUNCTIONS_PORT=\d+"):
        choose_port(FUNCTIONS_PORT, {FUNCTIONS_PORT: str(port)}, may_move=True)


def test_only_a_default_port_may_move(listener, monkeypatch):
    """The demo runs beside another stack, but never elsewhere than it was told to."""
    monkeypatch.setitem(__import__("local.stack.ports").stack.ports.DEFAULTS, FUNCTIONS_PORT, port_of(listener))

    assert not is_taken(choose_port(FUNCTIONS_PORT, {}, may_move=True))
    with pytest.raises(PortTaken):
        choose_port(FUNCTIONS_PORT, {}, may_move=False)


def test_a_port_is_taken_while_somebody_listens(listener):
    """And free again after that."""
    port = port_of(listener)
    assert is_taken(port)

    listener.close()

    assert not is_taken(port)
