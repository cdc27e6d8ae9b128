"""Which order statistics a quantile is made of, and how it is interpolated between them: NumPy's rules, bit by bit.

One difference: where NumPy's difference of two integers wraps around (``np.quantile(np.int8([-100, 100]), 0.5)`` is
128.0 in NumPy 2.4), ours does not.

References
----------
R. J. Hyndman, Y. Fan, "Sample Quantiles in Statistical Packages", The American Statistician 50 (1996), definition 7 is
``linear``. Order of operations: `_quantile`, `_lerp` and `_median` of numpy/lib/_function_base_impl.py, NumPy 2.4.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = ["Method", "QuantileRule"]

Method: TypeAlias = Literal["linear", "lower", "higher", "midpoint", "nearest"]
_ROUNDING: Mapping[str, Callable[[Any], Any]] = {"lower": np.floor, "higher": np.ceil, "nearest": np.around}


@dataclass(frozen=True, slots=True)
class QuantileRule:
    """What is asked of sorted columns.

    Parameters
    ----------
    q : number or tuple of numbers, or None
        As given; None: the median, which is a mean of two and not an interpolation.
    is_percent : bool
        `q` is of 100.
    method : str
    skip_nan : bool
        NaN is left out; else a column that has one is NaN.

    Examples
    --------
    >>> rule = QuantileRule((25, 50), is_percent=True)
    >>> rule.ranks(np.array([4])).T.tolist()
    [[0, 1, 1, 2]]
    >>> rule.interpolate(np.array([[1.0], [2.0], [2.0], [3.0]]), np.array([4])).T.tolist()
    [[1.75, 2.5]]
    """

    q: float | tuple[float, ...] | None
    is_percent: bool = False
    method: Method = "linear"
    skip_nan: bool = False

    @property
    def shape(self) -> tuple[int, ...]:
        """The axes that the result has before those of the columns."""
        return (len(self.q),) if isinstance(self.q, tuple) else ()

    @property
    def n_ranks(self) -> int:
        """Order statistics that are looked up in each column."""
        return 2 * (self.shape[0] if self.shape else 1)

    def ranks(self, lengths: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the places in sorted columns of these lengths, at least 1: all lower ones, then all upper ones.

        Parameters
        ----------
        lengths : ndarray of int64, shape (n,)

        Returns
        -------
        ndarray of int64, shape (n_ranks, n)
        """
        if self.q is None:
            return np.stack([(lengths - 1) // 2, lengths // 2])
        virtual = self._virtual(lengths)
        if virtual.dtype.kind != "f":
            return np.concatenate([virtual, virtual])
        lower = np.floor(virtual).astype(np.int64)
        return np.concatenate([lower, np.minimum(lower + 1, lengths - 1)])

    def interpolate(self, values: NDArray[Any], lengths: NDArray[np.int64]) -> NDArray[Any]:
        """Return the quantiles.

        Parameters
        ----------
        values : ndarray, shape (n_ranks, n)
            The order statistics at `ranks`.
        lengths : ndarray of int64, shape (n,)

        Returns
        -------
        ndarray, shape (n_ranks // 2, n)
        """
        if self.q is None:
            return np.asarray(np.where(lengths % 2 == 1, np.mean(values[:1], axis=0), np.mean(values, axis=0)))[None]
        lower, upper = np.split(values, 2)
        virtual = self._virtual(lengths)
        if virtual.dtype.kind != "f":
            return lower
        gamma = np.where(virtual % 1 == 0, 0.0, 0.5) if self.method == "midpoint" else virtual - np.floor(virtual)
        # a q that is one Python number does not widen floats (NEP 50)
        narrow = values.dtype if not self.shape and values.dtype.kind == "f" else np.dtype(np.float64)
        between = _difference(lower, upper)
        from_lower = lower + between * gamma.astype(narrow)
        from_upper = upper - between * (1 - gamma).astype(narrow)
        return np.asarray(np.where(gamma >= 0.5, from_upper, from_lower))

    def _virtual(self, lengths: NDArray[np.int64]) -> NDArray[Any]:
        """Return places that may lie between two elements; integers where nothing is interpolated."""
        given = np.asarray(self.q)
        fractions = np.asarray(np.true_divide(given, 100) if self.is_percent else given).reshape(-1, 1)
        places: NDArray[Any] = np.asarray((lengths - 1) * fractions)
        if self.method == "linear":
            return places
        if self.method == "midpoint":
            return np.asarray(0.5 * (np.floor(places) + np.ceil(places)))
        return np.asarray(_ROUNDING[self.method](places)).astype(np.int64)


def _difference(lower: NDArray[Any], upper: NDArray[Any]) -> NDArray[Any]:
    """Return ``upper - lower``; of integers in 64 bits, or as floats where those are too few."""
    if lower.dtype.kind != "i":
        return np.asarray(upper - lower)
    between = upper.astype(np.int64) - lower.astype(np.int64)
    if (between >= 0).all():
        return between
    return np.where(between >= 0, between.astype(np.float64), upper.astype(np.float64) - lower.astype(np.float64))
