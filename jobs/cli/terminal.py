"""What reaches a terminal: colour where it is wanted, names without control characters, errors as one block."""

from __future__ import annotations

import os
import sys
from typing import IO, Any

import click

from .streams import echo_stderr

__all__ = ["VERBOSITY", "echo_error", "echo_note", "escape", "is_quiet", "is_verbose", "wants_color"]

VERBOSITY = "arraymill.verbosity"
"""Key in ``click.Context.meta``: -1 quiet, 0, 1 verbose."""


def escape(text: str) -> str:
    """Return text with everything that could steer a terminal, or hide, written as an escape.

    >>> print(escape("x\\x1b[2J.npy"))
    x\\x1b[2J.npy
    """
    # isprintable is false for controls, for bidirectional overrides and for bytes of a name that are not UTF-8.
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def wants_color(stream: IO[Any]) -> bool:
    """Return whether to colour a stream: NO_COLOR, then FORCE_COLOR, then whether it is a terminal."""
    if os.environ.get("NO_COLOR"):
        return False
    return bool(os.environ.get("FORCE_COLOR")) or (stream.isatty() and os.environ.get("TERM") != "dumb")


def is_quiet() -> bool:
    """Return whether --quiet was given to the running command."""
    return _verbosity() < 0


def is_verbose() -> bool:
    """Return whether --verbose was given to the running command."""
    return _verbosity() > 0


def _verbosity() -> int:
    context = click.get_current_context(silent=True)
    return int(context.meta.get(VERBOSITY, 0)) if context else 0


def echo_note(text: str) -> None:
    """Write a line for people to stderr, unless --quiet was given."""
    if not is_quiet():
        echo_stderr(text, color=wants_color(sys.stderr))


def echo_error(identifier: str, what: str, *, cause: str = "", safe: str = "", next: str = "") -> None:
    """Write one error to stderr: what, cause, what is safe, what to do; continued lines are aligned."""
    head = click.style(f"error[{identifier}]", fg="red", bold=True)
    lines = [f"{head}: {escape(what)}"]
    for label, text in (("cause", cause), ("safe", safe), ("next", next)):
        for n, part in enumerate(text.splitlines()):
            start = click.style(f"{label + ':':<6}", bold=True) if n == 0 else " " * 6
            lines.append(f"  {start} {escape(part.strip())}")
    echo_stderr("\n".join(lines), color=wants_color(sys.stderr))
