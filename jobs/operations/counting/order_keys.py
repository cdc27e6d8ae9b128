"""Unsigned integers in the order of numbers: what a number is can be found by counting its leading bits.

::

    float32, as bits       key                     negative numbers: all bits flipped
    0 | 01111111 ...  1.0  1 | 01111111 ...        positive numbers: the sign bit set
    1 | 01111111 ... -1.0  0 | 10000000 ...        NaN of any kind: the largest key, as it is sorted last

-0.0 has the key right below that of 0.0. On torch, which has no arithmetic of unsigned integers, keys are int64: those
of 64 bits with their first bit flipped, so that they keep their order.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...stages.kernels import Namespace

__all__ = ["from_keys", "key_bits", "order_keys", "to_keys", "torch_keys"]

_SIGN_OF_64 = -(2**63)


def key_bits(dtype: np.dtype[Any]) -> int:
    """Return how many bits the keys of a dtype have.

    >>> key_bits(np.dtype("f4"))
    32
    """
    return 8 * dtype.itemsize


def order_keys(x: NDArray[Any]) -> NDArray[Any]:
    """Return keys in the unsigned integers of the width of `x`.

    >>> order_keys(np.array([-2, -1, 0, 1], np.int8)).tolist()
    [126, 127, 128, 129]
    """
    bits = x.view(_unsigned(x.dtype))
    if x.dtype.kind in "bu":
        return bits
    sign = bits.dtype.type(1 << (key_bits(x.dtype) - 1))
    if x.dtype.kind == "i":
        return np.asarray(bits ^ sign)
    flip: NDArray[Any] = np.where(bits >= sign, ~bits.dtype.type(0), sign)
    flip ^= bits
    flip[np.isnan(x)] = ~bits.dtype.type(0)
    return flip


def to_keys(value: Any, dtype: np.dtype[Any]) -> int:
    """Return the key of one number.

    >>> to_keys(0.0, np.dtype("f4")) - to_keys(-0.0, np.dtype("f4"))
    1
    """
    return int(order_keys(np.array([value], dtype))[0])


def from_keys(keys: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Return the numbers of keys, which may be in wider integers.

    >>> x = np.array([-np.inf, -1.5, -0.0, 0.0, 2.5, np.nan], np.float32)
    >>> from_keys(order_keys(x).astype(np.uint64), x.dtype).tolist()
    [-inf, -1.5, -0.0, 0.0, 2.5, nan]
    """
    bits = keys.astype(_unsigned(dtype))
    sign = bits.dtype.type(1 << (key_bits(dtype) - 1))
    if dtype.kind == "i":
        bits ^= sign
    elif dtype.kind == "f":
        bits ^= np.where(bits >= sign, sign, ~bits.dtype.type(0))
    return bits.view(dtype)


def torch_keys(xp: Namespace, x: Any) -> Any:
    """Return keys of a tensor in int64; those of 64 bits less 2^63.

    Examples
    --------
    >>> import array_api_compat.torch as xp
    >>> torch_keys(xp, xp.asarray([-1.0, 2.0, float("nan")], dtype=xp.float32)).tolist()
    [1082130431, 3221225472, 4294967295]
    """
    name = str(x.dtype).rpartition(".")[2]
    dtype = np.dtype(name)
    n_bits = key_bits(dtype)
    if name == "bool":
        return xp.astype(x, xp.int64)
    bits = xp.astype(x.view(getattr(xp, f"int{n_bits}")), xp.int64)
    if dtype.kind == "u":
        return bits ^ _SIGN_OF_64 if n_bits == 64 else bits & ((1 << n_bits) - 1)
    offset = 0 if n_bits == 64 else 1 << (n_bits - 1)
    if dtype.kind == "i":
        return bits + offset
    # of negative numbers all bits but the first, which is the sign of the key too
    ordered = xp.where(bits < 0, bits ^ ((1 << (n_bits - 1)) - 1), bits)
    largest = (1 << (n_bits - 1)) - 1
    return xp.where(xp.isnan(x), xp.full_like(bits, largest), ordered) + offset


def _unsigned(dtype: np.dtype[Any]) -> np.dtype[Any]:
    return np.dtype(f"u{dtype.itemsize}")
