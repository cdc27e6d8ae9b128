"""Running sums and products of a piece of an array: run after run, each combined with what came before it.

A *run* is a fixed number of elements along the axis, counted from its beginning, whatever the pieces are. `scans.py`
says how a run is scanned; the *carry* is what all runs before come to, combined one after another. So the bits of an
answer depend on an element's place along the axis alone, and a piece that begins with a run needs one carry for each
line and nothing else.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ...blocks import Region, region_shape
from ...stages.kernels import Namespace
from ...workspace import thread_workspace
from ..reductions.scaled import scaled_dtype
from .prefix_products import ScaledProducts, multiply_in_order
from .scans import scan_lanes, scan_rows, total_lanes, total_rows

__all__ = ["BATCH", "WIDE", "CarryKernel", "Running", "ScanKernel", "TotalKernel"]

WIDE = 1024
"""Lines that lie side by side are worked on as they lie if they are so many, else one after another."""
BATCH = 1 << 16
"""Elements of a run that are worked on at once: in float64, what a core's second cache holds."""
_STRIPE = 2048

Place: TypeAlias = tuple[slice, slice]
"""Of the lines that are worked on at once: among the axes before the scanned one, and among those behind it."""


@dataclass(frozen=True, slots=True)
class Running:
    """What is summed or multiplied, and in which dtypes.

    Parameters
    ----------
    combine : {"add", "multiply"}
    axis : int
    run : int
    narrow : numpy.dtype
        What elements are cast to first.
    compute : numpy.dtype
    """

    combine: Literal["add", "multiply"]
    axis: int
    run: int
    narrow: np.dtype[Any]
    compute: np.dtype[Any]

    @property
    def ufunc(self) -> np.ufunc:
        """The operation on two elements."""
        return np.add if self.combine == "add" else np.multiply

    @property
    def is_scaled(self) -> bool:
        """Products of floats, which are kept as a mantissa and a power of 2."""
        return self.combine == "multiply" and self.compute.kind in "fc"

    @property
    def total_dtype(self) -> np.dtype[Any]:
        """Of totals and carries."""
        return scaled_dtype(self.compute) if self.is_scaled else self.compute

    def folded(self, x: NDArray[Any]) -> NDArray[Any]:
        """Return an array with the axes before the scanned one made one, and those behind it."""
        before, after = math.prod(x.shape[: self.axis]), math.prod(x.shape[self.axis + 1 :])
        return x.reshape(before, x.shape[self.axis], after)

    def places(self, shape: tuple[int, ...], length: int) -> Iterator[Place]:
        """Yield the lines that are worked on at once, of a folded shape, for runs of a length."""
        n_before, _, n_beside = shape
        if n_beside >= WIDE:
            for row in range(n_before):
                for start in range(0, n_beside, _STRIPE):
                    yield slice(row, row + 1), slice(start, min(start + _STRIPE, n_beside))
            return
        step = max(BATCH // max(length * n_beside, 1), 1)
        for start in range(0, n_before, step):
            yield slice(start, min(start + step, n_before)), slice(0, n_beside)

    def lines(self, x: NDArray[Any], place: Place, start: int, stop: int) -> NDArray[Any]:
        """Return a view of elements `start` to `stop` of some lines, as a stack: (rows, lines) if wide."""
        view: NDArray[Any] = x[place[0], start:stop, place[1]]
        return view[0] if x.shape[2] >= WIDE else view.transpose(0, 2, 1)

    def take(self, x: NDArray[Any], place: Place, start: int, stop: int) -> tuple[NDArray[Any], int]:
        """Return a copy of some lines in the dtype computed in, (rows, lines) or (lines, n), and the axis scanned."""
        view = self.lines(x, place, start, stop)
        if view.dtype != self.narrow and self.narrow != self.compute:
            view = view.astype(self.narrow)
        shape = view.shape if view.ndim == 2 else (view.shape[0] * view.shape[1], view.shape[2])
        s = thread_workspace().take("kernel-scan", shape, self.compute)
        np.copyto(s.reshape(view.shape), view, casting="unsafe")
        return s, 0 if view.ndim == 2 else 1

    def scan(self, s: NDArray[Any], axis: int) -> None:
        """Replace the elements of a run by its prefixes."""
        (scan_rows if axis == 0 else scan_lanes)(self.ufunc, s)

    def totals(self, s: NDArray[Any], axis: int) -> NDArray[Any]:
        """Return the totals of a run, with the bits of its last prefixes."""
        return (total_rows if axis == 0 else total_lanes)(self.ufunc, s)


@dataclass(frozen=True, slots=True)
class ScanKernel:
    """Prefixes of a piece: of the array, and, where it does not begin with the axis, of the carries.

    Examples
    --------
    >>> f8 = np.dtype("f8")
    >>> ScanKernel(Running("add", 0, 64, f8, f8), f8).apply(np, [np.ones(3)], ((0, 3),))
    array([1., 2., 3.])
    """

    running: Running
    result: np.dtype[Any]

    def apply(self, xp: Namespace, blocks: Sequence[Any], region: Region) -> NDArray[Any]:
        """Return a piece."""
        out = np.empty(region_shape(region), self.result)
        self.apply_into(blocks, out, region)
        return out

    def apply_into(self, blocks: Sequence[NDArray[Any]], out: NDArray[Any], region: Region) -> None:
        """Write a piece into `out`. What is read begins with a run, maybe before the piece."""
        running = self.running
        x, folded = running.folded(blocks[0]), running.folded(out)
        assert np.may_share_memory(folded, out)
        start, stop = region[running.axis][0], region[running.axis][1]
        origin = stop - x.shape[1]
        runs = range(origin // running.run, -(-stop // running.run))
        for place in running.places(x.shape, min(running.run, x.shape[1])):
            carry = None
            if origin:
                carry = np.array(running.lines(running.folded(blocks[1]), place, 0, 1).reshape(-1))
            for run in runs:
                first, last = run * running.run, min((run + 1) * running.run, stop)
                s, axis = running.take(x, place, first - origin, last - origin)
                s, carry = self._step(s, axis, carry)
                skipped = max(start - first, 0)
                if first + skipped < last:
                    target = running.lines(folded, place, first + skipped - start, last - start)
                    kept = s[skipped:] if axis == 0 else s[:, skipped:]
                    np.copyto(target, kept.reshape(target.shape), casting="unsafe")

    def _step(self, s: NDArray[Any], axis: int, carry: NDArray[Any] | None) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return the prefixes of a run and the carry of the next."""
        if self.running.is_scaled:
            return ScaledProducts(s, axis).after(carry)
        self.running.scan(s, axis)
        if carry is not None:
            self.running.ufunc(carry if axis == 0 else carry[:, None], s, out=s)
        return s, (s[-1] if axis == 0 else s[:, -1]).copy()


@dataclass(frozen=True, slots=True)
class TotalKernel:
    """The totals of whole runs; `region` counts runs along the axis."""

    running: Running

    def apply(self, xp: Namespace, blocks: Sequence[Any], region: Region) -> NDArray[Any]:
        """Return a piece."""
        out = np.empty(region_shape(region), self.running.total_dtype)
        self.apply_into(blocks, out, region)
        return out

    def apply_into(self, blocks: Sequence[NDArray[Any]], out: NDArray[Any], region: Region) -> None:
        """Write a piece into `out`."""
        running = self.running
        x, folded = running.folded(blocks[0]), running.folded(out)
        assert np.may_share_memory(folded, out)
        for run in range(folded.shape[1]):
            for place in running.places(x.shape, running.run):
                s, axis = running.take(x, place, run * running.run, (run + 1) * running.run)
                total = ScaledProducts(s, axis).total() if running.is_scaled else running.totals(s, axis)
                target = running.lines(folded, place, run, run + 1)
                target[...] = total.reshape(target.shape)


@dataclass(frozen=True, slots=True)
class CarryKernel:
    """What runs and all before them come to, one combined after another; what is read begins with the axis."""

    running: Running

    def apply(self, xp: Namespace, blocks: Sequence[Any], region: Region) -> NDArray[Any]:
        """Return a piece."""
        x, ufunc = self.running.folded(blocks[0]), self.running.ufunc
        start = region[self.running.axis][0]
        if self.running.is_scaled:
            carries = multiply_in_order(x)
        else:
            carries = np.asarray(ufunc.accumulate(x, axis=1, dtype=x.dtype))
        return carries[:, start:].reshape(region_shape(region))

    def apply_into(self, blocks: Sequence[NDArray[Any]], out: NDArray[Any], region: Region) -> None:
        """Write a piece into `out`."""
        np.copyto(out, self.apply(np, blocks, region))
