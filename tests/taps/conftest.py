"""Stacks of their own for tests that tap through the running host."""

import os

import pytest

from local.stack import Stack
from tests.support.leaks import leaking_lines
from tests.support.tapping import TOKEN


@pytest.fixture
def stack_of(tmp_path):
    """Makes a stack with settings; without `EventStorage` it has an Azurite of its own. Its host must log no secret."""
    made = []

    def make(**settings):
        environment = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("EventStorage", "ServiceBusConnection", "REALTIME_AUTH", "PUSH_WEBHOOK"))
        }
        made.append(Stack(run_folder=tmp_path, environment=environment | {"REALTIME_AUTH_TOKENS": TOKEN} | settings))
        return made[-1]

    yield make
    assert [line for stack in made for line in leaking_lines(stack.output("functions"))] == []
