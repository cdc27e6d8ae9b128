"""``.parquet`` outputs: one column for each column of the array, in row groups of a bounded size."""

from __future__ import annotations

import io
import os
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import InputUnsupportedError, OutputError
from ...headers import ArrayHeader
from ..csv.packer import check_table
from ..npy.target import NpyTarget
from ..output_options import OutputOptions, refuse_options
from ..packed.packing import Packer, SinkFile, row_pieces

__all__ = ["PARQUET", "WAY_OUT", "import_parquet"]

WAY_OUT = "pip install 'arraymill[parquet]'"
_MOST_COLUMNS = 10_000
_COMPRESSIONS = ("none", "gzip", "snappy", "zstd")


def import_parquet(name: str) -> ModuleType:
    """Return `pyarrow.parquet`.

    Raises
    ------
    InputUnsupportedError
        If it is not installed.
    """
    try:
        import pyarrow.parquet
    except ImportError as error:
        raise InputUnsupportedError(
            f"{name}: Parquet files need pyarrow", cause=f"it is not installed: {error}", next=WAY_OUT
        ) from error
    parquet: ModuleType = pyarrow.parquet
    return parquet


def _check(header: ArrayHeader, options: OutputOptions) -> None:
    refuse_options(header, options, "columns", compressions=_COMPRESSIONS)
    check_table(header, options)
    if header.ndim == 2 and not 0 < header.shape[1] <= _MOST_COLUMNS:
        raise OutputError(
            f"{header.name}: a Parquet file has 1 to {_MOST_COLUMNS} columns",
            cause=f"the shape is {list(header.shape)}",
            next="name a .zarr, .h5 or .npy file",
        )
    if options.columns is not None and len(set(options.columns)) < len(options.columns):
        raise OutputError(f"{header.name}: two columns have the same name", next="name each column once")
    try:
        import_parquet(header.name)
    except InputUnsupportedError as error:
        raise OutputError(error.what, cause=error.cause, next=error.next) from error


def _size(header: ArrayHeader) -> int:
    n_columns = header.shape[1] if header.ndim == 2 else 1
    return header.nbytes + header.nbytes // 8 + 1024 * n_columns


def _pack(target: NpyTarget, options: OutputOptions, path: Path) -> None:
    import pyarrow as pa

    parquet = import_parquet(target.header.name)
    header = target.header
    n_columns = header.shape[1] if header.ndim == 2 else 1
    names = options.columns or tuple(map(str, range(n_columns)))
    dtype = header.dtype.newbyteorder("=")
    schema = pa.schema([pa.field(name, pa.from_numpy_dtype(dtype), nullable=False) for name in names])
    descriptor = os.open(path, os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        with (
            io.BufferedWriter(SinkFile(descriptor), 2**20) as file,
            parquet.ParquetWriter(
                file, schema, compression=options.compression or "none", use_dictionary=False
            ) as writer,
        ):
            for _, block in row_pieces(target):
                columns = np.ascontiguousarray(block.T, dtype)
                writer.write_table(pa.table(list(map(pa.array, columns)), schema=schema), row_group_size=len(block))
    finally:
        os.close(descriptor)


def _load(path: Path, header: ArrayHeader, options: OutputOptions) -> NDArray[Any]:
    table = import_parquet(header.name).read_table(path)
    array = np.empty(header.shape, header.dtype)
    columns = array.reshape(len(array), table.num_columns)
    for number, column in enumerate(table.columns):
        columns[:, number] = column.to_numpy()
    return array


PARQUET = Packer((".parquet",), "", _check, _size, _pack, _load)
