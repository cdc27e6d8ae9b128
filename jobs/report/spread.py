"""Amounts that came about over stretches of time, told apart by equal parts of the whole time."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["spread"]

_SHORTEST = 1e-6
"""Part of the whole: what took less is taken to be that long, so that its rate stays finite."""


def spread(starts: ArrayLike, ends: ArrayLike, amounts: ArrayLike, *, total: float, n_bins: int) -> NDArray[np.float64]:
    """Return how much came about in each of equal parts of ``[0, total]``, every amount spread evenly over its time.

    Parameters
    ----------
    starts, ends, amounts : array_like
        Of shape ``(n,)``; within ``[0, total]``.
    total : float
    n_bins : int

    Returns
    -------
    NDArray
        Float64 of shape ``(n_bins,)``; its sum is that of the amounts.

    Notes
    -----
    The sum of all amounts up to a moment is linear between starts and ends, and is looked up at the edges of the bins:
    O(n log n), whatever the number of bins.

    Examples
    --------
    >>> spread([0.0, 2.0], [4.0, 3.0], [8.0, 5.0], total=4.0, n_bins=4).tolist()
    [2.0, 2.0, 7.0, 2.0]
    """
    first, amount = np.asarray(starts, np.float64), np.asarray(amounts, np.float64)
    if total <= 0 or not first.size:
        return np.zeros(n_bins)
    shortest = _SHORTEST * total
    first = np.minimum(first, total - shortest)
    last = np.maximum(np.asarray(ends, np.float64), first + shortest)
    rate = amount / (last - first)
    moments = np.concatenate([first, last])
    order = np.argsort(moments, kind="stable")
    moments, rates = moments[order], np.cumsum(np.concatenate([rate, -rate])[order])
    so_far = np.concatenate([[0.0], np.cumsum(rates[:-1] * np.diff(moments))])
    edges = np.linspace(0.0, total, n_bins + 1)
    there: NDArray[np.float64] = np.interp(edges, moments, so_far, left=0.0, right=so_far[-1])
    return np.maximum(np.diff(there), 0.0, dtype=np.float64)
