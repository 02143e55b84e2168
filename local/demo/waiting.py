"""Waiting for what the app does by itself."""

import time
from collections.abc import Callable

from local.demo.errors import DemoFailed

PATIENCE_SECONDS = 30.0
_LOOK_SECONDS = 0.05


def wait_until(condition: Callable[[], bool], what: str) -> None:
    """Look until it is so. Raises DemoFailed with what is not so when the patience ends."""
    patience_ends = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        if time.monotonic() > patience_ends:
            raise DemoFailed(f"After {PATIENCE_SECONDS:.0f} s it is not so that {what}.")
        time.sleep(_LOOK_SECONDS)
