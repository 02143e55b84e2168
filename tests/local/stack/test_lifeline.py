"""Nothing stays behind when the process that started a service is killed."""

import signal
import subprocess
import sys

import pytest

STARTER = """
import os, sys, time
from pathlib import Path
from local.stack.process import RunningService, Service

service = Service("sleeper", [sys.executable, "-c", sys.argv[2]], os.environ, lambda output: output.count("pid") == 2)
running = RunningService(service, Path(sys.argv[1]), Path())
running.wait_until_ready(20)
if sys.argv[3] == "paused":
    running.pause()
print(running.process_id, flush=True)
time.sleep(600)
"""

FAMILY = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; print('pid', flush=True); time.sleep(600)"])
print("pid", flush=True)
time.sleep(600)
"""


@pytest.mark.parametrize("state", ["running", "paused"])
def test_a_service_and_its_children_end_when_the_starter_is_killed(state, tmp_path, wait_until, is_gone, processes_of):
    """SIGKILL leaves the starter no time to clean up, and a paused service could not even hear SIGTERM."""
    starter = subprocess.Popen(
        [sys.executable, "-c", STARTER, str(tmp_path / "log"), FAMILY, state],
        stdout=subprocess.PIPE,
        text=True,
    )
    with starter:
        service = int(starter.stdout.readline())
        family = [service, *processes_of(service)]

        starter.send_signal(signal.SIGKILL)
        wait_until(lambda: all(is_gone(member) for member in family))

    assert len(family) == 3  # the service, its child and the watcher
