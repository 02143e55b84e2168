"""No test of polling waits for a pause between calls to eMabler."""

from itertools import repeat

import pytest


@pytest.fixture(autouse=True)
def _pauses_are_short(monkeypatch):
    """What Retry-After asks for is still waited."""
    monkeypatch.setattr("shared.emabler.rest.retries.pauses_seconds", lambda: repeat(0.001))
