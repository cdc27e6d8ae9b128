"""What the tests of sessions do with one."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
from worker_tasks import TIMEOUT_S, alive, own_pid, wait_until

from arraymill.cluster.session.client import ClientSession
from arraymill.cluster.session.futures import DaskFuture

__all__ = ["begin", "end_of", "pids", "run", "until_up", "worker_processes"]


def begin(session: ClientSession, function: Callable[..., Any], *args: Any) -> DaskFuture:
    """Start a task and wait until it runs: one that a worker has not begun is quietly given to another."""
    with tempfile.TemporaryDirectory() as folder:
        begun = Path(folder) / "begun"

        def mark_and_run() -> Any:
            begun.touch()
            return function(*args)

        future = session.submit(mark_and_run, key=f"{function.__name__}-{os.urandom(4).hex()}")
        wait_until(begun.exists, "the beginning of the task")
    return future


def end_of(session: ClientSession, future: DaskFuture) -> BaseException | None:
    """Wait for a task and return what it raised."""
    assert session.wait([future], TIMEOUT_S) == {future}
    return future.exception()


def run(session: ClientSession, function: Callable[..., Any], *args: Any) -> Any:
    """Run a task and return its result, or raise what it raised."""
    future = session.submit(function, *args, key=f"run-{os.urandom(4).hex()}")
    error = end_of(session, future)
    if error is not None:
        raise error
    return future.result()


def pids(session: ClientSession) -> list[int]:
    """Return the pids of a session's workers, by their names."""
    return [facts.pid for facts in session.facts()]


def until_up(session: ClientSession) -> None:
    """Wait until every worker is there and takes tasks."""

    def answer() -> bool:
        # a worker that has just been killed may still be on the scheduler's list
        found = session._client.run(own_pid, on_error="ignore")
        return set(found.values()) == set(pids(session))

    wait_until(answer, "every worker")


def worker_processes() -> set[int]:
    """Return the processes that this one has spawned for workers and that live."""
    found = set()
    for child in psutil.Process().children():
        with contextlib.suppress(psutil.Error):
            if "spawn_main" in " ".join(child.cmdline()):
                found.add(child.pid)
    return alive(found)
