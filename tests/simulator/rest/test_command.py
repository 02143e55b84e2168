"""`python -m simulator rest`, as its own process."""

import signal
import subprocess
import sys

import httpx
import pytest

from simulator.__main__ import main
from simulator.rest.routes_v1 import API_KEY

START_SECONDS = 20


@pytest.fixture
def serving():
    """The command on a free port, stopped at the end."""
    command = [sys.executable, "-m", "simulator", "rest", "--port", "0", "--chargers", "10", "--seed", "2"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        yield process
        if process.poll() is None:
            process.kill()


def test_a_fleet_that_lives_now_is_served_until_it_is_told_to_stop(serving):
    """With a day behind it; a polite kill ends it cleanly."""
    url = serving.stdout.readline().rpartition(" ")[2].strip()
    with httpx.Client(base_url=f"{url}/api/v2/cpo", headers={"x-api-key": API_KEY}, trust_env=False) as client:
        chargers = client.get("/v2/chargers", timeout=START_SECONDS).json()
        sessions = client.post("/v3/transactions", json={}, timeout=START_SECONDS).json()

    serving.send_signal(signal.SIGTERM)

    assert serving.wait(START_SECONDS) == 0
    assert chargers["totalRecords"] == 10
    assert sessions["totalRecords"] > 0


@pytest.mark.parametrize(
    "arguments",
    [
        ["rest", "--port", "here"],
        ["push", "--connection-string", "x", "--lose", "1.5"],
        ["push", "--connection-string", "x", "--lose", "-0.1"],
    ],
)
def test_wrong_arguments_are_refused(arguments, capsys):
    """With the usage on standard error."""
    with pytest.raises(SystemExit):
        main(arguments)

    assert "usage: python -m simulator" in capsys.readouterr().err
