"""One finding about this machine, and how findings are shown."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, TypeAlias

import click

from .terminal import escape

__all__ = ["Check", "Status", "check_line"]

Status: TypeAlias = Literal["ok", "warn", "fail"]

_COLORS = {"ok": "green", "warn": "yellow", "fail": "red"}


@dataclass(frozen=True, slots=True)
class Check:
    """One finding.

    Parameters
    ----------
    name : str
        What was looked at.
    status : {"ok", "warn", "fail"}
        fail: jobs cannot run.
    found : str
        What is there.
    advice : str
        What to do about it; "" if there is nothing to do.
    """

    name: str
    status: Status
    found: str
    advice: str = ""


def check_line(check: Check, names: Iterable[str]) -> str:
    """Return a finding as lines of text, aligned for the names of all findings.

    Examples
    --------
    >>> import click
    >>> print(click.unstyle(check_line(Check("GPU", "warn", "none", "install a driver"), ["GPU", "memory"])))
    warn  GPU     none
                  -> install a driver
    """
    width = max(map(len, names))
    status = click.style(f"{check.status:<4}", fg=_COLORS[check.status], bold=check.status != "ok")
    line = f"{status}  {check.name:<{width}}  {escape(check.found)}"
    return line + (f"\n      {'':<{width}}  -> {escape(check.advice)}" if check.advice else "")
