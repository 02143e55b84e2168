"""One running service: its process group, its lifeline and its log file."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from local.stack.errors import NotReady, ServiceEnded

_LIFELINE = Path(__file__).with_name("lifeline.py")
_LOOK_SECONDS = 0.02


@dataclass(frozen=True)
class Service:
    """What to run, and how to know that it serves."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    """All of the process's environment."""
    is_ready: Callable[[str], bool]
    """Is given what the service has written so far."""
    stop_signal: signal.Signals = signal.SIGTERM


class RunningService:
    """A service's process. What it writes goes into a file and never through this process, so nobody can block it."""

    def __init__(self, service: Service, log: Path, folder: Path) -> None:
        self.service = service
        self.log = log
        reading_end, self._lifeline = os.pipe()
        with log.open("wb") as output:
            # -I and -S: the launcher needs nothing but the standard library, and starts in 15 ms that way.
            self._process = subprocess.Popen(
                [sys.executable, "-IS", str(_LIFELINE), str(reading_end), *service.command],
                cwd=folder,
                env=dict(service.environment),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                pass_fds=[reading_end],
                # Its own session: a Ctrl-C reaches the stack alone, which then stops everything in order.
                start_new_session=True,
            )
        os.close(reading_end)

    @property
    def process_id(self) -> int:
        """The service's own, which is also its process group's."""
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """None while it runs; negative for the signal that ended it."""
        return self._process.poll()

    @property
    def output(self) -> str:
        """All it has written."""
        return self.log.read_text(encoding="utf-8", errors="replace")

    def wait_until_ready(self, patience_seconds: float) -> None:
        """Raises ServiceEnded when it ends first, NotReady when it takes longer."""
        patience_ends = time.monotonic() + patience_seconds
        while not self.service.is_ready(self.output):
            self.check()
            if time.monotonic() > patience_ends:
                raise NotReady(
                    f"{self.service.name} did not get ready within {patience_seconds:.0f} s. {self.last_lines()}"
                )
            time.sleep(_LOOK_SECONDS)

    def check(self) -> None:
        """Raises ServiceEnded, with the end of its log, when it does not run any more."""
        if (code := self.exit_code) is None:
            return
        how = f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
        raise ServiceEnded(f"{self.service.name} {how}. {self.last_lines()}")

    def pause(self) -> None:
        """Freeze it: its connections stay open and nothing answers."""
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let a paused service go on."""
        self._process.send_signal(signal.SIGCONT)

    def ask_to_stop(self) -> None:
        """Send the service's own stop signal; a paused one is resumed, or it could not hear it."""
        self.resume()
        self._process.send_signal(self.service.stop_signal)

    def stop(self, grace_seconds: float) -> None:
        """Ask, wait, and kill what is left of it after that."""
        self.ask_to_stop()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(grace_seconds)
        self.kill()

    def kill(self) -> None:
        """End it and everything it has started at once, as a crash would."""
        # Where the group is empty the service and all it had started are gone already.
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process_id, signal.SIGKILL)
        self._process.wait()
        if self._lifeline >= 0:
            os.close(self._lifeline)
            self._lifeline = -1

    def last_lines(self, count: int = 12) -> str:
        """What it wrote last, with where the rest is."""
        lines = self.output.splitlines()[-count:]
        if not lines:
            return f"It wrote nothing into {self.log}."
        return "\n".join([f"The end of {self.log}:", *(f"  {line}" for line in lines)])
