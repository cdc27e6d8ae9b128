"""Starts the processes of `queue_process`, reads what they say, and ends every one of them."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Self

import psutil

_SCRIPT = Path(__file__).with_name("queue_process.py")
_PATIENCE_S = 120.0


class Process:
    """One running `queue_process`."""

    def __init__(self, *arguments: object) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(_SCRIPT), *map(str, arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.pid = self._process.pid

    def line(self) -> str:
        """Return the next line it says; it must say one."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, f"it ended with {self._process.wait()}"
        return line.strip()

    def until(self, beginning: str) -> str:
        """Return the next line that begins like this."""
        while not (line := self.line()).startswith(beginning):
            pass
        return line

    def go_on(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()

    def kill(self) -> None:
        """Kill it, and return when the kernel has let go of what it held."""
        self._process.kill()
        self._process.wait()

    def end(self) -> int:
        """Return its exit status."""
        return self._process.wait(_PATIENCE_S)

    def close(self) -> None:
        self.kill()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                with suppress(BrokenPipeError):
                    stream.close()


class Processes:
    """Processes of one test, all ended with it."""

    def __init__(self) -> None:
        self._started: list[Process] = []
        self._strangers: list[psutil.Process] = []

    def start(self, *arguments: object) -> Process:
        process = Process(*arguments)
        self._started.append(process)
        return process

    def adopt(self, pid: int) -> int:
        """Look after the end of a process that another one started."""
        # by more than its number, which may soon be another's
        with suppress(psutil.NoSuchProcess):
            self._strangers.append(psutil.Process(pid))
        return pid

    @classmethod
    @contextmanager
    def open(cls) -> Iterator[Self]:
        processes = cls()
        try:
            yield processes
        finally:
            for process in processes._started:
                process.close()
            for stranger in processes._strangers:
                with suppress(psutil.NoSuchProcess):
                    stranger.kill()


def eventually(is_true: Callable[[], bool]) -> bool:
    """Return whether something becomes true, however slow the machine is."""
    deadline = time.monotonic() + _PATIENCE_S
    while not is_true():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True
