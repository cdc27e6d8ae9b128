"""The columns of a Parquet file as NumPy has them: which hold numbers, of what common dtype, and where values miss."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import InputError, InputUnsupportedError

__all__ = ["check_columns", "filled_column"]

_MOST_SHOWN = 10
_EXACT = 2**53
"""Integers up to here are floats."""


def check_columns(
    name: str, schema: Any, metadata: Any, wanted: tuple[str | int, ...] | None
) -> tuple[tuple[str, ...], np.dtype[Any]]:
    """Return the names of the columns that are read, and their common dtype by NumPy's promotion.

    Parameters
    ----------
    name : str
        How the file is called in messages.
    schema : pyarrow.Schema
    metadata : pyarrow.parquet.FileMetaData
    wanted : tuple of str or int, or None
        None: all.

    Raises
    ------
    InputError
        If there is no such column, or values miss among integers, as far as the file says so.
    InputUnsupportedError
        If one holds no numbers.
    """
    chosen = _chosen(name, schema, wanted)
    dtypes = {column: _dtype_of(schema.field(column).type) for column in chosen}
    if wrong := [column for column, dtype in dtypes.items() if dtype is None]:
        numeric = [field.name for field in schema if _dtype_of(field.type) is not None]
        raise InputUnsupportedError(
            f"{name}: column {wrong[0]!r} holds no numbers",
            cause=f"its type is {schema.field(wrong[0]).type}",
            next=f"choose columns of numbers: {_listed(numeric)}" if numeric else "name another file",
        )
    dtype = np.result_type(*(dtype for dtype in dtypes.values() if dtype is not None))
    if dtype.kind != "f" and (holed := _holed(metadata, chosen)):
        raise _no_integer(name, holed, dtype)
    return chosen, dtype


def _chosen(name: str, schema: Any, wanted: tuple[str | int, ...] | None) -> tuple[str, ...]:
    names = list(schema.names)
    if not names:
        raise InputError(f"{name}: has no columns", next="name another file")
    chosen = []
    for column in _without_index(schema, names) if wanted is None else wanted:
        found = names[column] if isinstance(column, int) and -len(names) <= column < len(names) else column
        if names.count(found) != 1:
            what = "there is no column" if found not in names else "there are several columns"
            raise InputError(f"{name}: {what} {found!r}", cause=f"it has {_listed(names)}", next="name one of them")
        chosen.append(str(found))
    return tuple(chosen)


def _without_index(schema: Any, names: list[str]) -> list[str]:
    """Return the columns but for those that pandas wrote as the index of its rows."""
    try:
        index = json.loads((schema.metadata or {}).get(b"pandas", b"{}"))["index_columns"]
        kept = [name for name in names if name not in index]
    except (ValueError, LookupError, TypeError):
        return names
    return kept or names


def _dtype_of(kind: Any) -> np.dtype[Any] | None:
    """Return NumPy's dtype for numbers of a type; None for all else, dates and decimals among them."""
    import pyarrow as pa

    if pa.types.is_boolean(kind) or pa.types.is_integer(kind) or pa.types.is_floating(kind):
        dtype: np.dtype[Any] = np.dtype(kind.to_pandas_dtype())
        return dtype
    return None


def _holed(metadata: Any, columns: tuple[str, ...]) -> str:
    """Return the first column in which values miss, as far as the file says so."""
    for number in range(metadata.num_row_groups):
        group = metadata.row_group(number)
        for place in range(group.num_columns):
            chunk = group.column(place)
            if chunk.path_in_schema in columns and chunk.is_stats_set and chunk.statistics.null_count:
                return str(chunk.path_in_schema)
    return ""


def filled_column(name: str, column: str, values: Any, dtype: np.dtype[Any]) -> NDArray[Any]:
    """Return the values of a column, NaN where one misses.

    Parameters
    ----------
    name, column : str
        How file and column are called in messages.
    values : pyarrow.Array or pyarrow.ChunkedArray
    dtype : numpy.dtype
        The common one of all columns.

    Raises
    ------
    InputError
        If a value misses among integers, or an integer is no float where others of its row are floats.
    """
    import pyarrow as pa

    if values.null_count:
        if dtype.kind != "f":
            raise _no_integer(name, column, dtype)
        if not pa.types.is_floating(values.type):
            _check_exact(name, column, _to_numpy(values.drop_null()), dtype)
            values = values.cast(pa.from_numpy_dtype(dtype), safe=False)
    array = _to_numpy(values)
    _check_exact(name, column, array, dtype)
    return array


def _to_numpy(values: Any) -> NDArray[Any]:
    import pyarrow as pa

    # an array, unlike one of several chunks, has to be told that it may be copied
    options = {} if isinstance(values, pa.ChunkedArray) else {"zero_copy_only": False}
    array: NDArray[Any] = values.to_numpy(**options)
    return array


def _check_exact(name: str, column: str, values: NDArray[Any], dtype: np.dtype[Any]) -> None:
    """Refuse integers that would silently become others: NumPy's common dtype of int64 and float64 is float64."""
    if dtype.kind != "f" or values.dtype.kind not in "iu" or values.dtype.itemsize < 8 or not values.size:
        return
    if max(int(values.max()), -int(values.min())) <= _EXACT:
        return
    floats = values.astype(dtype)
    # the float above the largest integer is no integer of this dtype
    with np.errstate(invalid="ignore"):
        same = (floats < float(np.iinfo(values.dtype).max)) & (floats.astype(values.dtype) == values)
    if not same.all():
        raise InputError(
            f"{name}: column {column!r} holds an integer that no {dtype} is",
            cause=f"{values[int(np.argmin(same))]}; the columns that are read have {dtype} in common",
            next="choose the columns of integers by themselves: columns",
        )


def _no_integer(name: str, column: str, dtype: np.dtype[Any]) -> InputError:
    return InputError(
        f"{name}: values are missing in column {column!r}",
        cause=f"an array of {dtype} has no number for a missing value; of floats it is NaN",
        next="fill them, write the column as float64, or choose other columns",
    )


def _listed(names: list[str]) -> str:
    shown = ", ".join(names[:_MOST_SHOWN])
    return shown + (f" and {len(names) - _MOST_SHOWN} more" if len(names) > _MOST_SHOWN else "")
