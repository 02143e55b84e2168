"""One service's process: getting ready, ending by itself, pausing, stopping."""

import os
import signal
import sys

import psutil
import pytest

from local.stack.errors import NotReady, ServiceEnded
from local.stack.process import RunningService, Service

SERVES = "print('ready', flush=True); import time; time.sleep(600)"
IGNORES_STOPPING = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {SERVES}"
WRITES_ITS_END = "import signal, sys; signal.signal(signal.SIGTERM, lambda *_: (print('ended in order'), sys.exit(0)));"


@pytest.fixture
def run(tmp_path):
    """Runs Python text as a service which is ready when it has written `ready`."""
    started = []

    def run(text):
        service = Service("a service", [sys.executable, "-c", text], os.environ, lambda output: "ready" in output)
        started.append(RunningService(service, tmp_path / "a service.log", tmp_path))
        return started[-1]

    yield run
    for service in started:
        service.kill()


def test_a_service_is_ready_when_it_has_said_so(run):
    """The line may come late; nothing but the line counts."""
    service = run(f"import time; time.sleep(0.1); {SERVES}")

    service.wait_until_ready(20)

    assert service.output == "ready\n"
    assert service.exit_code is None


def test_a_service_that_ends_before_it_is_ready_shows_why(run):
    """The end of its log is in the error, with its exit code."""
    service = run("print('cannot open the gate'); raise SystemExit(3)")

    with pytest.raises(ServiceEnded, match=r"a service ended with exit code 3.*\n.*cannot open the gate"):
        service.wait_until_ready(20)


def test_a_command_that_is_not_there_is_named(tmp_path):
    """Instead of a traceback of the launcher."""
    service = Service("storage", ["/nowhere/azurite-table"], os.environ, lambda _output: False)
    running = RunningService(service, tmp_path / "log", tmp_path)

    with pytest.raises(ServiceEnded, match="/nowhere/azurite-table: No such file or directory"):
        running.wait_until_ready(20)
    running.kill()


def test_a_service_that_was_killed_names_the_signal(run, wait_until):
    """A number alone would say nothing."""
    service = run(f"{SERVES}")
    service.wait_until_ready(20)
    os.kill(service.process_id, signal.SIGKILL)

    wait_until(lambda: service.exit_code is not None)

    with pytest.raises(ServiceEnded, match="was ended by SIGKILL"):
        service.check()


def test_a_service_that_never_gets_ready_is_an_error(run):
    """After the given patience, and with what it has written."""
    service = run("print('thinking', flush=True); import time; time.sleep(600)")

    with pytest.raises(NotReady, match="did not get ready within 0 s"):
        service.wait_until_ready(0.1)


def test_a_service_is_asked_to_stop_before_it_is_killed(run):
    """So that it can put down what it holds."""
    service = run(WRITES_ITS_END + SERVES)
    service.wait_until_ready(20)

    service.stop(20)

    assert service.exit_code == 0
    assert "ended in order" in service.output


def test_a_service_that_does_not_stop_is_killed(run):
    """A stack stops in bounded time."""
    service = run(IGNORES_STOPPING)
    service.wait_until_ready(20)

    service.stop(0.1)

    assert service.exit_code == -signal.SIGKILL


def test_a_paused_service_can_go_on_and_be_stopped(run, wait_until):
    """Pausing freezes the process; stopping wakes it first."""
    service = run(WRITES_ITS_END + SERVES)
    service.wait_until_ready(20)
    process = psutil.Process(service.process_id)

    service.pause()
    wait_until(lambda: process.status() == psutil.STATUS_STOPPED)
    service.resume()
    wait_until(lambda: process.status() != psutil.STATUS_STOPPED)
    service.pause()
    service.stop(20)

    assert service.exit_code == 0
