"""`python -m local.functions_host` as those who start it see it: its lines, signals and exit codes."""

import json
import signal
import socket
import subprocess
import sys
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import pytest

_REPOSITORY = Path(__file__).parents[3]


@contextmanager
def _host(app, *options):
    """The host as a process; ended at the latest with the block."""
    process = subprocess.Popen(
        [sys.executable, "-m", "local.functions_host", "--app", str(app), *options],
        cwd=_REPOSITORY,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize("stop_signal", [signal.SIGINT, signal.SIGTERM])
def test_host_lists_its_functions_serves_and_ends_cleanly(web_app, stop_signal):
    """The functions come first, then the one line others wait for; a signal ends the host with exit code 0."""
    with _host(web_app, "--port", "0") as process:
        lines = []
        while not lines or "listening" not in lines[-1]:
            lines.append(process.stdout.readline().rstrip("\n"))
        url = lines[-1].removeprefix("functions: listening on ")
        with urllib.request.urlopen(f"{url}/api/greeting", timeout=10) as response:  # noqa: S310  # our own host
            assert response.read() == b"GET greeting"
        process.send_signal(stop_signal)

        assert process.wait(20) == 0
        assert url.startswith("http://127.0.0.1:")
        assert "functions: greeting: httpTrigger GET /api/greeting" in lines
        assert process.stdout.read() == ""


def test_port_in_use_is_one_line_and_exit_code_1(web_app):
    """Whoever starts a second host reads which port is taken, without a traceback."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with _host(web_app, "--port", str(port)) as process:
            output, errors = process.communicate(timeout=20)

    assert process.returncode == 1
    assert output == ""
    assert errors.count("\n") == 1
    assert errors.startswith(f"functions: Port {port} cannot be used: ")
    assert "address already in use" in errors


def test_broken_import_is_a_traceback_and_exit_code_1(make_app):
    """An app that cannot be imported never passes for a host that runs."""
    with _host(make_app("import no_such_module"), "--port", "0") as process:
        output, errors = process.communicate(timeout=20)

    assert process.returncode == 1
    assert output == ""
    assert "functions: The app in" in errors
    assert "ModuleNotFoundError: No module named 'no_such_module'" in errors


def test_settings_file_gives_the_app_its_settings(web_app, tmp_path, monkeypatch):
    """A setting that is only in the given file is found."""
    monkeypatch.delenv("SAMPLE_SCHEDULE")
    settings = tmp_path / "some.settings.json"
    settings.write_text(json.dumps({"Values": {"SAMPLE_SCHEDULE": "0 0 12 31 12 *"}}))

    with _host(web_app, "--port", "0", "--settings", str(settings)) as process:
        lines = iter(process.stdout.readline, "")
        timer = next(line for line in lines if "timerTrigger" in line)

    assert timer == "functions: retention: timerTrigger 0 0 12 31 12 *\n"


def test_missing_settings_file_is_one_line_and_exit_code_1(web_app, tmp_path):
    """A file that was asked for and is not there is not passed over."""
    with _host(web_app, "--port", "0", "--settings", str(tmp_path / "none.json")) as process:
        _, errors = process.communicate(timeout=20)

    assert process.returncode == 1
    assert errors == f"functions: {tmp_path / 'none.json'} is missing.\n"
