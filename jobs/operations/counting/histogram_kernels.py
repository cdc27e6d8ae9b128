"""The work of histogram on one piece: its extent, its counts, and the edges of the bins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...blocks import Region, Shape
from ...errors import SpecError
from ...stages.kernels import Namespace, Partial
from ..reductions.block_sums import cast
from ..reductions.tables import PIECE_ELEMENTS
from .binning import Bins, EqualBins, count_in_bins, weigh_in_bins

__all__ = ["CountKernel", "EdgesKernel", "ExtentKernel", "WeightKernel", "between"]


@dataclass(frozen=True, slots=True)
class ExtentKernel:
    """The least and the largest element; it refuses what no bins can be made of, as NumPy does.

    Parameters
    ----------
    n : int
        Bins that are wanted.
    dtype : numpy.dtype
        Of the numbers.
    compute : numpy.dtype
        What they are compared in.
    """

    n: int
    dtype: np.dtype[Any]
    compute: np.dtype[Any]

    piece_elements = PIECE_ELEMENTS
    is_exact = True

    def fold(self, xp: Namespace, piece: Any, axes: tuple[int, ...], origin: Shape) -> tuple[Any, ...]:
        """Return the extent of a piece."""
        x = cast(xp, piece, getattr(xp, self.compute.name))
        return (xp.stack([xp.min(x), xp.max(x)]),)

    def merge(self, left: Partial, right: Partial) -> Partial:
        """Return the extent of two parts; NaN stays."""
        (low, high), (other_low, other_high) = left[0], right[0]
        return (np.stack([np.minimum(low, other_low), np.maximum(high, other_high)]),)

    def finish(self, partial: Partial) -> NDArray[Any]:
        """Return the extent.

        Raises
        ------
        SpecError
            If it is not finite, or too small for so many bins.
        """
        extent = partial[0].astype(self.dtype)
        bounds = extent[0], extent[1]
        try:
            if not np.isfinite(extent).all():
                raise ValueError(f"autodetected range of [{bounds[0]}, {bounds[1]}] is not finite")
            _ = EqualBins(self.n, bounds, self.dtype).edges
        except ValueError as error:
            raise SpecError(
                f"histogram: {error}",
                cause="without a range, bins reach from the least to the largest element",
                safe="nothing was written",
                next="say which values to count: --range 0,1",
            ) from error
        return extent


@dataclass(frozen=True, slots=True)
class CountKernel:
    """Partials are ``(counts,)``, and ``(counts, edges)`` of a density.

    Parameters
    ----------
    bins : EqualBins or ListedBins
        The bounds of equal ones are not known before `bind`, where they are the least and the largest element.
    density : bool
    """

    bins: Bins
    density: bool

    piece_elements = PIECE_ELEMENTS
    is_exact = True

    def bind(self, given: tuple[NDArray[Any], ...]) -> CountKernel:
        """Return the kernel that counts in bins from the least to the largest element."""
        return replace(self, bins=between(self.bins, given[0]))

    def fold(self, xp: Namespace, piece: Any, axes: tuple[int, ...], origin: Shape) -> tuple[Any, ...]:
        """Return the counts of a piece."""
        is_bool = piece.dtype == (np.bool_ if xp is np else xp.bool)
        counts = count_in_bins(xp, xp.astype(piece, xp.uint8) if is_bool else piece, self.bins)
        return (counts, _like(xp, self.bins.edges, counts)) if self.density else (counts,)

    def merge(self, left: Partial, right: Partial) -> Partial:
        """Return the counts of two parts."""
        return (left[0] + right[0], *left[1:])

    def finish(self, partial: Partial) -> NDArray[Any]:
        """Return the counts, or the density."""
        if not self.density:
            return np.asarray(partial[0])
        counts, edges = partial
        return np.asarray(counts / np.array(np.diff(edges), float) / counts.sum())


@dataclass(frozen=True, slots=True)
class WeightKernel(CountKernel):
    """As CountKernel, of records of numbers and their weights, which are added in float64 and in block order.

    Parameters
    ----------
    result : numpy.dtype
        Of the weights.
    """

    result: np.dtype[Any]

    is_exact = False

    def fold(self, xp: Namespace, piece: Any, axes: tuple[int, ...], origin: Shape) -> tuple[Any, ...]:
        """Return the weights of a piece."""
        numbers, weights = (piece[name].reshape(-1) for name in ("number", "weight"))
        numbers = numbers.astype(np.uint8) if numbers.dtype.kind == "b" else numbers
        sums = weigh_in_bins(numbers, weights, self.bins)
        return (sums, self.bins.edges) if self.density else (sums,)

    def finish(self, partial: Partial) -> NDArray[Any]:
        """Return the weights in their own dtype, or the density."""
        sums = partial[0]
        if self.result.kind in "iu":
            sums = np.rint(sums).astype(np.int64)
        return CountKernel.finish(self, (sums.astype(self.result), *partial[1:]))


@dataclass(frozen=True, slots=True)
class EdgesKernel:
    """The edges of equal bins between the two numbers of an extent; also the layout: it is read whole.

    Parameters
    ----------
    bins : EqualBins
    """

    bins: EqualBins

    def regions(self, region: Region) -> tuple[Region, ...]:
        """Return the region of the extent."""
        return (((0, 2),),)

    def apply(self, xp: Namespace, blocks: Sequence[Any], region: Region) -> Any:
        """Return the edges."""
        return between(self.bins, blocks[0]).edges[slice(*region[0])]

    def apply_into(self, blocks: Sequence[NDArray[Any]], out: NDArray[Any], region: Region) -> None:
        """Write the edges to `out`."""
        out[...] = self.apply(np, blocks, region)


def between(bins: Bins, extent: NDArray[Any]) -> EqualBins:
    """Return equal bins from the first to the second number of an extent."""
    assert isinstance(bins, EqualBins)
    return replace(bins, bounds=(extent[0], extent[1]))


def _like(xp: Namespace, edges: NDArray[Any], counts: Any) -> Any:
    """Return edges where the counts are."""
    return edges if xp is np else xp.asarray(edges, device=counts.device)
