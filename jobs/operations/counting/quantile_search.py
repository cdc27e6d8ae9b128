"""What quantiles are searched for in what array, and how many bits of their keys each pass over it finds."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...blocks import Shape, ceil_div
from .key_counts import Bits
from .order_keys import key_bits
from .quantile_rules import QuantileRule

__all__ = ["Search", "plan_passes"]

_TABLE_BYTES = 8 << 20
_MOST_BITS = 16
"""A table of 2^16 counts stays in cache."""


@dataclass(frozen=True, slots=True)
class Search:
    """What is searched for.

    Parameters
    ----------
    rule : QuantileRule
    shape : tuple of int
        Of the array.
    axes : tuple of int
        Reduced axes.
    dtype : numpy.dtype
        Of the array, in native byte order.
    """

    rule: QuantileRule
    shape: Shape
    axes: tuple[int, ...]
    dtype: np.dtype[Any]

    @property
    def n_columns(self) -> int:
        """How many results there are for one q."""
        return math.prod(n for axis, n in enumerate(self.shape) if axis not in self.axes)

    @property
    def length(self) -> int:
        """Elements of a column."""
        return math.prod(self.shape[axis] for axis in self.axes)


def plan_passes(search: Search) -> tuple[Bits, ...]:
    """Return the bits that each pass counts.

    Examples
    --------
    >>> from dataclasses import replace
    >>> search = Search(QuantileRule(0.5), (10**9,), (0,), np.dtype("f4"))
    >>> plan_passes(search)
    (Bits(width=16, shift=16), Bits(width=16, shift=0))
    >>> [bits.width for bits in plan_passes(replace(search, shape=(10**9, 100), dtype=np.dtype("f8")))]
    [13, 11, 10, 10, 10, 10]
    """
    n_bits = key_bits(search.dtype)
    first = min(_widest(search.n_columns), n_bits)
    passes, shift = [Bits(first, n_bits - first)], n_bits - first
    largest = _widest(search.n_columns * search.rule.n_ranks)
    while shift:
        width = ceil_div(shift, ceil_div(shift, largest))
        shift -= width
        passes.append(Bits(width, shift))
    return tuple(passes)


def _widest(n_tables: int) -> int:
    """Return how many bits may be counted in so many tables at once, at least 1."""
    room = _TABLE_BYTES // (8 * n_tables)
    return min(max(room.bit_length() - 1, 1), _MOST_BITS)
