"""Commands in processes of their own, timed as a whole, and gone with all their children when they take too long."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

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


def run_fresh(command: Sequence[str], *, timeout_s: float = _TIMEOUT_S) -> Ran:
    """Run a command and return what it took.

    Raises
    ------
    ContenderFailedError
    """
    began = time.perf_counter()
    # a session of its own, so that a contender's worker processes can be ended with it
    process = subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        with MemorySampler(process.pid) as memory:
            out, err = process.communicate(timeout=timeout_s)
            seconds = time.perf_counter() - began
    except subprocess.TimeoutExpired as error:
        raise ContenderFailedError(f"not done after {timeout_s:.0f} s") from error
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    if process.returncode != 0:
        lines = err.strip().splitlines() or ["no message"]
        raise ContenderFailedError(f"exit code {process.returncode}: {lines[-1]}")
    return Ran(seconds, out, memory.peak_bytes, memory.peak_worker_bytes)
