"""Servers as child processes, for as long as a `with` block lasts."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

ROOT = Path(__file__).parents[1]
_STOP_SECONDS = 15
_SAYS_LISTENING = "listening on "


@dataclass(frozen=True, slots=True)
class Server:
    """A running server: where it listens, what it wrote to standard error, and its process."""

    address: str
    log: Path
    process: psutil.Process

    @property
    def cpu_seconds(self) -> float:
        """The processor time it has used, in user and system mode."""
        times = self.process.cpu_times()
        return float(times.user + times.system)


@contextmanager
def running(module: str, *arguments: str, environment: Mapping[str, str] | None = None) -> Iterator[Server]:
    """Run `python -m module` and yield once it says that it listens; stop it at the end."""
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "stderr"
        with log.open("wb") as stderr:
            process = subprocess.Popen(
                [sys.executable, "-m", module, *arguments],
                cwd=ROOT,
                env=os.environ | (environment or {}),
                stdout=subprocess.PIPE,
                stderr=stderr,
                text=True,
            )
        try:
            yield Server(_address(process, module, log), log, psutil.Process(process.pid))
        finally:
            process.terminate()
            process.communicate(timeout=_STOP_SECONDS)


def _address(process: "subprocess.Popen[str]", module: str, log: Path) -> str:
    for line in process.stdout or ():
        _, says_it, address = line.strip().partition(_SAYS_LISTENING)
        if says_it:
            return address
    raise RuntimeError(f"{module} ended before it listened:\n{log.read_text()[-2000:]}")
