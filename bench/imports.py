"""What a new interpreter loads for some work, and how long that takes it."""

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple

OURS: Final = ("function_app", "handlers", "shared")

READY_TO_ANSWER: Final = "import function_app; from shared import services; services.taps()"

NOWHERE: Final = {
    "EventStorage": "DefaultEndpointsProtocol=http;AccountName=nobody;AccountKey=bm9uZQ==;"
    "TableEndpoint=http://127.0.0.1:1/nobody;"
}
"""Storage that nothing asks: being ready connects to nothing."""

_PROBE: Final = """
import importlib, json, sys, time
before = set(sys.modules)
begun_at_seconds = time.perf_counter()
{work}
seconds = time.perf_counter() - begun_at_seconds
loaded = [name for name, module in sys.modules.items() if name not in before and getattr(module, '__spec__', None)]
print(json.dumps([seconds, loaded]))
"""


class Loaded(NamedTuple):
    """What an interpreter loaded, in the order in which it was done, and how many seconds it took.

    Modules without a spec are left out: compiled libraries make them for themselves, and nobody can import them.
    """

    seconds: float
    modules: list[str]


def loaded(work: str, folder: Path, environment: Mapping[str, str], *options: str) -> Loaded:
    """Let a new interpreter, with these options and variables, do the work in a folder."""
    answer = subprocess.run(
        [sys.executable, *options, "-c", _PROBE.format(work=work)],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return Loaded(*json.loads(answer.stdout))


def is_ours(module: str) -> bool:
    """Whether it is a module of this repository."""
    return module.partition(".")[0] in OURS
