"""``.parquet`` files as sources: numeric columns of one common dtype, read by row group.

A file of large row groups is read front to back, once: nothing smaller than the beginning of a row group can be read.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ...blocks import Region
from ...errors import InputError, InputUnsupportedError
from ...headers import ArrayHeader
from ..files import FileStamp, check_unchanged, open_regular
from ..forward import ForwardReader
from ..locations import Location
from ..source import check_block
from .columns import check_columns, filled_column
from .packer import import_parquet

if TYPE_CHECKING:
    from ...spec.input import InputSpec

__all__ = ["ParquetReader", "ParquetSource", "open_parquet"]

LARGEST_GROUP_BYTES = 64 << 20
"""Of a file that is read by row group: a reader holds one of them."""

BATCH_BYTES = 4 << 20


@dataclass(frozen=True, slots=True)
class ParquetSource:
    """A Parquet file.

    Parameters
    ----------
    path : str
        Absolute.
    header : ArrayHeader
        A table in C order, or transposed in F order; a vector, of one column.
    columns : tuple of str
        Their names.
    group_rows : tuple of int
        Rows of each row group.
    stamp : FileStamp
        Of the file when it was first opened.
    """

    path: str
    header: ArrayHeader
    columns: tuple[str, ...]
    group_rows: tuple[int, ...]
    stamp: FileStamp

    @property
    def is_streamed(self) -> bool:
        """Whether it is to be read front to back."""
        row_bytes = len(self.columns) * self.header.dtype.itemsize
        return max(self.group_rows, default=0) * row_bytes > LARGEST_GROUP_BYTES

    @property
    def files(self) -> tuple[str, ...]:
        """The file: no byte of it stands for an element."""
        return (self.path,)

    @property
    def data_offset(self) -> int:
        """Return 0: elements have no place in the file."""
        return 0

    @property
    def T(self) -> ParquetSource:  # noqa: N802 - NumPy's name
        """The same file with the axes reversed."""
        return self if self.header.ndim < 2 else replace(self, header=self.header.T)

    @contextmanager
    def open(self) -> Iterator[ParquetReader | ForwardReader]:
        """Open the file for reading, and check, then and on leaving, that it was not changed.

        Raises
        ------
        InputChangedError
            If it was changed, replaced or truncated since the job was planned.
        InputError
            If it cannot be read, is broken, or has no value where an integer is needed.
        """
        descriptor, status = open_regular(self.header.name, self.path)
        with os.fdopen(descriptor, "rb") as stream:
            check_unchanged(self.header.name, self.stamp, status)
            with _broken_as_input_error(self.header.name):
                file = import_parquet(self.header.name).ParquetFile(stream, pre_buffer=False)
            if self.is_streamed:
                yield ForwardReader(self.header, _Batches(self, file).fill)
            else:
                yield ParquetReader(self, file)
            check_unchanged(self.header.name, self.stamp, os.fstat(stream.fileno()))


class ParquetReader:
    """An open Parquet file. One thread at a time: it holds the row group that was read last.

    Parameters
    ----------
    source : ParquetSource
    file : pyarrow.parquet.ParquetFile
    """

    __slots__ = ("_file", "_group", "_held", "_source", "_starts")

    def __init__(self, source: ParquetSource, file: Any) -> None:
        self._source, self._file = source, file
        self._starts = np.concatenate([[0], np.cumsum(source.group_rows)]).tolist()
        self._held: tuple[int, tuple[int, int]] | None = None
        self._group: Any = None

    def view(self, region: Region, *, is_kept: bool = False) -> None:
        """Return None: columns are read."""

    def expect(self, region: Region) -> None:
        """Return: nothing is prepared."""

    def read(self, region: Region, out: NDArray[Any]) -> int:
        """Fill `out` with a region and return the bytes of what was read for it."""
        header = self._source.header
        check_block(header, region, out)
        if 0 in out.shape:
            return 0
        if header.ndim == 1:
            region, out = (*region, (0, 1)), out[:, np.newaxis]
        elif header.order == "F":
            region, out = region[::-1], out.T
        (first, last), columns = region
        moved = 0
        for number, (start, stop) in enumerate(zip(self._starts, self._starts[1:], strict=False)):
            low, high = max(first, start), min(last, stop)
            if low < high:
                moved += self._read_group(number, columns)
                self._copy(low - start, high - start, out[low - first : high - first])
        return moved

    def _read_group(self, number: int, columns: tuple[int, int]) -> int:
        if self._held == (number, columns):
            return 0
        names = list(self._source.columns[slice(*columns)])
        self._held, self._group = None, None
        with _broken_as_input_error(self._source.header.name):
            self._group = self._file.read_row_group(number, columns=names, use_threads=False).select(names)
        self._held = number, columns
        return int(self._group.nbytes)

    def _copy(self, start: int, stop: int, out: NDArray[Any]) -> None:
        header = self._source.header
        for number, name in enumerate(self._group.column_names):
            part = self._group.column(number).slice(start, stop - start)
            out[:, number] = filled_column(header.name, name, part, header.dtype)


class _Batches:
    """The bytes of the elements of a file, row by row."""

    __slots__ = ("_batches", "_rest", "_source")

    def __init__(self, source: ParquetSource, file: Any) -> None:
        names = list(source.columns)
        n_rows = max(BATCH_BYTES // (len(names) * source.header.dtype.itemsize), 1)
        self._source = source
        self._batches = file.iter_batches(n_rows, columns=names, use_threads=False)
        self._rest = memoryview(b"")

    def fill(self, buffer: memoryview) -> None:
        """Fill a buffer with the next bytes."""
        done = 0
        while done < buffer.nbytes:
            if not self._rest:
                self._rest = memoryview(self._next_rows())
            n_bytes = min(len(self._rest), buffer.nbytes - done)
            buffer[done : done + n_bytes] = self._rest[:n_bytes]
            self._rest = self._rest[n_bytes:]
            done += n_bytes

    def _next_rows(self) -> bytes:
        header = self._source.header
        with _broken_as_input_error(header.name):
            batch = next(self._batches, None)
        if batch is None:
            raise InputError(f"{header.name}: has fewer rows than it says", next="write the file again")
        rows = np.empty((len(batch), len(self._source.columns)), header.dtype)
        for number, name in enumerate(self._source.columns):
            rows[:, number] = filled_column(header.name, name, batch.column(name), header.dtype)
        return rows.tobytes()


@contextmanager
def _broken_as_input_error(name: str) -> Iterator[None]:
    """Turn what pyarrow raises for a broken file into an error that names it."""
    import pyarrow as pa

    try:
        yield
    # names of columns in a broken file need not be text
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        if isinstance(error, InputError):
            raise
        said = (str(error).splitlines() or [type(error).__name__])[0][:200]
        raise InputError(f"{name}: the Parquet file is broken", cause=said, next="write the file again") from error


def open_parquet(location: Location, entry: InputSpec) -> ParquetSource:
    """Return a Parquet file as a source; only its footer is read.

    Parameters
    ----------
    location : Location
    entry : InputSpec
        ``columns`` is of use here.

    Raises
    ------
    InputError
        If it cannot be read, is broken, or has no such columns.
    InputUnsupportedError
        If pyarrow is not installed, or a column does not hold numbers.
    """
    name = location.name
    if location.member is not None:
        raise InputError(
            f"{name}: a Parquet file holds one table, without a name",
            cause=f"{location.member!r} stands behind ::",
            next="choose columns with columns",
        )
    parquet = import_parquet(name)
    descriptor, status = open_regular(name, location.path)
    with os.fdopen(descriptor, "rb") as stream, _broken_as_input_error(name):
        file = parquet.ParquetFile(stream, pre_buffer=False)
        metadata, schema = file.metadata, file.schema_arrow
    columns, dtype = check_columns(name, schema, metadata, entry.columns)
    shape = (metadata.num_rows,) if len(columns) == 1 else (metadata.num_rows, len(columns))
    groups = tuple(metadata.row_group(number).num_rows for number in range(metadata.num_row_groups))
    if sum(groups) != metadata.num_rows:
        raise InputUnsupportedError(f"{name}: its row groups do not come to its rows", next="write the file again")
    return ParquetSource(location.path, ArrayHeader(name, shape, dtype), columns, groups, FileStamp.of(status))
