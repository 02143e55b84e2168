"""What a worker loads before it can answer its first tap."""

import pytest

from bench.tap_imports import libraries, ready_to_answer

LATER = ("azure.servicebus", "azure.identity", "azure.data.tables", "httpx", "azure.monitor")
"""Half a second of imports that no answer needs: they are loaded when they are first used."""


@pytest.fixture(scope="module")
def loaded():
    """What a new interpreter has loaded when it is ready."""
    return ready_to_answer()


@pytest.mark.parametrize("package", LATER)
def test_the_way_of_a_tap_loads_no_heavy_library(loaded, package):
    """A driver waits for the first answer of a new worker, imports included."""
    assert [name for name in loaded.modules if name == package or name.startswith(f"{package}.")] == []


def test_the_taps_are_really_there(loaded):
    """The list is that of a worker that can answer."""
    assert {"function_app", "handlers.realtime_auth", "shared.authorization.taps"} <= set(loaded.modules)
    assert {"azure.functions", "pydantic", "aiohttp"} <= set(loaded.modules)
    assert loaded.seconds > 0


def test_libraries_are_loaded_without_ours():
    """So that the difference is ours."""
    modules = libraries(["json.decoder", "zipfile"]).modules

    assert "zipfile" in modules
    assert "shared" not in modules
