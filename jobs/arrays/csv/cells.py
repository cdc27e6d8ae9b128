"""The cells of a line of text, and which of them are numbers."""

from __future__ import annotations

import csv
import io
import string

__all__ = ["MISSING", "WHITESPACE", "cells_of", "is_number"]

WHITESPACE = " "
"""The delimiter of columns that stand apart by any blanks."""

_WORDS = ("na", "n/a", "nan", "+nan", "-nan", "null", "none", "<na>")

MISSING = frozenset({"", *(spelled for word in _WORDS for spelled in (word, word.upper(), word.title()))}) | {
    "NaN", "+NaN", "-NaN", "#N/A", "#NA", "#N/A N/A", "-1.#IND", "1.#IND", "-1.#QNAN", "1.#QNAN",
}  # fmt: skip
"""What stands for a number that is missing: what spreadsheets, pandas, R and C libraries write."""


def cells_of(line: str, delimiter: str) -> list[str]:
    """Return the cells of a line, without quotes and blanks around them.

    >>> cells_of('1, "the x",  3', ","), cells_of("  1   2\\t3 ", WHITESPACE)
    (['1', 'the x', '3'], ['1', '2', '3'])
    """
    if delimiter == WHITESPACE:
        return line.split()
    try:
        (cells,) = csv.reader(io.StringIO(line), delimiter=delimiter, skipinitialspace=True)
    except csv.Error:
        # a cell of more than 128 KiB, whose quotes do not matter: it is no number
        cells = line.split(delimiter)
    # blanks of other alphabets are no blanks to the parser of numbers
    return [cell.strip(string.whitespace) for cell in cells]


def is_number(cell: str) -> bool:
    """Return whether a cell holds a number, or stands for one that is missing.

    >>> [is_number(cell) for cell in ("1e5", "-inf", "", "NA", "mass", "1_000")]
    [True, True, True, True, False, False]
    """
    if cell.strip(string.whitespace) in MISSING:
        return True
    try:
        float(cell)
    except ValueError:
        return False
    return "_" not in cell and cell.isascii()
