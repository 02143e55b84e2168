"""`python -m local.functions_host` tells which of its tasks run, for who looks for one that nobody ends."""

import json
import signal
import subprocess
import sys
from pathlib import Path

_REPOSITORY = Path(__file__).parents[3]
_TELLS = "functions: tasks "


def _lines_until(output, beginning):
    lines = []
    while not lines or not lines[-1].startswith(beginning):
        line = output.readline()
        assert line, f"the host ended after {lines}"
        lines.append(line)
    return lines


def test_the_running_tasks_are_told_for_the_signal_and_the_host_goes_on(web_app):
    """By the names of their functions, with how many there are of each; asked twice, told twice."""
    with subprocess.Popen(
        [sys.executable, "-m", "local.functions_host", "--app", str(web_app), "--port", "0"],
        cwd=_REPOSITORY,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        try:
            _lines_until(process.stdout, "functions: listening on ")
            told = []
            for _ in range(2):
                process.send_signal(signal.SIGUSR1)
                told.append(json.loads(_lines_until(process.stdout, _TELLS)[-1].removeprefix(_TELLS)))

            assert [tasks["_serve"] for tasks in told] == [1, 1]
            assert process.poll() is None
        finally:
            process.kill()
