"""Processes without threads, with everything loaded, from which drivers are forked."""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import tempfile
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from itertools import count, islice
from multiprocessing import get_context
from pathlib import Path
from typing import Any, TypeVar

__all__ = ["Cases", "open_cases"]

_T = TypeVar("_T")
_N_PROCESSES = 2
_PR_SET_PDEATHSIG = 1


class Cases:
    """Runs cases side by side, each in a new folder.

    Parameters
    ----------
    pool : ProcessPoolExecutor
    folder : Path
    """

    def __init__(self, pool: ProcessPoolExecutor, folder: Path) -> None:
        self._pool, self._folder, self._numbers = pool, folder, count()

    def map(self, check: Callable[..., _T], arguments: Iterable[tuple[Any, ...]]) -> Iterator[tuple[Any, _T]]:
        """Yield the arguments and what ``check(folder, *arguments)`` returns, in order."""
        waiting = [
            (args, self._pool.submit(_checked, check, self._folder / str(next(self._numbers)), args))
            for args in arguments
        ]
        for args, future in waiting:
            yield args, future.result()

    def any(self, is_it: Callable[[_T], bool], check: Callable[..., _T], arguments: Iterable[tuple[Any, ...]]) -> bool:
        """Return whether one of the results is what is looked for; the rest is not tried."""
        rest = iter(arguments)
        while chunk := list(islice(rest, 2 * _N_PROCESSES)):
            if any(is_it(result) for _, result in self.map(check, chunk)):
                return True
        return False

    def one(self, check: Callable[..., _T], *arguments: Any) -> _T:
        """Return what ``check(folder, *arguments)`` returns."""
        return next(self.map(check, [arguments]))[1]


@contextmanager
def open_cases(folder: Path) -> Iterator[Cases]:
    """Start the processes, and end them."""
    # OpenBLAS starts its threads when it is loaded
    before = os.environ.get("OPENBLAS_NUM_THREADS")
    os.environ["OPENBLAS_NUM_THREADS"] = "1"
    try:
        with ProcessPoolExecutor(_N_PROCESSES, get_context("spawn"), _start, (os.getpid(), str(folder))) as pool:
            yield Cases(pool, folder)
    finally:
        if before is None:
            del os.environ["OPENBLAS_NUM_THREADS"]
        else:
            os.environ["OPENBLAS_NUM_THREADS"] = before


def _checked(check: Callable[..., _T], folder: Path, arguments: tuple[Any, ...]) -> _T:
    try:
        return check(folder, *arguments)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _start(parent: int, folder: str) -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    from .drivers import warm_up

    warm_up(Path(tempfile.mkdtemp(dir=folder)))
