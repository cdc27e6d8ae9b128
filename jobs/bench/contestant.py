"""A contestant's process, as its caller sees it: started once, asked for one turn at a time."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import threading
from types import TracebackType
from typing import IO, Any

from .words import last_words

__all__ = ["Contestant", "ContestantFailed"]

_TURN_S = 300.0


class ContestantFailed(Exception):  # noqa: N818 - a reason, shown in the table
    """Why a contestant is out."""


class Contestant:
    """One process that computes when it is told to.

    Parameters
    ----------
    name : str
        One of `child.SIDES`.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._errors: IO[str] = tempfile.TemporaryFile("w+")  # noqa: SIM115 - closed in __exit__
        self._process = subprocess.Popen(
            [sys.executable, "-m", f"{__package__}.child", name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
        )

    def __enter__(self) -> Contestant:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        # it has nothing to lose
        self._process.kill()
        self._process.communicate()
        self._errors.close()

    def take_turn(self, order: dict[str, Any], *, timeout_s: float = _TURN_S) -> dict[str, Any]:
        """Return what the process answers to an order.

        Raises
        ------
        ContestantFailed
            If it ends, or takes longer than `timeout_s`.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        timer = threading.Timer(timeout_s, self._process.kill)
        timer.start()
        try:
            self._process.stdin.write(json.dumps(order) + "\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        except BrokenPipeError:
            line = ""
        finally:
            timer.cancel()
        if not line:
            raise ContestantFailed(self._last_words())
        return dict(json.loads(line))

    def _last_words(self) -> str:
        self._process.wait()
        self._errors.seek(0)
        return last_words(self._errors.read()) or "it was killed, or took too long"
