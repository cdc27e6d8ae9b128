"""Which block the death of a worker is blamed on: the one it was running, never those that waited behind it."""

from __future__ import annotations

from typing import Any

from ..engine import Running, StickyDeviceError, read_board, take_down
from ..errors import JobError
from .faults import Failure

__all__ = ["Casualties"]


class Casualties:
    """Workers that died, and what ran on them.

    Parameters
    ----------
    board : str or None
        The folder where running blocks are shown. Without one, every task of a dead worker is suspected.
    """

    __slots__ = ("_board", "_expected", "_suspects", "n_deaths", "n_replaced", "was_oom")

    def __init__(self, board: str | None) -> None:
        self._board = board
        self._expected: dict[int, tuple[int | None, Failure]] = {}
        self._suspects: dict[int, set[int]] = {}
        self.n_deaths = 0
        self.n_replaced = 0
        self.was_oom = False
        """Whether the last death was the kernel's doing, for want of memory."""

    def expect(self, pid: int, block: int | None, failure: Failure) -> None:
        """Take note that a worker is about to be killed for what `block` did; None if that has been judged already."""
        self._expected[pid] = (block, failure)
        self.n_replaced += failure.kind == "timeout"
        for running in self._posted_by(pid):
            take_down(running)

    def failure_of(self, error: BaseException, block: int, *, is_alone: bool) -> Failure:
        """Return what kind of failure of `block` an error is."""
        if isinstance(error, StickyDeviceError):
            return Failure("device", str(error), is_alone)
        if getattr(error, "is_worker_death", False):
            return self._death(error, block, is_alone)
        if isinstance(error, JobError):
            return Failure("io", f"{error.what}: {error.cause}", is_alone)
        return Failure("io" if isinstance(error, OSError) else "error", f"{type(error).__name__}: {error}", is_alone)

    def _death(self, error: Any, block: int, is_alone: bool) -> Failure:
        pid, message = getattr(error, "pid", None), str(error).partition("\n")[0] or type(error).__name__
        if pid in self._expected:
            culprit, failure = self._expected[pid]
            return failure if block == culprit else Failure("bystander", message, is_alone)
        is_oom = bool(getattr(error, "is_oom", False))
        if not (self._ran_on(pid, block, is_oom) or is_alone):
            return Failure("bystander", message)
        return Failure("oom" if is_oom else "death", message, is_alone)

    def _ran_on(self, pid: int | None, block: int, is_oom: bool) -> bool:
        """Count the death, once per process, and return whether `block` ran on it."""
        if pid is None or pid not in self._suspects:
            self.n_deaths, self.was_oom = self.n_deaths + 1, is_oom
        if pid is None:
            return True
        if pid not in self._suspects:
            found = self._posted_by(pid)
            self._suspects[pid] = {running.block for running in found}
            for running in found:
                take_down(running)
        return self._board is None or block in self._suspects[pid]

    def _posted_by(self, pid: int) -> list[Running]:
        return [running for running in read_board(self._board) if running.pid == pid] if self._board else []
