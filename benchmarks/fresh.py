"""Commands in processes of their own, timed as a whole, and gone with all their children when they take too long."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

__all__ = ["ContenderFailedError", "module_command", "run_fresh"]

ROOT = Path(__file__).resolve().parents[1]
_TIMEOUT_S = 900.0


class ContenderFailedError(RuntimeError):
    """A process that ended with an error, or did not end."""


def module_command(module: str, *arguments: str) -> list[str]:
    """Return the command line of a module of this package."""
    return [sys.executable, "-W", "ignore", "-m", f"{__package__}.{module}", *arguments]


def run_fresh(command: Sequence[str], *, timeout_s: float = _TIMEOUT_S) -> tuple[float, str]:
    """Run a command and return its seconds, start and end included, and what it wrote to stdout.

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
        out, err = process.communicate(timeout=timeout_s)
    except subprocess.TimeoutExpired as error:
        raise ContenderFailedError(f"not done after {timeout_s:.0f} s") from error
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    seconds = time.perf_counter() - began
    if process.returncode != 0:
        lines = err.strip().splitlines() or ["no message"]
        raise ContenderFailedError(f"exit code {process.returncode}: {lines[-1]}")
    return seconds, out
