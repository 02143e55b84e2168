"""The package is enough to run: nothing of this repository is missing where Azure unpacks it."""

import ast
import json
import shutil
import subprocess
import sys
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import pytest

from local.functions_host.worker import index_app
from tests.support.azurite import azurite_table

REPOSITORY = Path(__file__).parents[3]
SETTINGS = {
    # Nobody listens there; the functions are found and served without the queue.
    "ServiceBusConnection": "Endpoint=sb://127.0.0.1:1;SharedAccessKeyName=n;SharedAccessKey=k;"
    "UseDevelopmentEmulator=true;",
    "PUSH_EVENTS_QUEUE": "push-events",
}

ON_A_LAPTOP_ONLY = "opentelemetry.exporter.otlp"
"""The other way for telemetry, to a collector there (requirements-dev.txt)."""


@pytest.fixture
def storage_of_its_own():
    """The connection string of an empty table service."""
    with azurite_table() as connection_string:
        yield connection_string


@contextmanager
def _host(app, folder, environment):
    """The local host with the app, started in another folder; ended with the block."""
    process = subprocess.Popen(
        [sys.executable, "-S", "-m", "local.functions_host", "--app", str(app), "--port", "0"],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


def _lines_until_it_listens(process):
    lines = []
    for line in process.stdout:
        lines.append(line.rstrip("\n"))
        if "listening on" in line:
            return lines
    raise AssertionError(process.stderr.read())


@pytest.mark.parametrize("module", ["function_app", "handlers", "shared", "ops", "tests", "pytest", "typer"])
def test_the_host_sees_neither_this_repository_nor_its_tools(module, tmp_path, out_of_sight):
    """So what it runs in the tests below is in the package, or asked for by its requirements.txt."""
    done = subprocess.run(
        [sys.executable, "-S", "-c", f"import local.functions_host.errors; import {module}"],
        cwd=tmp_path,
        env=out_of_sight,
        capture_output=True,
        text=True,
        check=False,
    )

    assert f"No module named '{module}'" in done.stderr


def test_the_package_alone_has_all_functions_and_answers(unpacked, tmp_path, out_of_sight, storage_of_its_own):
    """Indexed and served from an empty folder, with storage in which no other test left anything to report."""
    settings = SETTINGS | {"EventStorage": storage_of_its_own}
    with _host(unpacked, tmp_path, out_of_sight | settings) as process:
        *functions, listening = _lines_until_it_listens(process)
        url = listening.removeprefix("functions: listening on ")
        with urllib.request.urlopen(f"{url}/api/health", timeout=10) as response:  # noqa: S310  # our own host
            health = json.load(response)

    assert {line.split(": ")[1] for line in functions} == {function.name for function in index_app(REPOSITORY)}
    assert health == {"status": "ok"}


def test_a_package_that_lacks_a_module_does_not_run(unpacked, tmp_path, out_of_sight):
    """It is not found elsewhere."""
    shutil.copytree(unpacked, tmp_path / "wwwroot")
    (tmp_path / "wwwroot" / "shared" / "settings.py").unlink()

    with _host(tmp_path / "wwwroot", tmp_path, out_of_sight | SETTINGS) as process:
        _, errors = process.communicate(timeout=20)

    assert process.returncode == 1
    assert "No module named 'shared.settings'" in errors


def test_every_library_that_is_imported_anywhere_is_asked_for(unpacked, out_of_sight):
    """Also where the import waits for its first use: none is there only because development needs it."""
    imported = sorted(name for name in set(_imported_modules(unpacked)) if not name.startswith(ON_A_LAPTOP_ONLY))

    done = subprocess.run(
        [sys.executable, "-S", "-c", f"import {', '.join(imported)}"],
        cwd=unpacked,
        env=out_of_sight,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert {"azure.identity.aio", "azure.servicebus.aio", "httpx", "shared.settings"} <= set(imported)


def _imported_modules(app):
    for module in app.rglob("*.py"):
        for node in ast.walk(ast.parse(module.read_text())):
            if isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                yield node.module
