"""Starts a cluster so that Ctrl-C leaves nothing half started, and says why a start failed."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from ..errors import ClusterError, ClusterStartError

__all__ = ["explain_start", "run_interruptibly"]

# Importing torch from a busy network file system takes minutes; more than this is a hang.
_START_S = 300.0


def run_interruptibly(start: Callable[[], Any], keep: Callable[[Any], None]) -> None:
    """Run ``keep(start())`` in a thread and wait for it.

    Dask's start cannot be interrupted half way without leaving processes behind that nobody knows. So on Ctrl-C the
    start runs to its end, `keep` takes what there is to close, and only then the interrupt goes on. A second Ctrl-C
    does not wait.

    Raises
    ------
    BaseException
        What `start` raised.
    TimeoutError
        If it takes more than 5 minutes.

    Examples
    --------
    >>> found = []
    >>> run_interruptibly(lambda: 5, found.append)
    >>> found
    [5]
    """
    failures: list[BaseException] = []
    # Not Thread.join: interrupted, it takes the thread for ended (CPython issue 90882), and the next returns at once.
    ended = threading.Event()

    def run() -> None:
        try:
            keep(start())
        except BaseException as error:  # noqa: BLE001 - handed to the thread that waits
            failures.append(error)
        finally:
            ended.set()

    threading.Thread(target=run, name="arraymill-start", daemon=True).start()
    try:
        is_ended = ended.wait(_START_S)
    except KeyboardInterrupt:
        ended.wait(_START_S)
        raise
    if failures:
        raise failures[0]
    if not is_ended:
        raise TimeoutError(f"the workers were not ready after {_START_S:.0f} s")


def explain_start(error: BaseException) -> ClusterError:
    """Return the error to show for a failed start: ours if there is one in its chain, else the first cause.

    >>> print(explain_start(RuntimeError("libfoo.so is missing")))
    the workers did not start
      cause: libfoo.so is missing
      safe:  nothing has run yet
      next:  run `arraymill doctor`, or use kind inline
    """
    cause = error
    while not isinstance(cause, ClusterError) and (deeper := cause.__cause__ or cause.__context__) is not None:
        cause = deeper
    if isinstance(cause, ClusterError):
        return cause
    return ClusterStartError(
        "the workers did not start",
        cause=str(cause) or type(cause).__name__,
        safe="nothing has run yet",
        next="run `arraymill doctor`, or use kind inline",
    )
