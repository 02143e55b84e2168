"""What the tests of the stack share: waiting for conditions, and looking at processes."""

import time

import psutil
import pytest


def _wait_until(condition, patience_seconds=20.0):
    """Return as soon as the condition holds; fail when it does not in time."""
    patience_ends = time.monotonic() + patience_seconds
    while not condition():
        assert time.monotonic() < patience_ends, "the condition did not come true in time"
        time.sleep(0.02)


def _is_gone(process_id):
    """Whether a process has ended; one that nobody has asked for its exit code yet has ended, too."""
    try:
        return psutil.Process(process_id).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


@pytest.fixture
def wait_until():
    """A function that waits for a condition."""
    return _wait_until


@pytest.fixture
def is_gone():
    """A function that tells whether the process of an id has ended."""
    return _is_gone


@pytest.fixture
def processes_of():
    """A function for the ids of all processes below one."""
    return lambda process_id: [child.pid for child in psutil.Process(process_id).children(recursive=True)]
