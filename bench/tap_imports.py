"""How long a new worker imports until it can answer its first tap, against importing the same libraries without us.

Each import happens in an interpreter of its own, with all bytecode cached. What the libraries are is not written down
anywhere: an interpreter that can answer says what it has loaded, and everything that is not of this repository is it.
"""

import os

from bench.imports import NOWHERE, READY_TO_ANSWER, Loaded, is_ours, loaded
from bench.processes import ROOT
from bench.results import Goal, Result, Table
from bench.rounds import Spread, in_turns, ratios

ROUNDS = 15
MOST_RATIO = 1.15


async def measure_tap_imports() -> Result:
    """Measure both in turns."""
    of_others = [name for name in ready_to_answer().modules if not is_ours(name)]

    async def ours(_number: int) -> Loaded:
        return ready_to_answer()

    async def others(_number: int) -> Loaded:
        return libraries(of_others)

    turns = await in_turns({"ours": ours, "others": others}, ROUNDS)
    return _result(turns, of_others)


def ready_to_answer() -> Loaded:
    """A new interpreter with the app indexed and its taps ready to be answered."""
    return _loaded(READY_TO_ANSWER)


def libraries(modules: list[str]) -> Loaded:
    """A new interpreter with these modules, imported in this order."""
    return _loaded(f"for name in {modules!r}: importlib.import_module(name)")


def _loaded(work: str) -> Loaded:
    keeps_bytecode = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return loaded(work, ROOT, keeps_bytecode | NOWHERE)


def _result(turns: dict[str, list[Loaded]], of_others: list[str]) -> Result:
    milliseconds = {name: [1000 * loaded.seconds for loaded in side] for name, side in turns.items()}
    ratio = ratios(milliseconds["ours"], milliseconds["others"])
    ours = sum(is_ours(name) for name in turns["ours"][0].modules)
    more = Spread.of(one - other for one, other in zip(milliseconds["ours"], milliseconds["others"], strict=True))
    return Result(
        title="Imports before the first tap",
        how=(
            f"`{READY_TO_ANSWER}` in a new interpreter with cached bytecode, {ROUNDS} times, against a new one "
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
