"""Indexing and invoking an app's functions through Microsoft's `azure-functions-runtime`, as production does.

The library keeps the app in module globals: one app per process at a time. Loading another one replaces it, which is
enough for tests that index several small apps one after the other.
"""

import asyncio
import importlib
import json
import logging
import secrets
import sys
import uuid
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import azure_functions_runtime as runtime

from local.functions_host.errors import HostError, IndexingError
from local.functions_host.protocol import ParameterBinding, StatusResult, TypedData, request

_log = logging.getLogger(__name__)

_APP_MODULE = "function_app"


@dataclass(frozen=True)
class IndexedFunction:
    """A function as the host gets to know it: its bindings are the dictionaries a function.json would hold.

    `retry_options` is the protocol's RpcRetryOptions, None for a function without a retry policy.
    """

    name: str
    function_id: str
    bindings: tuple[dict[str, Any], ...]
    retry_options: SimpleNamespace | None = None

    @property
    def trigger(self) -> dict[str, Any]:
        """The one binding that starts the function."""
        return next(binding for binding in self.bindings if binding["type"].lower().endswith("trigger"))


@dataclass(frozen=True)
class Outcome:
    """How an invocation ended; `return_value` is what a successful function answered, None for nothing."""

    succeeded: bool
    return_value: TypedData | None = None


Invoke = Callable[[IndexedFunction, TypedData, Mapping[str, TypedData]], Awaitable[Outcome]]
"""The shape of `invoke`, so that a trigger can be tested without the runtime library."""

InvokeAgain = Callable[[IndexedFunction, TypedData, Mapping[str, TypedData], int, int], Awaitable[Outcome]]
"""The same where a function's retry policy is honoured, which also tells the number of retries, and the most."""


def index_app(folder: Path | str) -> list[IndexedFunction]:
    """Import and index the app in a folder, for tests that assert its triggers, routes and bindings.

    Needs no server and no subprocess, but must not be called from a running event loop (use an ordinary test
    function). `function_app` is imported anew and `sys.path` is put back; what the app itself imports stays loaded.
    Raises IndexingError where production would find 0 functions.
    """
    with app_importable(Path(folder)):
        return asyncio.run(load_app(Path(folder)))


@contextmanager
def app_importable(folder: Path) -> Iterator[None]:
    """Make the folder the first place imports look at, and forget an app that was imported before, for the block."""
    path_before, module_before = list(sys.path), sys.modules.pop(_APP_MODULE, None)
    sys.path.insert(0, str(folder))
    importlib.invalidate_caches()
    try:
        yield
    finally:
        sys.path[:] = path_before
        sys.modules.pop(_APP_MODULE, None)
        if module_before is not None:
            sys.modules[_APP_MODULE] = module_before


async def load_app(folder: Path) -> list[IndexedFunction]:
    """Index the app in a folder, which must be importable, and leave it ready to be invoked; raises IndexingError."""
    if not (folder / f"{_APP_MODULE}.py").is_file():
        raise HostError(f"{folder} has no {_APP_MODULE}.py: give the folder of a function app.")
    response = await runtime.worker_init_request(
        request("worker_init_request", capabilities={}, function_app_directory=str(folder))
    )
    if response.result.status != StatusResult.Success:
        stack_trace = response.result.exception.stack_trace.rstrip()
        raise IndexingError(f"The app in {folder} cannot be indexed.\n{stack_trace}")
    listing = await runtime.functions_metadata_request(request("functions_metadata_request"))
    if not listing.function_metadata_results:
        raise IndexingError(f"0 functions found in {folder / _APP_MODULE}.py: register at least one.")
    return [
        IndexedFunction(
            found.name,
            found.function_id,
            tuple(json.loads(binding) for binding in found.raw_bindings),
            found.retry_options,
        )
        for found in listing.function_metadata_results
    ]


def _new_trace() -> str:
    """As the host begins one for every invocation, in W3C's form."""
    return f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-01"


async def invoke(
    function: IndexedFunction,
    data: TypedData,
    metadata: Mapping[str, TypedData],
    retry_count: int = 0,
    max_retry_count: int = 0,
) -> Outcome:
    """Run a function of the loaded app with the trigger's data; a failure is logged with its traceback.

    The function finds the two counts in its context: 0 of 0 where it has no retry policy.
    """
    response = await runtime.invocation_request(
        request(
            "invocation_request",
            invocation_id=str(uuid.uuid4()),
            function_id=function.function_id,
            input_data=[ParameterBinding(name=function.trigger["name"], data=data)],
            trigger_metadata=metadata,
            trace_context=SimpleNamespace(trace_parent=_new_trace(), trace_state="", attributes={}),
            retry_context=SimpleNamespace(retry_count=retry_count, max_retry_count=max_retry_count, exception=None),
        )
    )
    if response.result.status == StatusResult.Success:
        return Outcome(succeeded=True, return_value=response.return_value)
    exception_type = response.result.exception.message.partition(":")[0]
    _log.error("%s failed: %s\n%s", function.name, exception_type, response.result.exception.stack_trace.rstrip())
    return Outcome(succeeded=False)
