"""Products of two arrays by the labels of their axes, as einsum has them, computed part by part in float64.

::

    matmul (m, k) @ (k, n)      i, l    l, j  ->  i, j
    a stack of them             b, i, l    b, l, j  ->  b, i, j       of length 1 in one operand: repeated
    gram x.T @ x                l, i    l, j  ->  i, j                both operands are x
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..arrays import Source
from ..blocks import Grid, row_major_chunks
from ..operations.products.subscripts import label_lengths, parse_subscripts
from .problem import Problem, read_region, widen

__all__ = ["Labelled", "Ranges", "error_factor", "labelled_of"]

U32, U64 = 2.0**-24, 2.0**-53
Label = Hashable
Ranges = Mapping[Any, tuple[int, int]]
"""Which places of each label."""


@dataclass(frozen=True, slots=True)
class Labelled:
    """A product of two arrays.

    Parameters
    ----------
    sources : (Source, Source)
    labels : (tuple, tuple)
        Of the axes of each.
    output : tuple
        Of the axes of the product.
    lengths : mapping of label to int
    """

    sources: tuple[Source, Source]
    labels: tuple[tuple[Any, ...], tuple[Any, ...]]
    output: tuple[Any, ...]
    lengths: Mapping[Any, int]

    @property
    def summed(self) -> tuple[Any, ...]:
        """The labels that are summed over."""
        named = dict.fromkeys((*self.labels[0], *self.labels[1]))
        return tuple(label for label in named if label not in self.output)

    @property
    def n_terms(self) -> int:
        """Terms of one element of the product."""
        return math.prod(self.lengths[label] for label in self.summed)

    def read(self, side: int, ranges: Ranges) -> NDArray[Any]:
        """Return the part of an operand at ranges of labels; those that are left out are taken whole."""
        source = self.sources[side]
        region = tuple(
            (0, 1) if n == 1 else ranges.get(label, (0, n))
            for label, n in zip(self.labels[side], source.header.shape, strict=True)
        )
        return read_region(source, region)

    def squeezed(self, side: int, x: NDArray[Any], ranges: Ranges) -> tuple[NDArray[Any], list[Any]]:
        """Return an operand without the axes along which it is repeated, and the labels that are left."""
        own = self.labels[side]
        drop = [axis for axis, label in enumerate(own) if self._is_repeated(side, axis, label)]
        return np.squeeze(x, tuple(drop)), [label for axis, label in enumerate(own) if axis not in drop]

    def _is_repeated(self, side: int, axis: int, label: Any) -> bool:
        return self.sources[side].header.shape[axis] == 1 and self.lengths[label] != 1

    def part(self, ranges: Ranges, dtype: Any, most: int) -> tuple[NDArray[Any], NDArray[np.float64]]:
        """Return a part of the product, and the same of magnitudes.

        Parameters
        ----------
        ranges : mapping
            Of every label of the output.
        dtype : numpy.dtype
            To compute in: float64, complex128, or an integer.
        most : int
            Elements of an operand that may be read at once.
        """
        shape = tuple(ranges[label][1] - ranges[label][0] for label in self.output)
        value, size = np.zeros(shape, dtype), np.zeros(shape)
        across = [self._n_across(side, ranges) for side in (0, 1)]
        summed_shape = tuple(self.lengths[label] for label in self.summed)
        grid = Grid(summed_shape, row_major_chunks(summed_shape, max(most // max(across), 1)))
        for region in grid.regions():
            given = {**ranges, **dict(zip(self.summed, region, strict=True))}
            a, b = (self.read(side, given) for side in (0, 1))
            value = value + self._einsum(given, a.astype(dtype), b.astype(dtype))
            if np.dtype(dtype).kind in "fc":
                size = size + self._einsum(given, np.abs(widen(a)), np.abs(widen(b)))
        return value, size

    def _n_across(self, side: int, ranges: Ranges) -> int:
        kept = [label for label in self.labels[side] if label in self.output]
        return math.prod(max(ranges[label][1] - ranges[label][0], 1) for label in kept)

    def _einsum(self, ranges: Ranges, a: NDArray[Any], b: NDArray[Any]) -> NDArray[Any]:
        numbers = {label: number for number, label in enumerate(self.lengths)}
        left, labels_a = self.squeezed(0, a, ranges)
        right, labels_b = self.squeezed(1, b, ranges)
        # a label that only stands in repeated operands of one place is summed as often as it is long
        sublists = [[numbers[label] for label in labels] for labels in (labels_a, labels_b, self.output)]
        found: NDArray[Any] = np.einsum(left, sublists[0], right, sublists[1], sublists[2], optimize=True)
        return found


def labelled_of(problem: Problem) -> Labelled | None:
    """Return the product that an operation is, or None where it is none of two arrays."""
    name, shapes = problem.operation.name, [source.header.shape for source in problem.sources]
    if name == "gram":
        labels = ("k", "i")[: len(shapes[0])], ("k", "j")[: len(shapes[0])]
        output: tuple[Any, ...] = ("i", "j") if len(shapes[0]) == 2 else ()
        lengths = dict(zip((*labels[0], *labels[1]), (*shapes[0], *shapes[0]), strict=True))
        return Labelled((problem.sources[0],) * 2, labels, output, lengths)
    if len(shapes) != 2:
        return None
    if name == "einsum":
        (a, b), output = parse_subscripts(problem.params.subscripts, [len(shape) for shape in shapes])
        lengths = label_lengths(problem.params.subscripts, (a, b), shapes)
        return Labelled(problem.sources[:2], (a, b), output, lengths)  # type: ignore[arg-type]
    a, b, output = _of_tensordot(shapes, problem.params.axes) if name == "tensordot" else _of_matmul(shapes, problem)
    lengths = {}
    for label, n in zip((*a, *b), (*shapes[0], *shapes[1]), strict=True):
        lengths[label] = n if lengths.get(label, 1) == 1 else lengths[label]
    return Labelled(problem.sources[:2], (a, b), output, lengths)  # type: ignore[arg-type]


_Triple = tuple[tuple[Any, ...], tuple[Any, ...], tuple[Any, ...]]


def _of_matmul(shapes: Sequence[Sequence[int]], problem: Problem) -> _Triple:
    params, (n_a, n_b) = problem.params, (len(shape) for shape in shapes)
    n_stacked = max(n_a, n_b, 2) - 2
    stack = tuple(f"b{place}" for place in range(n_stacked))
    rows, columns = ("i", "k"), ("k", "j")
    if params.transpose_a and n_a > 1:
        rows = ("k", "i")
    if params.transpose_b and n_b > 1:
        columns = ("j", "k")
    a = ("k",) if n_a == 1 else (*stack[n_stacked - (n_a - 2) :], *rows)
    b = ("k",) if n_b == 1 else (*stack[n_stacked - (n_b - 2) :], *columns)
    output = (*stack, *(("i",) if n_a > 1 else ()), *(("j",) if n_b > 1 else ()))
    return a, b, output


def _of_tensordot(shapes: Sequence[Sequence[int]], axes: Any) -> _Triple:
    n_a, n_b = (len(shape) for shape in shapes)
    of_a, of_b = (range(n_a - axes, n_a), range(axes)) if isinstance(axes, int) else axes
    a, b = [f"a{axis}" for axis in range(n_a)], [f"b{axis}" for axis in range(n_b)]
    for left, right in zip(of_a, of_b, strict=True):
        b[right % n_b] = a[left % n_a]
    shared = set(a) & set(b)
    return tuple(a), tuple(b), tuple(label for label in (*a, *b) if label not in shared)


_ROUNDED = {"fast": 2.0**-11, "fast-bf16": 2.0**-9, "fast-fp32": 2.0**-22}
"""How far operands are rounded before they are multiplied: to TF32, bfloat16, or as `tf32` derives."""


def error_factor(problem: Problem, dtype: np.dtype[Any], n_terms: int) -> float:
    """Return how far an element may be off, relative to the product of magnitudes: gamma of so many terms.

    `matmul` states ``gamma_k`` for whatever order of addition (Higham 2002, equation 3.13); complex products are within
    ``2 sqrt(2)`` times that (equation 3.14). Two roundings more are for what is computed here, and the cast.
    """
    real = dtype.itemsize // (2 if dtype.kind == "c" else 1)
    is_wide = problem.precision == "strict" or real >= 8
    u = 2.0**-11 if real == 2 else U64 if is_wide else U32
    n = (n_terms + 2) * (3 if problem.precision == "fast-fp32" else 1)
    gamma = n * u / (1 - n * u) if n * u < 0.5 else math.inf
    operands = 0.0 if real >= 8 else 3 * _ROUNDED.get(problem.precision, 0.0)
    return (2 * math.sqrt(2) if dtype.kind == "c" else 1.0) * (gamma + (n_terms + 64) * U64 + operands)
