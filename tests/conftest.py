"""Fixtures for all tests, and a watch over every log line of the run."""

import logging
from collections.abc import Iterator

import pytest

from tests.support.azurite import azurite_table
from tests.support.leaks import LeakWatch

_WATCH = pytest.StashKey[LeakWatch]()


@pytest.fixture(scope="session")
def azurite() -> Iterator[str]:
    """The connection string of an Azurite table service that serves the whole test run: use tables of your own."""
    with azurite_table() as connection_string:
        yield connection_string


@pytest.fixture
def leak_watch(pytestconfig: pytest.Config) -> LeakWatch:
    """What has looked at every log line so far."""
    return pytestconfig.stash[_WATCH]


def pytest_configure(config: pytest.Config) -> None:
    """Look at every line from the first, at the level that a deployed app sends."""
    config.stash[_WATCH] = watch = LeakWatch()
    logging.getLogger().setLevel(logging.INFO)
    logging.getLogger().addHandler(watch)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """So that a leak names its test."""
    item.config.stash[_WATCH].test = item.nodeid


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The test that reads what the watch has found comes after all others, whatever their order."""
    items.sort(key=lambda item: item.path.name == "test_logs.py")
