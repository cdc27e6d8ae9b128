"""Checks of the demo's results against NumPy in float64, a few rows at a time, with bounds that are derived.

References
----------
Higham, Accuracy and Stability of Numerical Algorithms (2002), eq. 3.5: a dot product of length k computed in
arithmetic of unit roundoff u is off by at most gamma_k = k u / (1 - k u) times sum |a_i b_i|, in any order of addition.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..arrays import open_source
from ..blocks import Grid, whole_region

__all__ = ["Difference", "check_column_means", "check_product"]

_ROWS = 1024
_U = 2.0**-24
"""Unit roundoff of float32."""


@dataclass(frozen=True, slots=True)
class Difference:
    """How far a result is from NumPy's in float64.

    Parameters
    ----------
    n_checked : int
        Elements that were compared: all of them.
    largest : float
        Largest absolute difference.
    of_bound : float
        Largest difference over the bound of its element; the result is right if this is at most 1.
    """

    n_checked: int
    largest: float
    of_bound: float

    @property
    def is_within_bound(self) -> bool:
        """Whether every element is within its bound; NaN is not."""
        return self.of_bound <= 1

    def merge(self, other: Difference) -> Difference:
        """Return both as one. NaN, which would lose every comparison, is kept."""
        largest = float(np.maximum(self.largest, other.largest))
        of_bound = float(np.maximum(self.of_bound, other.of_bound))
        return Difference(self.n_checked + other.n_checked, largest, of_bound)


def check_product(a_path: Path, b_path: Path, c_path: Path) -> Difference:
    """Compare ``c = a @ b`` with NumPy's product in float64, element by element.

    The bound of an element is ``gamma_k(2**-24) * norm(a's row) * norm(b's column)``: Higham's, with Cauchy-Schwarz for
    the sum of absolute products, and one more rounding for the result's dtype.
    """
    b = _read_whole(b_path)
    k = len(b)
    gamma = (k + 1) * _U / (1 - (k + 1) * _U)
    b_norms = np.sqrt(np.einsum("kn,kn->n", b, b))
    total = Difference(0, 0.0, 0.0)
    for a, c in _row_chunks(a_path, c_path):
        bound = gamma * np.sqrt(np.einsum("mk,mk->m", a, a))[:, None] * b_norms
        total = total.merge(_compare(c, a @ b, bound))
    return total


def check_column_means(x_path: Path, y_path: Path) -> Difference:
    """Compare ``y = mean(x, axis=0)`` with NumPy's in float64.

    The bound is the one that is promised for sums of float32, ``(32 * 2**-24 + 2**-53) * sum(abs(x))``, over the number
    of rows, and one more rounding for the result's dtype.
    """
    y = _read_whole(y_path)
    sums, magnitudes, n_rows = np.zeros(len(y)), np.zeros(len(y)), 0
    for (x,) in _row_chunks(x_path):
        sums += x.sum(axis=0)
        magnitudes += np.abs(x).sum(axis=0)
        n_rows += len(x)
    means = sums / n_rows
    bound = (32 * _U + 2.0**-53) * magnitudes / n_rows + _U * np.abs(means)
    return _compare(y, means, bound)


def _compare(found: NDArray[Any], expected: NDArray[Any], bound: NDArray[Any]) -> Difference:
    difference = np.abs(found - expected)
    return Difference(found.size, float(difference.max()), float((difference / bound).max()))


def _row_chunks(*paths: Path) -> Any:
    """Yield the same rows of each file, in float64, a few at a time."""
    sources = [open_source(path) for path in paths]
    n_rows = sources[0].header.shape[0]
    for ((start, stop),) in Grid((n_rows,), (_ROWS,)).regions():
        yield tuple(_read(source, ((start, stop), (0, source.header.shape[1]))) for source in sources)


def _read_whole(path: Path) -> NDArray[Any]:
    source = open_source(path)
    return _read(source, whole_region(source.header.shape))


def _read(source: Any, region: Any) -> NDArray[Any]:
    out = np.empty([stop - start for start, stop in region], source.header.dtype)
    with source.open() as reader:
        reader.read(region, out)
    return out.astype(np.float64)
