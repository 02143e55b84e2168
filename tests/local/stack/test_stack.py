"""The whole stack with the real app: it starts, serves, survives what a test does to it, and leaves nothing."""

import os
import signal
import socket
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from local.stack import ServiceEnded, Stack, StackError
from local.stack.errors import NotReady
from local.stack.ports import TABLE_PORT
from local.stack.services import FUNCTIONS, SERVICE_BUS, STORAGE
from local.stack.tables import count_rows

ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith(("Event", "ServiceBus"))}
ENVIRONMENT |= {"FUNCTIONS_HOST": "embedded"}


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    """One stack for this module; what a test does to it, it undoes."""
    with Stack(run_folder=tmp_path_factory.mktemp("run"), environment=ENVIRONMENT) as stack:
        yield stack


def health_of(stack):
    """The status the app's health route answers with."""
    try:
        with urlopen(f"{stack.functions_url}/api/health", timeout=20) as answer:  # noqa: S310  # http on loopback
            return answer.status
    except HTTPError as answer:
        answer.close()
        return answer.code


def test_the_app_serves_and_reaches_its_tables(stack):
    """All services run, and the app was told where they are."""
    assert [service.service.name for service in stack.running] == [STORAGE, SERVICE_BUS, FUNCTIONS]
    assert health_of(stack) == 200
    assert count_rows(stack.event_storage) == {}

    stack.pause(STORAGE)
    try:
        assert health_of(stack) == 503
    finally:
        stack.resume(STORAGE)


def test_an_app_that_cannot_work_says_why(tmp_path):
    """A wrong setting is named at the start, not after two minutes of silence."""
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("EventStorage", "ServiceBus"))
    }
    with (
        Stack(run_folder=tmp_path, environment=environment | {"EVENT_SHARDS": "many"}) as stack,
        pytest.raises(NotReady, match="EVENT_SHARDS"),
    ):
        stack.check_health()


def test_a_paused_storage_takes_connections_and_answers_nothing(stack):
    """As in an outage, which no error ends early; the answer comes when it goes on."""
    with socket.create_connection(("127.0.0.1", stack.surroundings.storage_ports[TABLE_PORT])) as connection:
        stack.pause(STORAGE)
        connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
        connection.settimeout(0.3)
        with pytest.raises(TimeoutError):
            connection.recv(4)

        stack.resume(STORAGE)
        connection.settimeout(20)

        assert connection.recv(4) == b"HTTP"


def test_a_killed_service_starts_again_at_its_address(stack):
    """A kill that was asked for is no failure of the stack."""
    before = stack.functions_url
    stack.kill(FUNCTIONS)
    stack.check()

    stack.start(FUNCTIONS)

    assert stack.functions_url == before
    assert health_of(stack) == 200


def test_a_running_service_is_not_started_twice(stack):
    """That would fail later, for the port, and say less."""
    with pytest.raises(StackError, match="storage runs already"):
        stack.start(STORAGE)


def test_a_service_that_ends_by_itself_is_noticed(stack, wait_until):
    """With the end of its log."""
    functions = next(service for service in stack.running if service.service.name == FUNCTIONS)
    os.kill(functions.process_id, signal.SIGKILL)
    wait_until(lambda: functions.exit_code is not None)

    with pytest.raises(ServiceEnded, match=r"functions was ended by SIGKILL[\s\S]*listening on"):
        stack.check()
    stack.kill(FUNCTIONS)
    stack.start(FUNCTIONS)


def test_a_stack_that_cannot_start_leaves_nothing(tmp_path, processes_of):
    """Storage and broker run already when the functions host finds its port taken."""
    before = processes_of(os.getpid())
    stack = Stack(run_folder=tmp_path, environment=ENVIRONMENT)

    with (
        socket.create_server(("127.0.0.1", stack.surroundings.functions_port)),
        pytest.raises(ServiceEnded, match="functions ended with exit code 1"),
        stack,
    ):
        pytest.fail("the functions host cannot have got its port")

    assert processes_of(os.getpid()) == before
