"""What a measurement hands in, and where all of them are kept: bench/figures.json, from which the page is written.

One measurement can be taken again without the others; each therefore carries its own date, machine and load.
"""

import os
import platform
import subprocess
from pathlib import Path

import psutil
from pydantic import BaseModel, RootModel

_LOOK_SECONDS = 2.0

FIGURES = Path(__file__).parent / "figures.json"


class Goal(BaseModel):
    """What was to be reached, what was measured, and where it was missed, the measured reason."""

    what: str
    wanted: str
    measured: str
    is_met: bool
    reason: str = ""


class Table(BaseModel):
    """Figures in rows; the first column says what a row is about."""

    title: str
    columns: list[str]
    rows: list[list[str]]


class Circumstances(BaseModel):
    """When, where and beside what a measurement was taken: `busy_with_others` of before and after it."""

    taken_at: str
    machine: str
    percent_busy_before: float
    percent_busy_after: float


class Result(BaseModel):
    """One measurement: what was compared and how, the figures, the goals."""

    title: str
    how: str
    tables: list[Table]
    goals: list[Goal]
    circumstances: Circumstances | None = None


class _Kept(RootModel[dict[str, Result]]):
    """All results by name."""


def read_results() -> dict[str, Result]:
    """The results kept so far, by the measurements' names."""
    return _Kept.model_validate_json(FIGURES.read_bytes()).root if FIGURES.is_file() else {}


def keep_results(results: dict[str, Result]) -> None:
    """Keep these instead of all that were there."""
    FIGURES.write_text(_Kept(results).model_dump_json(indent=2) + "\n")


def busy_with_others() -> float:
    """How busy all cores together are while we do nothing, in percent; looks for two seconds.

    The load average would not do: for minutes it remembers the measurement before.
    """
    return float(psutil.cpu_percent(interval=_LOOK_SECONDS))


def machine() -> str:
    """Processor, number of cores, and the versions that matter."""
    node = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout.strip()
    return (
        f"{_processor()}, {os.cpu_count()} cores, {platform.system()} {platform.release()}, "
        f"Python {platform.python_version()}, Node.js {node}"
    )


def _processor() -> str:
    processors = Path("/proc/cpuinfo")
    if processors.is_file():
        for line in processors.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
