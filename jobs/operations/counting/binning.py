"""Bins, and how many numbers are in each: NumPy's counts, also of numbers that lie on an edge.

Equal bins are numbered by a formula in floating point, whose result is corrected with the edges; the formula decides
where edges are so close that it is off by more than one. So it is NumPy's own, or on torch its operations one by one
(`histogram` of numpy/lib/_histograms_impl.py, NumPy 2.4). Numbers of 8 and 16 bits are counted value by value first.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ...stages.kernels import Namespace
from .order_keys import key_bits

__all__ = ["Bins", "EqualBins", "ListedBins", "count_in_bins", "weigh_in_bins"]


@dataclass(frozen=True, slots=True)
class EqualBins:
    """Bins of equal width.

    Parameters
    ----------
    n : int
    bounds : tuple of two numbers
        Of Python where they were given, of NumPy where they are the least and the largest element: NumPy's dtypes
        differ between the two.
    dtype : numpy.dtype
        Of the numbers that are counted.

    Examples
    --------
    >>> EqualBins(4, (0, 1), np.dtype("f4")).edges
    array([0.  , 0.25, 0.5 , 0.75, 1.  ], dtype=float32)
    """

    n: int
    bounds: tuple[Any, Any]
    dtype: np.dtype[Any]

    @property
    def edges(self) -> NDArray[Any]:
        """The n + 1 edges; ValueError where the bins are too many for their range."""
        return np.histogram_bin_edges(np.empty(0, self.dtype), self.n, self.bounds)

    @property
    def outer(self) -> tuple[Any, Any]:
        """The first and the last edge; an empty range is widened."""
        first, last = self.bounds
        return (first - 0.5, last + 0.5) if first == last else (first, last)

    @property
    def width_of_all(self) -> Any:
        """The difference of the outer edges, in NumPy's dtype: unsigned, of integers."""
        first, last = self.outer
        dtype = np.result_type(first, last)
        if dtype.kind == "i":
            wide = np.asarray(last, dtype), np.asarray(first, dtype)
            return np.subtract(*wide, casting="unsafe", dtype=np.dtype(f"u{dtype.itemsize}"))
        return np.subtract(last, first, dtype=dtype)


@dataclass(frozen=True, slots=True)
class ListedBins:
    """Bins between edges as they were given.

    Parameters
    ----------
    listed : tuple of numbers
        Not decreasing.

    Examples
    --------
    >>> ListedBins((0, 1, 10)).n
    2
    """

    listed: tuple[float, ...]

    @property
    def edges(self) -> NDArray[Any]:
        """The edges, in NumPy's dtype for them."""
        return np.asarray(self.listed)

    @property
    def n(self) -> int:
        """How many bins there are."""
        return len(self.listed) - 1


Bins: TypeAlias = EqualBins | ListedBins


def count_in_bins(xp: Namespace, x: Any, bins: Bins) -> Any:
    """Return how many numbers are in each bin, in int64.

    Parameters
    ----------
    xp : array API namespace
    x : array
        Not of booleans or complex numbers.
    bins : EqualBins or ListedBins

    Examples
    --------
    >>> count_in_bins(np, np.array([0.0, 0.25, 0.5, 1.0, 2.0, np.nan]), EqualBins(2, (0, 1), np.dtype("f8")))
    array([2, 2])
    """
    flat = xp.reshape(x, (-1,))
    if xp is not np:
        return _equal_on_torch(xp, flat, bins) if isinstance(bins, EqualBins) else _listed_on_torch(xp, flat, bins)
    if flat.dtype.itemsize <= 2:
        return _by_value(flat, bins)
    if isinstance(bins, EqualBins):
        return np.histogram(flat, bins.n, bins.bounds)[0]
    return _listed(flat, bins.edges)


def weigh_in_bins(x: NDArray[Any], weights: NDArray[Any], bins: Bins) -> NDArray[Any]:
    """Return the sum of the weights in each bin, in float64 or complex128.

    Parameters
    ----------
    x, weights : ndarray, shape (n,)
    bins : EqualBins or ListedBins

    Examples
    --------
    >>> weigh_in_bins(np.array([0.5, 1.5, 2.0]), np.array([1, 10, 100]), ListedBins((0, 1, 2)))
    array([  1., 110.])
    """
    if weights.dtype.kind == "c":
        parts = weigh_in_bins(x, weights.real, bins), weigh_in_bins(x, weights.imag, bins)
        return parts[0] + 1j * parts[1]
    wide = weights.astype(np.float64)
    if isinstance(bins, EqualBins):
        return np.histogram(x, bins.n, bins.bounds, weights=wide)[0]
    edges = bins.edges
    places = np.searchsorted(edges, x, side="right")
    places[x == edges[-1]] -= 1
    return np.bincount(places, weights=wide, minlength=len(edges) + 1)[1:-1]


def _by_value(x: NDArray[Any], bins: Bins) -> NDArray[np.int64]:
    """Return counts of numbers of which there are few different ones."""
    table = np.bincount(x.view(f"u{x.dtype.itemsize}"), minlength=1 << key_bits(x.dtype))
    present = np.flatnonzero(table)
    values = present.astype(f"u{x.dtype.itemsize}").view(x.dtype)
    is_number = ~np.isnan(values)
    values, weights = values[is_number], table[present[is_number]]
    if isinstance(bins, EqualBins):
        return np.histogram(values, bins.n, bins.bounds, weights=weights)[0]
    return np.histogram(values, bins.edges, weights=weights)[0]


def _listed(x: NDArray[Any], edges: NDArray[Any]) -> NDArray[np.int64]:
    """Return counts between edges; the last edge belongs to the last bin."""
    # what is sorted behind the last edge, NaN too, is in no bin; what lies before the first is in place 0
    places = np.searchsorted(edges, x, side="right")
    counts = np.bincount(places, minlength=len(edges) + 1)[1:-1]
    counts[-1] += np.count_nonzero(x == edges[-1])
    return counts


def _equal_on_torch(xp: Namespace, x: Any, bins: EqualBins) -> Any:
    edges, whole = bins.edges, np.asarray(bins.width_of_all)
    wide = np.result_type(edges.dtype, whole.dtype)
    x = xp.astype(_inside(xp, _signed(xp, x), bins), getattr(xp, edges.dtype.name))
    first, divisor = np.asarray(bins.outer[0], edges.dtype), whole.astype(wide)
    shifted = xp.astype(x - xp.asarray(first, device=x.device), getattr(xp, wide.name))
    places = xp.astype(shifted / xp.asarray(divisor, device=x.device) * bins.n, xp.int64)
    places = xp.where(places == bins.n, places - 1, places)
    on_device = xp.asarray(edges, device=x.device)
    places = places - xp.astype(x < on_device[places], xp.int64)
    places = places + xp.astype((x >= on_device[places + 1]) & (places != bins.n - 1), xp.int64)
    return xp.bincount(places, minlength=bins.n)


def _inside(xp: Namespace, x: Any, bins: EqualBins) -> Any:
    """Return the numbers that lie within the bins, compared in the dtype that NumPy compares them in."""
    dtype = np.result_type(bins.dtype, *bins.outer)
    if dtype.kind != "f":
        ends = np.iinfo(np.int64)
        first, last = (min(max(int(bound), ends.min), ends.max) for bound in bins.outer)
        return x[(x >= first) & (x <= last)]
    compared = xp.astype(x, getattr(xp, dtype.name))
    first, last = (xp.asarray(np.asarray(bound, dtype), device=x.device) for bound in bins.outer)
    return x[(compared >= first) & (compared <= last)]


def _listed_on_torch(xp: Namespace, x: Any, bins: ListedBins) -> Any:
    own = np.dtype(str(x.dtype).rpartition(".")[2])
    dtype = np.result_type(own, bins.edges.dtype)
    x = xp.astype(_signed(xp, x), getattr(xp, dtype.name))
    if dtype.kind == "f":
        x = x[~xp.isnan(x)]
    edges = xp.asarray(bins.edges.astype(dtype), device=x.device)
    counts = xp.bincount(xp.searchsorted(edges, x, side="right"), minlength=bins.n + 2)[1:-1]
    return xp.concat([counts[:-1], counts[-1:] + xp.sum(x == edges[-1])])


def _signed(xp: Namespace, x: Any) -> Any:
    """Return integers in int64: torch compares no others with bounds beyond their range."""
    return x if x.dtype.is_floating_point else xp.astype(x, xp.int64)
