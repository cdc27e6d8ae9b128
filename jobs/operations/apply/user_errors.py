"""What the user's own code raised, as one error that shows his lines of the traceback and none of ours."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType

from ...errors import JobError, UserCodeError

__all__ = ["user_code", "user_traceback"]

_MOST_FRAMES = 12
_LIBRARY = ("/torch/nn/modules/module.py", "/torch/utils/_contextlib.py")
"""Frames that stand between us and a user's module, and say nothing."""


@contextmanager
def user_code(what: str, *, safe: str = "", next: str = "mend it, and start a new job") -> Iterator[None]:
    """Turn what is raised within into a UserCodeError; errors of ours, of memory and of interrupts pass.

    Parameters
    ----------
    what : str
        What was done, for the first line.
    safe, next : str

    Raises
    ------
    UserCodeError

    Examples
    --------
    >>> try:
    ...     with user_code("f failed"):
    ...         int("x")
    ... except UserCodeError as error:
    ...     print(error.what)
    f failed: ValueError: invalid literal for int() with base 10: 'x'
    """
    try:
        yield
    except (JobError, MemoryError):
        raise
    except Exception as error:
        # a GPU's memory: the engine frees what it can and tries smaller pieces
        if type(error).__name__ == "OutOfMemoryError":
            raise
        # of a message of many lines, as TorchScript's, the last says it
        summary = traceback.format_exception_only(error)[-1].strip().splitlines()[-1]
        cause = user_traceback(error)
        raise UserCodeError(f"{what}: {summary}", cause=cause, safe=safe, next=next) from error


def user_traceback(error: BaseException) -> str:
    """Return the lines of a traceback below the one that calls the user's code, the last dozen frames at most."""
    frame: TracebackType | None = error.__traceback__
    # the first frame is the context manager's, the second has the call
    for _ in range(2):
        frame = frame.tb_next if frame is not None else None
    frames = list(traceback.extract_tb(frame))
    while len(frames) > 1 and _is_between(frames[0].filename):
        frames.pop(0)
    lines = [line for entry in frames[-_MOST_FRAMES:] for line in traceback.format_list([entry])]
    return "".join([*lines, *traceback.format_exception_only(error)]).rstrip()


def _is_between(path: str) -> bool:
    return path.startswith("<frozen importlib") or path.endswith((*_LIBRARY, "/importlib/__init__.py"))
