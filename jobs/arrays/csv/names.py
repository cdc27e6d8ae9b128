"""Whether the first line of a text file names its columns or is a row: told where it is plain, asked for where not."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ...errors import InputError
from .cells import MISSING, WHITESPACE, is_number

__all__ = ["holds_names"]

_TRUTH = frozenset({"True", "False", "TRUE", "FALSE", "true", "false"})
_COUNT = re.compile(r"\d+")
_BEGINS_AS_NUMBER = re.compile(r"['\"($+-]*\d")


def holds_names(name: str, cells: Sequence[str], below: Sequence[str] = (), *, delimiter: str = ",") -> bool:
    """Return whether the first line of a table holds names.

    Parameters
    ----------
    name : str
        How the file is called in messages.
    cells : sequence of str
        Of the first line.
    below : sequence of str
        Of the second, if there is one.
    delimiter : str

    Raises
    ------
    InputError
        If it may be either: a row that is taken for names is lost, and names that are numbers are one row too many.

    Examples
    --------
    >>> holds_names("x.csv", ["time", "left"]), holds_names("x.csv", ["1", "", "nan"]), holds_names("x.csv", ["True"])
    (True, False, False)
    >>> holds_names("x.csv", ["5.1", "?"])  # doctest: +IGNORE_EXCEPTION_DETAIL
    Traceback (most recent call last):
    arraymill.jobs.errors.InputError: x.csv: its first line may be names or numbers
    """
    numbers = [is_number(cell) or cell in _TRUTH for cell in cells]
    if all(numbers):
        if delimiter != WHITESPACE and _counts_columns(cells, below):
            raise _unclear(name, cells, "such numbers are what pandas writes as names of columns that have none")
        return False
    if any(found and cell not in MISSING for cell, found in zip(cells, numbers, strict=True)):
        wrong = next(cell for cell, found in zip(cells, numbers, strict=True) if not found)
        raise _unclear(name, cells, f"some of it are numbers, and {wrong[:40]!r} is none")
    if all(found or _BEGINS_AS_NUMBER.match(cell) for cell, found in zip(cells, numbers, strict=True)):
        raise _unclear(name, cells, "it looks like numbers, which are not written as numbers are")
    return True


def _counts_columns(cells: Sequence[str], below: Sequence[str]) -> bool:
    """Return whether a line of numbers is 0, 1, 2, ..., perhaps behind the empty name of an index, as names are."""
    if not below or len(cells) < 2:
        return False
    if cells[0] == "":
        return all(map(_COUNT.fullmatch, cells[1:]))
    n = len(cells)
    if list(cells) != [str(number) for number in range(n)]:
        return False
    if n == 2:
        # edges of graphs begin so
        return not any(map(_COUNT.fullmatch, below))
    # numbers that count on are an arange
    return list(below) != [str(number) for number in range(n, 2 * n)]


def _unclear(name: str, cells: Sequence[str], why: str) -> InputError:
    shown = ", ".join(cells)
    return InputError(
        f"{name}: its first line may be names or numbers",
        cause=f"it reads {shown[:60]}{'...' if len(shown) > 60 else ''}: {why}",
        next="say which: --set inputs.x.header=true for names, false for numbers",
    )
