"""Freivalds' check of every element of a product, by less work than the product.

It compares ``C v`` with ``A (B v)`` for a random vector v of +-1: a wrong element of C, wherever it is,
changes a row of the first and not of the second. Here v stands in groups of columns, so that the roundings of many
columns do not hide the error of one. Of all pairs of a row and a group those that differ most, relative to the norms of
what is multiplied, are recomputed element by element: only an element beyond its own bound is called wrong.

References
----------
R. Freivalds, "Probabilistic machines can use less running time", IFIP Congress 1977, 839-842.
N. J. Higham, "Accuracy and Stability of Numerical Algorithms", 2nd ed. (2002), equation 3.13.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..blocks import Grid, Region, row_major_chunks
from .findings import Finding, merged
from .labelled import Ranges
from .problem import read_region
from .tiles import TileCheck

__all__ = ["Freivalds"]

_GROUPS = 64
"""Of columns, at most: a product with so many vectors is a small part of one with thousands of columns."""
_LARGEST_ROWS = 1 << 16
_RECOMPUTED = 4096
"""Elements of a row that are recomputed at once."""


@dataclass(slots=True)
class Freivalds:
    """One pass over both operands and the product, and then the parts that differ most.

    Parameters
    ----------
    check : TileCheck
    side : int
        Number of the operand that has the columns.
    column : label
        Of the output, and of that operand alone.
    n_groups : int
        Of columns.
    """

    check: TileCheck
    side: int
    column: Any
    n_groups: int
    n_undecided: int = 0
    suspects: list[tuple[float, int, Region, int]] = field(default_factory=list)

    @classmethod
    def of(cls, check: TileCheck) -> Freivalds | str:
        """Return the check whose columns follow one another in the file, if its vectors fit; or in words why not."""
        labelled = check.labelled
        if check.dtype.kind == "b":
            # sums of truths are no field: a wrong one can hide
            return "of truths there is none"
        sides = {
            label: side
            for side, own in enumerate(labelled.labels)
            for label in own
            if label not in labelled.labels[1 - side] and own.count(label) == 1
        }
        is_turned = check.problem.outputs[check.name].header.order == "F"
        columns = [label for label in labelled.output if label in sides][:: 1 if is_turned else -1]
        for column in columns:
            side, length = sides[column], labelled.lengths[column]
            rest = max(labelled.sources[side].header.size // length, 1)
            fits = min(_GROUPS, length, check.most // 4 // rest)
            if fits and max(length, labelled.n_terms) <= check.most // 2:
                # of integers every difference is an error: no group of columns hides one
                return cls(check, side, column, 1 if check.dtype.kind in "iu" else fits)
        return "its vectors do not fit in memory" if columns else "it needs columns"

    @property
    def starts(self) -> list[int]:
        length = self.check.labelled.lengths[self.column]
        return [length * group // self.n_groups for group in range(self.n_groups)]

    def run(self) -> Finding:
        """Return what the rows and groups that differ most are, element by element."""
        with np.errstate(all="ignore"):
            self._compare_all()
        method = f"Freivalds' check of all elements; the {len(self.suspects)} sums that differ most recomputed"
        parts = [self._recomputed(row, group, method) for _, _, row, group in sorted(self.suspects, reverse=True)]
        size = self.check.problem.headers[self.check.name].size
        decided = size - self.n_undecided
        if not parts:
            return Finding(**self.check.problem.labels(self.check.name), method=method, n_checked=decided)
        return replace(merged(parts), n_checked=decided, n_undecided=self.n_undecided)

    def _recomputed(self, row: Region, group: int, method: str) -> Finding:
        labelled = self.check.labelled
        stops = [*self.starts[1:], labelled.lengths[self.column]]
        axis = labelled.output.index(self.column)
        start, stop = self.starts[group], stops[group]
        found = []
        for first in range(start, stop, _RECOMPUTED):
            region = (*row[:axis], (first, min(first + _RECOMPUTED, stop)), *row[axis:])
            found.append(self.check.tile(region, method))
        return merged(found)

    def _compare_all(self) -> None:
        labelled = self.check.labelled
        signs = self.check.problem.rng().choice([-1, 1], labelled.lengths[self.column])
        projected, norms = self._projected(signs)
        rows = tuple(label for label in labelled.output if label != self.column)
        shape = tuple(labelled.lengths[label] for label in rows)
        longest = max(labelled.lengths[self.column], labelled.n_terms, 1)
        chunk = max(min(self.check.most // 2 // longest, _LARGEST_ROWS), 1)
        for region in Grid(shape, row_major_chunks(shape, chunk)).regions():
            self._compare_rows(dict(zip(rows, region, strict=True)), region, signs, projected, norms)

    def _operand_dtype(self) -> Any:
        return np.int64 if self.check.dtype.kind in "iu" else self.check.dtype

    def _projected(self, signs: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return the operand with the columns times signs, summed in groups, which stand on the last axis.

        Read in parts, along its first axis that is not that of the columns.
        """
        labelled, dtype = self.check.labelled, self._operand_dtype()
        shape = labelled.sources[self.side].header.shape
        axis = labelled.labels[self.side].index(self.column)
        rest = (*shape[:axis], *shape[axis + 1 :])
        made = np.zeros((*rest, self.n_groups), dtype)
        norms = np.zeros((*rest, self.n_groups))
        chunk = max(self.check.most // 2 // max(shape[axis], 1), 1)
        for region in Grid(rest, row_major_chunks(rest, chunk)).regions():
            x = self._read_side(self.side, (*region[:axis], (0, shape[axis]), *region[axis:]))
            turned = np.moveaxis(x.astype(dtype), axis, -1)
            at = tuple(slice(*bounds) for bounds in region)
            made[at] = np.add.reduceat(turned * signs, self.starts, axis=-1)
            if np.dtype(dtype).kind != "i":
                norms[at] = np.add.reduceat(np.abs(turned) ** 2, self.starts, axis=-1)
        return made, norms

    def _read_side(self, side: int, region: Region) -> NDArray[Any]:
        return read_region(self.check.labelled.sources[side], region)

    def _compare_rows(
        self, ranges: Ranges, region: Region, signs: NDArray[Any], projected: NDArray[Any], norms: NDArray[Any]
    ) -> None:
        labelled, dtype = self.check.labelled, self._operand_dtype()
        axis = labelled.output.index(self.column)
        whole = (*region[:axis], (0, labelled.lengths[self.column]), *region[axis:])
        found = np.moveaxis(self.check.read(whole).astype(dtype), axis, -1)
        sums = np.add.reduceat(found * signs, self.starts, axis=-1)
        other = labelled.read(1 - self.side, ranges).astype(dtype)
        expected = self._product(ranges, other, projected)
        if np.dtype(dtype).kind == "i":
            bits = 8 * self.check.dtype.itemsize
            wrong = (sums - expected) & ((1 << bits) - 1 if bits < 64 else -1)
            self._suspect(region, (wrong != 0).astype(np.float64))
            return
        squares = np.abs(self._product(ranges, np.abs(other) ** 2, norms))
        share = np.abs(sums - expected) / np.sqrt(squares + np.finfo(np.float64).tiny)
        is_lost = ~np.isfinite(expected)
        sizes = np.diff([*self.starts, labelled.lengths[self.column]])
        self.n_undecided += int((is_lost * sizes).sum())
        self._suspect(region, np.where(is_lost, 0.0, np.where(np.isnan(share), np.inf, share)))

    def _product(self, ranges: Ranges, other: NDArray[Any], projected: NDArray[Any]) -> NDArray[Any]:
        """Return the other operand times the projected one, the groups on the last axis."""
        labelled = self.check.labelled
        numbers = {label: number for number, label in enumerate(labelled.lengths)}
        group = len(numbers)
        own = [label for label in labelled.labels[self.side] if label != self.column]
        axis = labelled.labels[self.side].index(self.column)
        shape = labelled.sources[self.side].header.shape
        lengths = (*shape[:axis], *shape[axis + 1 :])
        index: list[Any] = []
        left: list[int] = []
        for label, n in zip(own, lengths, strict=True):
            if n == 1 and labelled.lengths[label] != 1:
                index.append(0)
                continue
            index.append(slice(*ranges[label]) if label in ranges else slice(None))
            left.append(numbers[label])
        right, labels = labelled.squeezed(1 - self.side, other, ranges)
        rows = [numbers[label] for label in labelled.output if label != self.column]
        operands = right, [numbers[label] for label in labels], projected[tuple(index)], [*left, group]
        found: NDArray[Any] = np.einsum(*operands, [*rows, group], optimize=True)
        return found

    def _suspect(self, region: Region, share: NDArray[Any]) -> None:
        """Keep the rows and groups that differ most."""
        flat = share.ravel()
        n = self.check.problem.n_samples
        for place in np.argsort(flat)[::-1][:n].tolist():
            if flat[place] == 0:
                break
            *row, group = (int(i) for i in np.unravel_index(place, share.shape))
            at = tuple((start + i, start + i + 1) for (start, _), i in zip(region, row, strict=True))
            # numbers tell equal shares apart
            heapq.heappush(self.suspects, (float(flat[place]), -len(self.suspects) - place, at, group))
            if len(self.suspects) > n:
                heapq.heappop(self.suspects)
