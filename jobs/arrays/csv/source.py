"""Text files of numbers (``.csv``, ``.tsv``, ``.txt``) as sources, read front to back in bounded memory.

Numbers become float64 unless a dtype is stated, as `numpy.loadtxt` has it; a missing one is NaN. One column makes a
vector.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from ...errors import InputError, InputUnsupportedError
from ...headers import ArrayHeader
from ..files import FileStamp, check_unchanged, open_regular
from ..forward import ForwardReader
from ..locations import Location
from .layout import CsvLayout, count_lines, line_blocks, look_at_text

if TYPE_CHECKING:
    from ...spec.input import InputSpec

__all__ = ["CsvSource", "open_csv"]


@dataclass(frozen=True, slots=True)
class CsvSource:
    """A text file of numbers. A streamed source: see `ForwardReader`.

    Parameters
    ----------
    path : str
        Absolute.
    header : ArrayHeader
    layout : CsvLayout
    columns : tuple of int
        Those that are read.
    stamp : FileStamp
        Of the file when it was first opened.
    """

    is_streamed: ClassVar[bool] = True

    path: str
    header: ArrayHeader
    layout: CsvLayout
    columns: tuple[int, ...]
    stamp: FileStamp

    @property
    def files(self) -> tuple[str, ...]:
        """The file: no byte of it stands for an element."""
        return (self.path,)

    @property
    def data_offset(self) -> int:
        """Return 0: elements have no place in the file."""
        return 0

    @property
    def T(self) -> CsvSource:  # noqa: N802 - NumPy's name
        """The same file with the axes reversed."""
        return self if self.header.ndim < 2 else replace(self, header=self.header.T)

    @contextmanager
    def open(self) -> Iterator[ForwardReader]:
        """Open the file at its first number, and check, then and on leaving, that it was not changed.

        Raises
        ------
        InputChangedError
            If it was changed, replaced or truncated since the job was planned.
        InputError
            If it cannot be read, or holds something that is no table of numbers: naming line and column.
        """
        descriptor, status = open_regular(self.header.name, self.path)
        try:
            check_unchanged(self.header.name, self.stamp, status)
            yield ForwardReader(self.header, _Stream(self._rows(descriptor), self.header).fill)
            check_unchanged(self.header.name, self.stamp, os.fstat(descriptor))
        finally:
            os.close(descriptor)

    def _rows(self, descriptor: int) -> Iterator[bytes]:
        from .parsing import CsvParser

        parser = CsvParser(self.header.name, self.layout, self.columns, self.header.dtype)
        for block in line_blocks(self.header.name, descriptor):
            yield parser.parse(block).tobytes()


class _Stream:
    """The bytes of the elements of a text file."""

    __slots__ = ("_blocks", "_header", "_rest")

    def __init__(self, blocks: Iterator[bytes], header: ArrayHeader) -> None:
        self._blocks, self._header = blocks, header
        self._rest = memoryview(b"")

    def fill(self, buffer: memoryview) -> None:
        """Fill a buffer with the next bytes."""
        done = 0
        while done < buffer.nbytes:
            if not self._rest:
                block = next(self._blocks, None)
                if block is None:
                    raise InputError(
                        f"{self._header.name}: has fewer lines than were counted",
                        cause=f"{self._header.shape[0 if self._header.order == 'C' else -1]} were",
                        next="run the job again, with nothing else writing to the file",
                    )
                self._rest = memoryview(block)
                continue
            n_bytes = min(len(self._rest), buffer.nbytes - done)
            buffer[done : done + n_bytes] = self._rest[:n_bytes]
            self._rest = self._rest[n_bytes:]
            done += n_bytes


def open_csv(location: Location, entry: InputSpec) -> CsvSource:
    """Return a text file of numbers as a source: its first lines are looked at, and all are counted.

    Parameters
    ----------
    location : Location
    entry : InputSpec
        ``columns``, ``delimiter``, ``header``, ``comments`` and ``dtype`` are of use here.

    Raises
    ------
    InputError
        If it cannot be read, is empty, or has no such columns.
    """
    name = location.name
    if location.member is not None:
        raise InputError(
            f"{name}: a text file holds one table, without a name",
            cause=f"{location.member!r} stands behind ::",
            next="choose columns with columns",
        )
    dtype = np.dtype(entry.dtype or np.float64).newbyteorder("=")
    if dtype.kind == "c":
        raise InputUnsupportedError(
            f"{name}: complex numbers are not read from text", cause=f"dtype {dtype}", next="numpy.save them"
        )
    descriptor, status = open_regular(name, location.path)
    try:
        layout = look_at_text(name, descriptor, entry)
        n_rows = count_lines(name, descriptor, layout) - layout.n_names
    finally:
        os.close(descriptor)
    columns = _chosen(name, layout, entry.columns)
    shape = (n_rows,) if len(columns) == 1 else (n_rows, len(columns))
    return CsvSource(location.path, ArrayHeader(name, shape, dtype), layout, columns, FileStamp.of(status))


def _chosen(name: str, layout: CsvLayout, wanted: tuple[str | int, ...] | None) -> tuple[int, ...]:
    if wanted is None:
        return tuple(range(layout.n_columns))
    chosen = []
    for column in wanted:
        number = layout.names.index(column) if column in layout.names else column
        if not isinstance(number, int) or not -layout.n_columns <= number < layout.n_columns:
            names = f": {', '.join(layout.names[:20])}" if layout.names else " without names"
            raise InputError(
                f"{name}: there is no column {column!r}",
                cause=f"it has {layout.n_columns} columns{names}",
                next="name columns as the first line does, or by their number from 0",
            )
        chosen.append(number % layout.n_columns)
    return tuple(chosen)
