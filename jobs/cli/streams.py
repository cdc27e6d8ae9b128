"""The standard streams of the process: there even where the caller closed them, and no reason for a job to end."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import click

from ..errors import OutputError

__all__ = ["echo_stderr", "left_echo", "mute", "open_missing_streams", "stdout_failure", "to_stdout"]


def open_missing_streams() -> None:
    """Open the null device as each of stdin, stdout and stderr that the caller closed (``>&-``).

    The next file that is opened would get the free number, and what is printed would be written into it.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            # the lowest number that is free: this one, since those before it are open by now
            stream = open(os.devnull, "w" if number else "r", encoding="utf-8")  # noqa: SIM115
            os.set_inheritable(stream.fileno(), True)
            setattr(sys, name, stream)


def echo_stderr(text: str, *, color: bool | None = None, nl: bool = True) -> None:
    """Write to stderr what is for people; where it cannot be written, the work goes on without it."""
    with suppress(OSError):
        click.echo(text, err=True, color=color, nl=nl)


@contextmanager
def to_stdout() -> Iterator[None]:
    """Turn what goes wrong with writing to stdout inside of a ``with`` into an error for people.

    Raises
    ------
    OutputError
    BrokenPipeError
        If its reader has gone, which is no error.
    """
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        raise stdout_failure(error) from error


def stdout_failure(error: OSError) -> OutputError:
    """Return the error for a stdout that does not take what is written to it."""
    return OutputError(
        "stdout cannot be written",
        cause=error.strerror or str(error),
        safe="what jobs have done is kept",
        next="send it elsewhere, or make room there; arraymill list shows the jobs, arraymill result ID a result again",
    )


def left_echo(error: OSError) -> bool:
    """Return whether an error left ``click.echo``: what that writes to stderr goes through `echo_stderr`."""
    return any(frame.f_code is click.echo.__code__ for frame, _ in traceback.walk_tb(error.__traceback__))


def mute(number: int) -> None:
    """Send what is still buffered for descriptor 1 or 2 to the null device, so that it does not raise at the exit."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, number)
    os.close(null)
