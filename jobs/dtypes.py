"""Which dtypes are worked on, and which dtype each family of operations computes in, on the CPU and on CUDA.

===========  =================  ==========================  ===========================================
family       input              CPU (NumPy)                 CUDA (torch)
===========  =================  ==========================  ===========================================
elementwise  bool, int, float   its own                     its own; float16 in float32
             uint16, uint32     its own                     int64, wrapped back
             uint64             its own                     refused
             complex            its own                     its own
sum          bool, int          int64 (modulo 2^64)         int64
             uint               uint64 (modulo 2^64)        int64: the same bits modulo 2^64
             float16, float32   float32 blocks (strict: float64), merged in float64
             complex64          complex64 blocks (strict: complex128), merged in complex128
extremum     bool               its own                     uint8
             int, float         its own                     its own
             uint16, uint32     its own                     int64
             uint64, complex    its own                     refused
product      bool, int, uint    as sum                      as sum
             float, complex     float64, complex128         float64, complex128
===========  =================  ==========================  ===========================================

The table is of the dtype that a block is computed in; the dtype of a result is NumPy's.
"""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

import numpy as np

from .errors import InputUnsupportedError

__all__ = ["Family", "compute_dtype", "is_supported", "refuse_dtype"]

Family: TypeAlias = Literal["elementwise", "sum", "extremum", "product"]

_SUPPORTED = frozenset("?bhilqBHILQefdFD")
_WAYS_OUT = {
    "O": ("object arrays hold Python objects", "convert it first: x.astype(float)"),
    "S": ("byte strings are not numbers", "convert it first: x.astype(float)"),
    "U": ("strings are not numbers", "convert it first: x.astype(float)"),
    "T": ("strings are not numbers", "convert it first: x.astype(float)"),
    "M": ("dates are not numbers", 'view it as integers first: x.view("int64")'),
    "m": ("time differences are not numbers", 'view it as integers first: x.view("int64")'),
    "g": ("its width differs between machines and no GPU has it", 'convert it first: x.astype("float64")'),
    "G": ("its width differs between machines and no GPU has it", 'convert it first: x.astype("complex128")'),
}
_UNKNOWN = ("NumPy itself does no arithmetic on it", "convert it to float32 first")


def is_supported(dtype: np.dtype[Any]) -> bool:
    """Tell whether arrays of a dtype are worked on, in any byte order.

    >>> is_supported(np.dtype(">f4")), is_supported(np.dtype("O"))
    (True, False)
    """
    return dtype.char in _SUPPORTED and dtype.isbuiltin in (0, 1)


def refuse_dtype(name: str, dtype: np.dtype[Any]) -> None:
    """Raise if arrays of a dtype are not worked on: object, string, date, structured and long double ones.

    Parameters
    ----------
    name : str
        How the array is called in the message.
    dtype : numpy.dtype

    Raises
    ------
    InputUnsupportedError
        With the reason and a way out.

    Examples
    --------
    >>> refuse_dtype("x.npy", np.dtype("f4"))
    >>> try:
    ...     refuse_dtype("x.npy", np.dtype("M8[s]"))
    ... except InputUnsupportedError as error:
    ...     print(error)
    x.npy has dtype datetime64[s], which is not worked on
      cause: dates are not numbers
      next:  view it as integers first: x.view("int64")
    """
    if is_supported(dtype):
        return
    if dtype.names:
        cause = f"it is structured, with the fields {', '.join(dtype.names)}"
        way_out = f'save one field: x["{dtype.names[0]}"]'
    else:
        cause, way_out = _WAYS_OUT.get(dtype.char, _UNKNOWN)
    what = f"{name} has dtype {dtype}, which is not worked on"
    raise InputUnsupportedError(what, cause=cause, next=way_out)


def compute_dtype(
    family: Family,
    dtype: np.dtype[Any],
    device: str = "cpu",
    precision: str = "standard",
    *,
    name: str = "the input",
) -> np.dtype[Any]:
    """Return the dtype that blocks are computed in.

    Parameters
    ----------
    family : {"elementwise", "sum", "extremum", "product"}
    dtype : numpy.dtype
        Of the input, or of NumPy's loop for elementwise functions.
    device : {"cpu", "cuda"}
    precision : {"strict", "standard", "fast"}
        Matters to sums of floats alone: elementwise functions keep NumPy's dtypes, products are float64.
    name : str
        How the input is called in messages.

    Raises
    ------
    InputUnsupportedError
        If the device has no arithmetic for the dtype.

    Examples
    --------
    >>> compute_dtype("sum", np.dtype("f4")), compute_dtype("sum", np.dtype("f4"), precision="strict")
    (dtype('float32'), dtype('float64'))
    >>> compute_dtype("elementwise", np.dtype("u2"), "cuda")
    dtype('int64')
    """
    refuse_dtype(name, dtype)
    native = dtype.newbyteorder("=")
    if family == "elementwise":
        return _elementwise(native, device, name)
    if family == "extremum":
        return _extremum(native, device, name)
    if native.kind in "biu":
        return np.dtype("u8" if native.kind == "u" and device == "cpu" else "i8")
    if family == "product" or precision == "strict":
        return np.dtype("c16" if native.kind == "c" else "f8")
    return np.dtype("f4") if native.itemsize == 2 else native


def _elementwise(dtype: np.dtype[Any], device: str, name: str) -> np.dtype[Any]:
    if device == "cpu":
        return dtype
    if dtype == np.float16:
        return np.dtype("f4")
    return _signed(dtype, name)


def _extremum(dtype: np.dtype[Any], device: str, name: str) -> np.dtype[Any]:
    if device == "cpu":
        return dtype
    if dtype.kind == "c":
        raise InputUnsupportedError(
            f"{name} is complex: its extremes are not computed on CUDA",
            cause="NumPy orders complex numbers by real, then imaginary part; torch does not order them",
            next="use --device cpu",
        )
    return np.dtype("u1") if dtype.kind == "b" else _signed(dtype, name)


def _signed(dtype: np.dtype[Any], name: str) -> np.dtype[Any]:
    if dtype.kind != "u" or dtype.itemsize == 1:
        return dtype
    if dtype.itemsize == 8:
        raise InputUnsupportedError(
            f"{name} is uint64, which is not computed on CUDA",
            cause="torch has no arithmetic for uint64, and int64 does not hold its values",
            next="use --device cpu",
        )
    return np.dtype("i8")
