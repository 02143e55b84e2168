"""How long a new worker imports until it can answer its first tap, against importing the same libraries without us.

Each import happens in an interpreter of its own, with all bytecode cached. What the libraries are is not written down
anywhere: an interpreter that can answer says what it has loaded, and everything that is not of this repository is it.
"""

import json
import os
import subprocess
import sys
from typing import Final, NamedTuple

from bench.processes import ROOT
from bench.results import Goal, Result, Table
from bench.rounds import Spread, in_turns, ratios

ROUNDS = 15
MOST_RATIO = 1.15

OURS: Final = ("function_app", "handlers", "shared")

_READY_TO_ANSWER: Final = "import function_app; from shared import services; services.taps()"
_PROBE: Final = """
import importlib, json, sys, time
before = set(sys.modules)
begun_at_seconds = time.perf_counter()
{work}
seconds = time.perf_counter() - begun_at_seconds
loaded = [name for name, module in sys.modules.items() if name not in before and module.__spec__ is not None]
print(json.dumps([seconds, loaded]))
"""
_NOWHERE: Final = (
    "DefaultEndpointsProtocol=http;AccountName=nobody;AccountKey=bm9uZQ==;TableEndpoint=http://127.0.0.1:1/nobody;"
)
"""Storage that nothing asks: being ready connects to nothing."""


class Loaded(NamedTuple):
    """What an interpreter loaded, in the order in which it was done, and how many seconds it took.

    Modules without a spec are left out: compiled libraries make them for themselves, and nobody can import them.
    """

    seconds: float
    modules: list[str]


async def measure_tap_imports() -> Result:
    """Measure both in turns."""
    of_others = [name for name in ready_to_answer().modules if not _is_ours(name)]

    async def ours(_number: int) -> Loaded:
        return ready_to_answer()

    async def others(_number: int) -> Loaded:
        return libraries(of_others)

    turns = await in_turns({"ours": ours, "others": others}, ROUNDS)
    return _result(turns, of_others)


def ready_to_answer() -> Loaded:
    """A new interpreter with the app indexed and its taps ready to be answered."""
    return _loaded(_READY_TO_ANSWER)


def libraries(modules: list[str]) -> Loaded:
    """A new interpreter with these modules, imported in this order."""
    return _loaded(f"for name in {modules!r}: importlib.import_module(name)")


def _is_ours(module: str) -> bool:
    return module.partition(".")[0] in OURS


def _loaded(work: str) -> Loaded:
    environment = os.environ | {"EventStorage": _NOWHERE}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    answer = subprocess.run(
        [sys.executable, "-c", _PROBE.format(work=work)],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return Loaded(*json.loads(answer.stdout))


def _result(turns: dict[str, list[Loaded]], of_others: list[str]) -> Result:
    milliseconds = {name: [1000 * loaded.seconds for loaded in side] for name, side in turns.items()}
    ratio = ratios(milliseconds["ours"], milliseconds["others"])
    ours = sum(_is_ours(name) for name in turns["ours"][0].modules)
    more = Spread.of(one - other for one, other in zip(milliseconds["ours"], milliseconds["others"], strict=True))
    return Result(
        title="Imports before the first tap",
        how=(
            f"`{_READY_TO_ANSWER}` in a new interpreter with cached bytecode, {ROUNDS} times, against a new one "
            "that imports the same modules in the same order but for ours, those of the standard library included."
        ),
        tables=[
            Table(
                title="Milliseconds until everything is imported",
                columns=["", "modules", "ms"],
                rows=[
                    ["ready to answer", str(len(of_others) + ours), Spread.of(milliseconds["ours"]).text(0)],
                    ["the libraries alone", str(len(of_others)), Spread.of(milliseconds["others"]).text(0)],
                ],
            )
        ],
        goals=[
            Goal(
                what="imports against those of the libraries alone",
                wanted=f"at most {MOST_RATIO}",
                measured=ratio.text(2),
                is_met=ratio.median <= MOST_RATIO,
                reason=""
                if ratio.median <= MOST_RATIO
                else f"Our own {ours} modules take {more.median:.0f} ms, the models and their validators included.",
            )
        ],
    )
