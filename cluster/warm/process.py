"""Starts the process of the warm cluster's server, and ends it in whatever state it is."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from ..config import ClusterConfig
from ..errors import ClusterConfigError, ClusterStartError
from .home import log_file_of
from .messages import pack_settings, unpack_answer

__all__ = ["end_server", "start_server"]

# A start has a limit of its own, of 5 minutes; a stop takes up to 10 s where Dask hangs.
_STOP_S = 20.0
_KILL_S = 10.0
_SHOWN_BYTES = 2000


def start_server(config: ClusterConfig, home_file: Path) -> None:
    """Start the server, detached from this process, and wait until its workers are ready.

    Raises
    ------
    ClusterError
        What the server raised while it started, or that it died.
    """
    with _open_log(home_file) as (log, n_bytes_before):
        reading, writing = os.pipe()
        try:
            starter = _spawn([str(home_file.absolute()), pack_settings(config), str(writing)], writing, log)
        finally:
            os.close(writing)
        try:
            answer = _read_all(reading)
        except BaseException:
            _abandon(starter.pid, reading)
            raise
        finally:
            os.close(reading)
            starter.wait()
        if not answer:
            raise ClusterStartError("the warm cluster's server died", cause=_last_words(log, n_bytes_before))
        if (error := unpack_answer(answer)) is not None:
            raise error


def end_server(pid: int, is_running: Callable[[], bool]) -> None:
    """End a server and its workers: politely for 20 s, then by SIGKILL.

    Parameters
    ----------
    pid : int
    is_running : callable
        Whether `pid` is still that of the server.
    """
    with contextlib.suppress(psutil.NoSuchProcess):
        server = psutil.Process(pid)
        # asked again: now that the process is known, its number cannot be given to another unnoticed
        if not is_running():
            return
        family = [server, *server.children(recursive=True)]
        server.terminate()
        if _wait_for_end(family, is_running, _STOP_S):
            return
        for process in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        _wait_for_end(family, is_running, _KILL_S)


@contextmanager
def _open_log(home_file: Path) -> Iterator[tuple[int, int]]:
    path = log_file_of(home_file)
    flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        log = os.open(path, flags, 0o600)
    except OSError as error:
        raise ClusterConfigError(f"the warm cluster's folder {path.parent} cannot be used", cause=str(error)) from error
    try:
        yield log, os.fstat(log).st_size
    finally:
        os.close(log)


def _spawn(arguments: list[str], answer: int, log: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        # without the working folder in the path of imports: nothing in it must stand in for a library
        [sys.executable, "-P", "-m", "arraymill.cluster.warm.server", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        pass_fds=[answer],
        start_new_session=True,
        # what workers print must be in the log when they are killed
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )


def _read_all(descriptor: int) -> str:
    answer = b""
    while more := os.read(descriptor, 65536):
        answer += more
    return answer.decode()


def _abandon(group: int, reading: int) -> None:
    """End a server that is still starting: its group of processes cannot be another's while one of them lives."""
    for number, timeout_s in ((signal.SIGTERM, _STOP_S), (signal.SIGKILL, _KILL_S)):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(group, number)
        # the server's end of the pipe is closed when it has told how it went, or ended
        if select.select([reading], [], [], timeout_s)[0]:
            return


def _wait_for_end(processes: list[psutil.Process], is_running: Callable[[], bool], timeout_s: float) -> bool:
    deadline = time.monotonic() + timeout_s
    # a process counts as ended with its first thread; its lock is there until the last one has ended
    while any(map(_is_alive, processes)) or is_running():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def _is_alive(process: psutil.Process) -> bool:
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def _last_words(log: int, start: int) -> str:
    text = os.pread(log, 2**20, start)[-_SHOWN_BYTES:].decode(errors="replace").strip()
    return text.splitlines()[-1] if text else "it said nothing"
