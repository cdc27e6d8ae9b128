"""Commands in processes of their own, timed as a whole, and gone with all their children when they take too long."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from arraymill.jobs.bench.words import last_words

from .memory import MemorySampler

__all__ = ["ContenderFailedError", "Ran", "module_command", "run_fresh"]

ROOT = Path(__file__).resolve().parents[1]
_TIMEOUT_S = 900.0


class ContenderFailedError(RuntimeError):
    """A process that ended with an error, or did not end."""


@dataclass(frozen=True, slots=True)
class Ran:
    """A command that ended well.

    Parameters
    ----------
    seconds : float
        Start and end included.
    out : str
        What it wrote to stdout.
    peak_bytes, peak_worker_bytes : int
        Most anonymous memory of all its processes, and of the largest.
    """

    seconds: float
    out: str
    peak_bytes: int
    peak_worker_bytes: int


def module_command(module: str, *arguments: str) -> list[str]:
    """Return the command line of a module of this package."""
    return [sys.executable, "-W", "ignore", "-m", f"{__package__}.{module}", *arguments]


def run_fresh(
    command: Sequence[str], *, timeout_s: float = _TIMEOUT_S, when_ready: Callable[[], object] | None = None
) -> Ran:
    """Run a command and return what it took.

    Parameters
    ----------
    command : sequence of str
    timeout_s : float
    when_ready : callable, optional
        Called once the command has written a line; then it is sent one, and its memory is watched from there on.

    Raises
    ------
    ContenderFailedError
    """
    began = time.perf_counter()
    # a session of its own, so that a contender's worker processes can be ended with it
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    waited_s = 0.0
    try:
        if when_ready is not None:
            waited_s = _make_ready(process, when_ready, timeout_s)
        with MemorySampler(process.pid) as memory:
            out, err = process.communicate("go\n" if when_ready else None, timeout=timeout_s)
            seconds = time.perf_counter() - began - waited_s
    except subprocess.TimeoutExpired as error:
        raise ContenderFailedError(f"not done after {timeout_s:.0f} s") from error
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    if process.returncode != 0:
        raise ContenderFailedError(f"exit code {process.returncode}: {last_words(err) or 'no message'}")
    return Ran(seconds, out, memory.peak_bytes, memory.peak_worker_bytes)


def _make_ready(process: subprocess.Popen[str], when_ready: Callable[[], object], timeout_s: float) -> float:
    """Wait for the command's line, do what is to be done, and return the seconds that it took."""
    assert process.stdout is not None
    if not select.select([process.stdout], [], [], timeout_s)[0]:
        raise ContenderFailedError(f"not ready after {timeout_s:.0f} s")
    if not process.stdout.readline():
        # it has ended, and says why on stderr
        return 0.0
    began = time.perf_counter()
    when_ready()
    return time.perf_counter() - began
