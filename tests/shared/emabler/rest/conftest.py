"""No test waits for a pause between calls, and none leaves its key's filter to the next."""

import logging
from itertools import repeat

import pytest


@pytest.fixture(autouse=True)
def _pauses_are_short(monkeypatch):
    """What Retry-After asks for is still waited."""
    monkeypatch.setattr("shared.emabler.rest.retries.pauses_seconds", lambda: repeat(0.001))


@pytest.fixture(autouse=True)
def _loggers_are_as_they_were():
    """A key that an API left open strikes out would not be missed by the next test."""
    loggers = [logging.getLogger(name) for name in ("httpx", *logging.root.manager.loggerDict) if "http" in name]
    before = {logger: list(logger.filters) for logger in loggers}
    yield
    for logger, filters in before.items():
        logger.filters[:] = filters
