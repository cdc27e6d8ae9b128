"""Lines of text as numbers: parsed by pandas, which is fast, after a check that every line has as many cells.

What goes wrong is looked for again line by line, so that a message can name the place.
"""

from __future__ import annotations

import io
import math
import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import InputError
from .cells import MISSING, WHITESPACE, cells_of, is_number
from .layout import CsvLayout, has_only_rows, is_row

__all__ = ["CsvParser"]

_EXACT = 2**53
"""Integers up to here are floats."""
_INTEGER = re.compile(r"\s*[+-]?\d+\s*")
_DIGIT = re.compile(r"\d")
_BLANKS, _EDGES = re.compile(rb"[ \t]+"), re.compile(rb"(?m)^ +| +$")


class CsvParser:
    """A parser of one file, fed with blocks of whole lines in their order.

    Parameters
    ----------
    name : str
        How the file is called in messages.
    layout : CsvLayout
    columns : tuple of int
        Those that are read.
    dtype : numpy.dtype
        In native byte order.
    """

    def __init__(self, name: str, layout: CsvLayout, columns: tuple[int, ...], dtype: np.dtype[Any]) -> None:
        self._name, self._layout, self._columns, self._dtype = name, layout, columns, dtype
        self._n_lines, self._n_names_left = 0, layout.n_names

    def parse(self, block: bytes) -> NDArray[Any]:
        """Return the rows of a block of lines.

        Raises
        ------
        InputError
            If a line has other cells than the first, or a cell holds no number: naming line and column.
        """
        first, self._n_lines = self._n_lines + 1, self._n_lines + block.count(b"\n")
        if b"\0" in block:
            place = first + block[: block.index(b"\0")].count(b"\n")
            raise self._refused(place, "holds a byte that is no text")
        text, numbers = self._rows(block, first)
        if not numbers:
            return np.empty((0, len(self._columns)), self._dtype)
        if self._layout.delimiter == WHITESPACE:
            text = _EDGES.sub(b"", _BLANKS.sub(b" ", text))
        self._check_cells(text, numbers)
        try:
            table = self._numbers(text)
            self._check_exact(text, table)
            with np.errstate(over="raise"):
                return np.ascontiguousarray(table, self._dtype)
        except (ValueError, ArithmeticError) as error:
            raise self._bad_cell(text, numbers, str(error)) from error

    def _rows(self, block: bytes, first: int) -> tuple[bytes, Sequence[int]]:
        """Return the lines of a block that hold values, and their numbers in the file."""
        comments, blanks = self._layout.comments, self._layout.blanks
        if not comments and not self._n_names_left and has_only_rows(block, blanks):
            return block[:-1], range(first, self._n_lines + 1)
        rows = [
            (number, line) for number, line in enumerate(block.split(b"\n"), first) if is_row(line, comments, blanks)
        ]
        if rows and self._n_names_left:
            self._n_names_left = 0
            del rows[0]
        return b"\n".join([line for _, line in rows]), [number for number, _ in rows]

    def _check_cells(self, text: bytes, numbers: Sequence[int]) -> None:
        expected, delimiter = self._layout.n_columns, self._layout.delimiter
        if b'"' not in text and not self._layout.comments:
            raw = np.frombuffer(text, np.uint8)
            starts = np.concatenate([[0], np.flatnonzero(raw == 10) + 1])
            counts = np.add.reduceat(raw == ord(delimiter), starts, dtype=np.int64) + 1
            if (counts == expected).all():
                return
        for row, number in zip(text.split(b"\n"), numbers, strict=True):
            n_cells = len(self._cells(row))
            if n_cells != expected:
                raise self._refused(number, f"has {n_cells} cells, and the first line has {expected}")

    def _cells(self, row: bytes) -> list[str]:
        line = row.decode("utf-8", "replace")
        if self._layout.comments:
            line = line.partition(self._layout.comments)[0]
        return cells_of(line, self._layout.delimiter)

    def _numbers(self, text: bytes, dtype: Any = None) -> NDArray[Any]:
        import pandas as pd

        kind = self._dtype.kind
        exact = {} if _is_exact(pd.__version__) else {"float_precision": "round_trip"}
        read_as = dtype or (self._dtype if kind in "iu" else np.uint8 if kind == "b" else np.float64)
        table = pd.read_csv(
            io.BytesIO(text),
            sep=self._layout.delimiter,
            header=None,
            usecols=sorted(set(self._columns)),
            dtype=read_as,
            comment=self._layout.comments,
            skipinitialspace=True,
            skip_blank_lines=False,
            engine="c",
            low_memory=False,
            na_values=[] if dtype else sorted(MISSING),
            keep_default_na=False,
            **exact,
        )
        if dtype is not None:
            cells: NDArray[Any] = table[list(self._columns)].to_numpy(object)
            return cells
        found: NDArray[Any] = table[list(self._columns)].to_numpy()
        if kind == "b" and found.max() > 1:
            raise ValueError("a bool is 0 or 1")
        return found

    def _check_exact(self, text: bytes, table: NDArray[Any]) -> None:
        """Refuse numbers that would silently become others."""
        # infinite ones are among them
        if table.dtype.kind != "f" or not (np.abs(table) >= _EXACT).any():
            return
        for cell in self._numbers(text, str).flat:
            if _INTEGER.fullmatch(cell) and not _is_float(cell):
                raise ValueError(f"{cell.strip()[:40]} is no float64: state dtype int64 or uint64")
            if _DIGIT.search(cell) and math.isinf(float(cell)):
                raise ValueError(f"{cell.strip()[:40]} is larger than any float64")

    def _bad_cell(self, text: bytes, numbers: Sequence[int], reason: str) -> InputError:
        for row, number in zip(text.split(b"\n"), numbers, strict=True):
            cells = self._cells(row)
            for column in self._columns:
                if wrong := self._wrong(cells[column]):
                    said = f", {self._layout.names[column]!r}" if self._layout.names else ""
                    return self._refused(number, f"column {column}{said} (from 0): {cells[column][:40]!r} {wrong}")
        return self._refused(numbers[0], f"or one after it is not a line of numbers: {reason}")

    def _wrong(self, cell: str) -> str:
        """Return what is wrong with a cell, or nothing."""
        kind = self._dtype.kind
        if not is_number(cell):
            return "is no number"
        if kind == "f":
            if _INTEGER.fullmatch(cell) and not _is_float(cell):
                return "is an integer that no float64 is: state dtype int64 or uint64"
            is_missing = not any(map(str.isdigit, cell))
            return "" if is_missing or abs(float(cell)) <= float(np.finfo(self._dtype).max) else f"is no {self._dtype}"
        try:
            value = int(cell) if _INTEGER.fullmatch(cell) else float(cell)
        except ValueError:
            return f"is no {self._dtype}"
        least, most = (0, 1) if kind == "b" else (np.iinfo(self._dtype).min, np.iinfo(self._dtype).max)
        return "" if value == value and value % 1 == 0 and least <= value <= most else f"is no {self._dtype}"

    def _refused(self, line: int, what: str) -> InputError:
        return InputError(
            f"{self._name}: is not a table of numbers",
            cause=f"line {line} {what}" if not what.startswith("column") else f"line {line}, {what}",
            next="correct the line; delimiter, header, comments and columns can be stated of the input",
        )


def _is_float(integer: str) -> bool:
    """Return whether an integer in digits is exactly a float64."""
    value = float(integer)
    # one of thousands of digits, which Python refuses to convert, is not finite
    return math.isfinite(value) and int(integer.strip().lstrip("+-0") or "0") == int(abs(value))


def _is_exact(version: str) -> bool:
    """Return whether a version of pandas reads the nearest float without being asked to."""
    return tuple(map(int, version.split(".")[:2])) >= (3, 1)
