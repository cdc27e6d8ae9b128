"""The first k of rows of keys: in order, of equal ones the lowest index first, the same however rows were cut."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...stages.kernels import Namespace
from .order_keys import from_keys, key_bits, order_keys, to_keys, torch_keys

__all__ = ["first_of_rows", "merge_ranked", "numbers_of", "signed_keys"]

_SIGN_OF_64 = np.uint64(1 << 63)
_LONG_ROW, _PER_K, _GROUPS_PER_K = 8192, 64, 8
"""Shorter rows are ranked together."""


def signed_keys(xp: Namespace, x: Any) -> Any:
    """Return the keys of `order_keys` in int64; those of 64 bits less 2^63."""
    if xp is not np:
        return torch_keys(xp, x)
    keys = order_keys(np.ascontiguousarray(x))
    return (keys ^ _SIGN_OF_64).view(np.int64) if x.dtype.itemsize == 8 else keys.astype(np.int64)


def numbers_of(keys: NDArray[np.int64], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Return the numbers of signed keys.

    >>> numbers_of(signed_keys(np, np.array([-2.5, np.inf])), np.dtype("f8")).tolist()
    [-2.5, inf]
    """
    unsigned = keys.view(np.uint64)
    return from_keys(unsigned ^ _SIGN_OF_64 if dtype.itemsize == 8 else unsigned, dtype)


def first_of_rows(xp: Namespace, rows: Any, k: int, dtype: np.dtype[Any], *, largest: bool) -> tuple[Any, Any]:
    """Return the first k of each row, in order.

    Parameters
    ----------
    xp : array API namespace
    rows : array, shape (n_rows, n)
    k : int
        At most n.
    dtype : numpy.dtype
        Of the numbers: -0.0 is taken as equal to 0.0.
    largest : bool
        The largest come first, NaN before all; else the smallest, and NaN last.

    Returns
    -------
    tuple of two arrays of int64, shape (n_rows, k)
        Signed keys, and places in the row.

    Examples
    --------
    >>> first_of_rows(np, np.array([[3, 9, 9, 1]], np.uint8), 3, np.dtype("u1"), largest=True)
    (array([[9, 9, 3]]), array([[1, 2, 0]]))
    """
    if xp is np and rows.shape[1] >= max(_LONG_ROW, _PER_K * k):
        found = [_first_of_long(row, k, dtype, largest) for row in rows]
        keys, places = (np.stack(parts) for parts in zip(*found, strict=True))
        return keys, places
    keys = signed_keys(xp, rows)
    order = _order(xp, keys, dtype, largest)
    places = _select(order, k) if xp is np else xp.argsort(order, axis=1, stable=True)[:, :k]
    return xp.take_along_axis(keys, places, axis=1), places


def _first_of_long(
    row: NDArray[Any], k: int, dtype: np.dtype[Any], largest: bool
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the first k of one row: of groups of it the best are known fast, and few are as good as k of those."""
    n_groups = _GROUPS_PER_K * k
    groups = row[: len(row) // n_groups * n_groups].reshape(n_groups, -1)
    best = groups.max(axis=1) if largest else groups.min(axis=1)
    places = np.arange(len(row))
    if dtype.kind != "f" or not np.isnan(best).any():
        last = np.partition(best, n_groups - k)[n_groups - k] if largest else np.partition(best, k - 1)[k - 1]
        # what is not less may be NaN
        places = np.flatnonzero(~(row < last) if largest else row <= last)
    keys = signed_keys(np, row[places])
    chosen = _select(_order(np, keys, dtype, largest)[None], k)[0]
    return keys[chosen], places[chosen]


def merge_ranked(
    left: tuple[NDArray[np.int64], NDArray[np.int64]],
    right: tuple[NDArray[np.int64], NDArray[np.int64]],
    dtype: np.dtype[Any],
    *,
    largest: bool,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the first of two rankings of the same length; an index of -1 is an empty place."""
    keys, indices = (np.concatenate(both, axis=1) for both in zip(left, right, strict=True))
    order = np.lexsort((indices, _order(np, keys, dtype, largest), indices < 0), axis=1)[:, : left[0].shape[1]]
    return np.take_along_axis(keys, order, axis=1), np.take_along_axis(indices, order, axis=1)


def _order(xp: Namespace, keys: Any, dtype: np.dtype[Any], largest: bool) -> Any:
    """Return numbers that are in the order of the ranking."""
    if dtype.kind == "f":
        zero = to_keys(0.0, dtype) - (1 << 63 if key_bits(dtype) == 64 else 0)
        keys = keys + xp.astype(keys == zero - 1, xp.int64)
    return ~keys if largest else keys


def _select(order: NDArray[np.int64], k: int) -> NDArray[np.int64]:
    """Return the places of the k smallest of each row, in order."""
    n_rows, n = order.shape
    if k < n:
        last = np.partition(order, k - 1, axis=1)[:, k - 1 : k]
        chosen = order <= last
        if np.count_nonzero(chosen) > n_rows * k:
            # of those equal to the last, the first few
            is_last = order == last
            n_before = k - (chosen.sum(axis=1, keepdims=True) - is_last.sum(axis=1, keepdims=True))
            chosen &= ~is_last | (np.cumsum(is_last, axis=1) <= n_before)
        places = np.nonzero(chosen)[1].reshape(n_rows, k)
    else:
        places = np.broadcast_to(np.arange(n), order.shape)
    ranked = np.argsort(np.take_along_axis(order, places, axis=1), axis=1, kind="stable")
    return np.take_along_axis(places, ranked, axis=1)
