"""Fixtures for all tests."""

from collections.abc import Iterator

import pytest

from tests.support.azurite import azurite_table


@pytest.fixture(scope="session")
def azurite() -> Iterator[str]:
    """The connection string of an Azurite table service that serves the whole test run: use tables of your own."""
    with azurite_table() as connection_string:
        yield connection_string
