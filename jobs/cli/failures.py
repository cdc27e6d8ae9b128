"""From an exception to an exit code and one block on stderr.

===========================  ====================================================================
an error of ours             its own ``exit_code``
wrong use of the commands    2
Ctrl-C, SIGTERM, closed pipe 130, 143, 141: 128 and the signal's number
anything else                70: our own bug, with what to report; a traceback only with ``-v``
===========================  ====================================================================
"""

from __future__ import annotations

import os
import traceback
from typing import IO, Any

import click

from arraymill.cluster.errors import ClusterError

from ..errors import JobError
from .streams import echo_stderr, left_echo, mute, stdout_failure
from .terminal import echo_error, is_verbose

__all__ = ["Failure", "Terminated", "as_failure", "echo_usage_error"]

EXIT_WRONG_USE, EXIT_BUG, EXIT_INTERRUPTED, EXIT_PIPE, EXIT_TERMINATED = 2, 70, 130, 141, 143


class Terminated(KeyboardInterrupt):
    """SIGTERM arrived. What stops cleanly on Ctrl-C stops cleanly on this, too."""


class Failure(click.ClickException):
    """An error that is ready to be shown, with the exit code to leave with.

    A ``click.ClickException``, so that the commands behave under ``dask arraymill`` as they do on their own.
    """

    def __init__(self, exit_code: int, identifier: str, what: str, **parts: str) -> None:
        super().__init__(what)
        # click declares the code per class; its own commands, and dask's, read it from the instance.
        self.exit_code = exit_code  # type: ignore[misc]
        self.identifier, self.parts = identifier, parts
        self.trace = ""

    def show(self, file: IO[Any] | None = None) -> None:
        """Print the traceback if there is one to show, then the block."""
        if not self.identifier:
            # the reader has gone; what is still buffered must not raise again when the interpreter flushes it
            mute(1)
            return
        if self.trace:
            echo_stderr(self.trace, nl=False)
        echo_error(self.identifier, self.message, **self.parts)


def as_failure(error: BaseException) -> Failure:
    """Return what to show, and to exit with, for an exception that reached the command line."""
    failure = _failure_of(error)
    if is_verbose() and failure.identifier:
        failure.trace = "".join(traceback.format_exception(error))
    return failure


def _failure_of(error: BaseException) -> Failure:
    if isinstance(error, JobError | ClusterError):
        parts = {"cause": error.cause, "safe": error.safe, "next": error.next}
        return Failure(error.exit_code, error.id, error.what, **parts)
    if isinstance(error, BrokenPipeError):
        return Failure(EXIT_PIPE, "", "")
    if isinstance(error, OSError) and left_echo(error):
        mute(1)
        return _failure_of(stdout_failure(error))
    if isinstance(error, KeyboardInterrupt):
        stopped = isinstance(error, Terminated)
        code, what = (EXIT_TERMINATED, "stopped by SIGTERM") if stopped else (EXIT_INTERRUPTED, "stopped by Ctrl-C")
        return Failure(code, "interrupted", what, safe="inputs were only read; no output was published")
    if isinstance(error, FileNotFoundError) and not _is_somewhere():
        next_step = "cd to one that is there, or name files by paths that begin with /"
        return Failure(EXIT_WRONG_USE, "usage", "the current folder is not there any more", next=next_step)
    from importlib.metadata import version  # 20 ms that only a defect should cost

    where = _innermost_frame(error)
    return Failure(
        EXIT_BUG,
        "bug",
        f"{type(error).__name__}: {error}".splitlines()[0],
        cause=f"this is a defect in arraymill {version('arraymill')}{where}",
        safe="inputs were only read; no output was published",
        next="run it again with -v, and report the traceback and the output of `arraymill doctor`",
    )


def _is_somewhere() -> bool:
    try:
        return bool(os.getcwd())  # noqa: PTH109
    except FileNotFoundError:
        return False


def _innermost_frame(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    return f" (at {os.path.basename(frames[-1].filename)}:{frames[-1].lineno})" if frames else ""  # noqa: PTH119


def echo_usage_error(error: click.UsageError) -> None:
    """Print what was used wrongly, and which help to read; the help itself where nothing was asked for."""
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        error.show()
        return
    command = error.ctx.command_path if error.ctx else "arraymill"
    echo_error("usage", error.format_message(), next=f"{command} --help")
