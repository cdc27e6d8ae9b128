"""``.csv`` and ``.tsv`` outputs: numbers in the fewest digits that read back as the same bits, one row to a line."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import OutputError
from ...headers import ArrayHeader
from ..npy.target import NpyTarget
from ..output_options import OutputOptions, refuse_options
from ..packed.packing import Packer, SinkFile, row_pieces

__all__ = ["CSV", "check_table", "table_text"]

_PIECE_BYTES = 2**20
"""Of the array; as text, and as Python's own numbers, it is ten times as large."""

_WIDTHS = {"f": {2: 9, 4: 13, 8: 20}, "i": {1: 4, 2: 6, 4: 11, 8: 20}, "u": {1: 4, 2: 6, 4: 11, 8: 20}, "b": {1: 2}}
"""Characters of a number and its delimiter, by kind and size in bytes; of floats, on average."""


def check_table(header: ArrayHeader, options: OutputOptions) -> None:
    """Check that an array is a table of numbers, and that the names of its columns are as many.

    Raises
    ------
    OutputError
    """
    suffix = Path(header.name).suffix
    if header.ndim not in (1, 2):
        raise OutputError(
            f"{header.name}: {suffix} files hold vectors and tables",
            cause=f"the shape is {list(header.shape)}",
            next="name a .npy, .zarr or .h5 file",
        )
    if header.dtype.kind == "c":
        raise OutputError(
            f"{header.name}: {suffix} files hold no complex numbers",
            cause=f"dtype {header.dtype}",
            next="name a .npy, .zarr or .h5 file, or write the real and the imaginary part",
        )
    n_columns = header.shape[1] if header.ndim == 2 else 1
    if options.columns is not None and len(options.columns) != n_columns:
        raise OutputError(
            f"{header.name}: the names are not as many as the columns",
            cause=f"{len(options.columns)} names, {n_columns} columns",
            next="name each column once",
        )


def _check(header: ArrayHeader, options: OutputOptions) -> None:
    refuse_options(header, options, "columns", compressions=("none",))
    check_table(header, options)
    if any(set(name) & {"\n", "\r", "\0"} for name in options.columns or ()):
        raise OutputError(
            f"{header.name}: a name of a column has more than one line", next="name each column in one line"
        )


def _size(header: ArrayHeader) -> int:
    return header.size * _WIDTHS[header.dtype.kind][header.dtype.itemsize]


def _pack(target: NpyTarget, options: OutputOptions, path: Path) -> None:
    delimiter = _delimiter(target.header)
    descriptor = os.open(path, os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        with io.BufferedWriter(SinkFile(descriptor), 2**20) as file:
            if options.columns is not None:
                file.write((delimiter.join(_quoted(name, delimiter) for name in options.columns) + "\n").encode())
            for ends_row, block in row_pieces(target, n_bytes=_PIECE_BYTES):
                file.write(table_text(block, delimiter, "\n" if ends_row else delimiter).encode("ascii"))
    finally:
        os.close(descriptor)


def _delimiter(header: ArrayHeader) -> str:
    return "\t" if Path(header.name).suffix == ".tsv" else ","


def _quoted(name: str, delimiter: str) -> str:
    return '"' + name.replace('"', '""') + '"' if set(name) & {'"', delimiter} else name


def table_text(table: NDArray[Any], delimiter: str, end: str = "\n") -> str:
    """Return the rows of a table as lines.

    Examples
    --------
    >>> table_text(np.array([[0.1, 1e300], [np.nan, -0.0]]), ",")
    '0.1,1e+300\\nnan,-0.0\\n'
    >>> table_text(np.array([[True], [False]]), ","), table_text(np.array([[0.1]], "f4"), ",")
    ('1\\n0\\n', '0.1\\n')
    """
    if table.dtype.kind == "b":
        table = table.view(np.uint8)
    native = table.astype(table.dtype.newbyteorder("="), copy=False)
    if native.dtype.kind == "f" and native.dtype.itemsize < 8:
        # Python's own floats would show digits that a float32 does not have
        rows = native.astype("S16").astype("U16").tolist()
    else:
        rows = [list(map(repr, row)) for row in native.tolist()]
    return "".join([delimiter.join(row) + end for row in rows])


def _load(path: Path, header: ArrayHeader, options: OutputOptions) -> NDArray[Any]:
    read_as = np.dtype("u1") if header.dtype.kind == "b" else header.dtype.newbyteorder("=")
    if header.size == 0:
        return np.empty(header.shape, header.dtype)
    n_names = 0 if options.columns is None else 1
    table = np.loadtxt(path, read_as, comments=None, delimiter=_delimiter(header), skiprows=n_names, ndmin=2)
    return table.reshape(header.shape).astype(header.dtype)


CSV = Packer((".csv", ".tsv"), "", _check, _size, _pack, _load)
