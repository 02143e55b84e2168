"""Runs a command which ends when the process that started it ends, be it by SIGKILL.

    python lifeline.py DESCRIPTOR COMMAND...

The starter holds the writing end of a pipe, and the kernel closes it whenever the starter ends. A watcher forked here
holds the reading end (DESCRIPTOR) and ends the command, with all it has started, when the pipe does. The command
itself takes this process over, so the starter sees its true process id and exit code.

Linux alone has a signal for a parent's death (prctl's PR_SET_PDEATHSIG), but sends it already when the starting
*thread* ends and reaches no grandchildren; the pipe does the same on macOS too. Standard library only, and run by its
path, because it starts before every service.
"""

import contextlib
import os
import select
import signal
import sys
import time

_LOOK_SECONDS = 0.5
_GRACE_SECONDS = 5.0


def main() -> None:
    """Fork the watcher, then become the command. Expects to lead its own process group."""
    lifeline, command = int(sys.argv[1]), sys.argv[2:]
    service = os.getpid()
    if os.fork() == 0:
        _watch(lifeline, service)
        # Not sys.exit: whatever Python would flush or close at its end belongs to the service.
        os._exit(0)
    os.close(lifeline)
    try:
        os.execvp(command[0], command)  # noqa: S606  # no shell is wanted
    except OSError as error:
        sys.exit(f"{command[0]}: {error.strerror}")


def _watch(lifeline: int, service: int) -> None:
    """Return when the service has ended; end it when the pipe has no writer any more."""
    # The signals are the service's; and a watcher that kept its output open would keep a reader of it waiting.
    for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)
    nowhere = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(nowhere, standard)
    while os.getppid() == service:
        starter_is_gone, _, _ = select.select([lifeline], [], [], _LOOK_SECONDS)
        if starter_is_gone:
            _end(service)
            return


def _end(service: int) -> None:
    if os.getppid() != service:
        return
    with contextlib.suppress(ProcessLookupError):
        # A service that a test has paused could not answer to SIGTERM.
        os.kill(service, signal.SIGCONT)
        os.kill(service, signal.SIGTERM)
    patience_ends = time.monotonic() + _GRACE_SECONDS
    while os.getppid() == service and time.monotonic() < patience_ends:
        time.sleep(0.05)
    # The group holds what the service has started, and this watcher.
    os.killpg(service, signal.SIGKILL)


if __name__ == "__main__":
    main()
