"""The header of a ``.npy`` file: numpy's own reader and writer, with checks of what they let through."""

from __future__ import annotations

import io
import tokenize
import warnings
from typing import Any

import numpy as np
from numpy.lib import format as npy_format

from ...blocks import Shape
from ...errors import InputError, InputUnsupportedError
from ...headers import ArrayHeader, Order

__all__ = ["DATA_ALIGNMENT", "HEADER_BYTES", "check_dtype", "check_shape", "header_bytes", "parse_header"]

DATA_ALIGNMENT = 4096
"""Data that we write start on a page of the file system, so that blocks on page borders share no page."""

HEADER_BYTES = 128 * 1024
"""Longer than any header that numpy's reader accepts: what is read of a file to find its header."""

_LARGEST_NDIM = 64  # NumPy 2 (NPY_MAXDIMS)
_LARGEST_BYTES = 2**63 - 1

# What numpy's reader, ast.literal_eval and numpy.dtype were seen to raise on broken headers.
_BROKEN = (
    ValueError, TypeError, SyntaxError, KeyError, IndexError, AttributeError, OverflowError, RecursionError,
    MemoryError, RuntimeError, tokenize.TokenError,
)  # fmt: skip


def parse_header(name: str, prefix: bytes, *, may_be_records: bool = False) -> tuple[ArrayHeader, int]:
    """Return the header of a ``.npy`` file and the position of its data.

    Parameters
    ----------
    name : str
        How the file is called in messages.
    prefix : bytes
        The first bytes of the file; 128 KiB are always enough.
    may_be_records : bool
        Allow a structured dtype.

    Raises
    ------
    InputError
        If the header is broken, or describes an array that cannot exist.
    InputUnsupportedError
        If the dtype is not one of numbers.

    Examples
    --------
    >>> header, offset = parse_header("x.npy", header_bytes((3, 4), np.dtype("<f4"), "F"))
    >>> header.shape, header.order, offset
    ((3, 4), 'F', 4096)
    """
    stream = io.BytesIO(prefix[:HEADER_BYTES])
    try:
        shape, is_fortran, dtype = _read_header(stream)
    except _BROKEN as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0][:200]
        raise InputError(
            f"{name}: the .npy header is broken",
            cause=f"numpy says: {reason}",
            next="write the file again with numpy.save",
        ) from error
    check_dtype(name, dtype, may_be_records=may_be_records)
    check_shape(name, shape, dtype)
    has_one_order = sum(n != 1 for n in shape) > 1
    order: Order = "F" if is_fortran and has_one_order else "C"
    return ArrayHeader(name, tuple(int(n) for n in shape), dtype, order), stream.tell()


def _read_header(stream: io.BytesIO) -> tuple[Shape, bool, np.dtype[Any]]:
    version = npy_format.read_magic(stream)
    if version not in {(1, 0), (2, 0), (3, 0)}:
        raise ValueError(f"format version {version[0]}.{version[1]} is not known (1.0, 2.0 and 3.0 are)")
    # Version 3 differs from 2 in the encoding of field names alone, and dtypes with fields are refused.
    read = npy_format.read_array_header_1_0 if version == (1, 0) else npy_format.read_array_header_2_0
    with warnings.catch_warnings():
        # Headers of Python 2 ("3L") are read with a warning that the user can do nothing about.
        warnings.simplefilter("ignore")
        return read(stream)


def check_dtype(name: str, dtype: np.dtype[Any], *, may_be_records: bool = False) -> None:
    """Check that a dtype is one that is worked on: bool, integers, float16 to float64, complex64, complex128.

    Parameters
    ----------
    name : str
    dtype : numpy.dtype
    may_be_records : bool
        Allow records of such numbers: what one step of a job hands to the next.

    Raises
    ------
    InputUnsupportedError
        Saying why, and how to convert.

    Examples
    --------
    >>> check_dtype("x.npy", np.dtype(">f4"))
    >>> check_dtype("t.npy", np.dtype("M8[ns]"))  # doctest: +IGNORE_EXCEPTION_DETAIL
    Traceback (most recent call last):
    arraymill.jobs.errors.InputUnsupportedError: t.npy: dates and time spans are not worked on
      cause: dtype datetime64[ns]; allowed: bool, int, uint, float16 to float64, complex64, complex128
      next:  save x.view("int64") instead: the same ticks, as integers
    """
    if may_be_records and dtype.names is not None:
        for field in dtype.names:
            check_dtype(f"{name}[{field!r}]", dtype[field].base)
        return
    why = _refusal(dtype)
    if why:
        what, way_out = why
        raise InputUnsupportedError(
            f"{name}: {what}",
            cause=f"dtype {dtype}; allowed: bool, int, uint, float16 to float64, complex64, complex128",
            next=way_out,
        )


def _refusal(dtype: np.dtype[Any]) -> tuple[str, str] | None:
    if dtype.names is not None:
        field = next(iter(dtype.names), None)
        way_out = f"save one field by itself: x[{field!r}]" if field else "save an array of numbers"
        return "structured arrays are not worked on", way_out
    if dtype.hasobject:
        return "it holds pickled Python objects, which are never loaded", "save an array of numbers: x.astype(float)"
    if dtype.kind in "Mm":
        return "dates and time spans are not worked on", 'save x.view("int64") instead: the same ticks, as integers'
    if dtype.kind in "fc" and dtype.itemsize > (8 if dtype.kind == "f" else 16):
        narrower = "float64" if dtype.kind == "f" else "complex128"
        return "long double is not worked on (its layout differs between machines)", f"save x.astype({narrower!r})"
    if dtype.kind in "SUTV" or dtype.subdtype is not None:
        return "text and raw bytes are not worked on", 'save numbers; raw bytes can be viewed as x.view("uint8")'
    if dtype.kind not in "biufc":
        return "this dtype is not worked on", "save an array of numbers"
    return None


def check_shape(name: str, shape: Shape, dtype: np.dtype[Any], *, source: str = ".npy header") -> None:
    """Check that an array of such a shape can exist.

    Parameters
    ----------
    name : str
    shape : tuple of int
    dtype : numpy.dtype
    source : str
        What says so.

    Raises
    ------
    InputError
        If an axis is negative, there are more than NumPy has, or the bytes are more than a file can have.

    Examples
    --------
    >>> check_shape("x.npy", (3, 4), np.dtype("f4"))
    """
    largest = dtype.itemsize
    for n in shape:
        largest *= max(n, 1)
    wrong = None
    if any(n < 0 for n in shape):
        wrong = "no axis may be negative"
    elif len(shape) > _LARGEST_NDIM:
        wrong = f"at most {_LARGEST_NDIM} axes are allowed, and there are {len(shape)}"
    elif largest > _LARGEST_BYTES:
        wrong = "it overflows 63 bits of bytes"
    if wrong:
        shown = str(shape) if len(str(shape)) < 200 else f"of {len(shape)} axes"
        raise InputError(
            f"{name}: the {source} holds an impossible shape", cause=f"shape {shown}: {wrong}", next="write it again"
        )


def header_bytes(shape: Shape, dtype: np.dtype[Any], order: Order) -> bytes:
    """Return the header of a new ``.npy`` file, padded so that the data start at a multiple of 4096 bytes.

    >>> len(header_bytes((3, 4), np.dtype("<f4"), "C"))
    4096
    """
    stream = io.BytesIO()
    fields = {"shape": shape, "fortran_order": order == "F", "descr": npy_format.dtype_to_descr(dtype)}
    npy_format.write_array_header_1_0(stream, fields)
    header = stream.getvalue()
    length = -(-len(header) // DATA_ALIGNMENT) * DATA_ALIGNMENT
    # Version 1.0: magic and version (8 bytes), length of the rest (2 bytes), text padded by spaces, a newline.
    rest = header[10:].rstrip().ljust(length - 11) + b"\n"
    return header[:8] + len(rest).to_bytes(2, "little") + rest
