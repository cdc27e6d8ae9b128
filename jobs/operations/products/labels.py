"""Products of two arrays whose axes are labelled, lowered to steps: sums, transpositions, reshapes, one matrix product.

Labels are letters of einsum or whatever tells axes apart. What a label is follows from where it stands:

=============  ====  ====  ======  ==========================================================
kind           in a  in b  output  in the product of matrices
=============  ====  ====  ======  ==========================================================
batch          yes   yes   yes     axes of a stack of matrices
contracted     yes   yes   no      k: columns of a and rows of b, merged into one axis
rows           yes   no    yes     m, merged into one axis (or a stack that b is broadcast to)
columns        no    yes   yes     n, merged into one axis
alone          one of them no      summed before
=============  ====  ====  ======  ==========================================================

Of a label that has one place in an operand and more in the other, the operand is repeated: in a stack by `matmul`, of
elements by `map`; and where the label is summed, the other's sum is what is multiplied.

::

    ijk,kjl->il    a: i | jk    taken as it is, reshaped to (i, jk)
                   b: kjl -> jk | l     transposed, then reshaped to (jk, l)

An operand is written anew only where its axes are not in an order that `matmul` takes: as they are, with its last two
axes swapped, or broadcast. Products without contracted labels are multiplied element by element.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from ...headers import ArrayHeader
from ..chain import Chain, Step
from ..elementwise.map import MAP
from ..factorizations.matrices import real_dtype
from ..layouts.reshape import RESHAPE
from ..layouts.transpose import TRANSPOSE
from ..reductions.logic import ANY
from ..reductions.sums import SUM
from .diagonals import DIAGONAL
from .matmul import MATMUL

__all__ = ["Labelled", "draft_labelled_product", "draft_labelled_sum"]

Label = Any


@dataclass(slots=True)
class Labelled:
    """An array on its way through the steps.

    Parameters
    ----------
    name : str
        Of the input or step that it is.
    labels : tuple of label
        Of its axes; a tuple of labels where axes were merged.
    header : ArrayHeader
        Of the input.
    ones : frozenset of label
        Those of which it has one place, and the other operand more: it is repeated along them.
    """

    name: str
    labels: tuple[Label, ...]
    header: ArrayHeader
    ones: frozenset[Label] = frozenset()

    def length(self, lengths: Mapping[Label, int], label: Label) -> int:
        """Return how many places of a label it has."""
        return 1 if label in self.ones else lengths[label]


@dataclass(slots=True)
class _Lowering:
    """Steps while they are made, and what the user is told of them."""

    lengths: Mapping[Label, int]
    result: np.dtype[Any]
    steps: list[Step] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def add(self, step: Step) -> str:
        self.steps.append(step)
        return step.name

    def take_diagonals(self, x: Labelled) -> Labelled:
        """Return `x` with every label once."""
        labels = tuple(dict.fromkeys(x.labels))
        if labels == x.labels:
            return x
        axes = tuple(labels.index(label) for label in x.labels)
        return replace(x, name=self.add(Step(f"{x.name}_diagonal", DIAGONAL, (x.name,), {"axes": axes})), labels=labels)

    def drop_repeated(self, x: Labelled, output: Sequence[Label]) -> Labelled:
        """Return `x` without labels that it is repeated along and that are summed: the other's sum is multiplied."""
        groups = [[label] for label in x.labels if label not in x.ones or label in output]
        return x if len(groups) == len(x.labels) else self.shape(x, groups)

    def sum_alone(self, x: Labelled, kept: set[Label]) -> Labelled:
        """Return `x` without the labels that stand in nothing else."""
        axes = tuple(axis for axis, label in enumerate(x.labels) if label not in kept)
        if not axes:
            return x
        # in the dtype of the result, as NumPy, which casts before it adds; sums of reals stay real
        dtype = self.result if x.header.dtype.kind == "c" else real_dtype(self.result)
        is_logical = dtype.kind == "b"
        params = {"axis": axes} if is_logical else {"axis": axes, "dtype": dtype.name}
        name = self.add(Step(f"{x.name}_sums", ANY if is_logical else SUM, (x.name,), params))
        return replace(x, name=name, labels=tuple(label for label in x.labels if label in kept))

    def arrange(self, x: Labelled, labels: Sequence[Label]) -> Labelled:
        """Return `x` with its axes in an order."""
        if tuple(labels) == x.labels:
            return x
        axes = tuple(x.labels.index(label) for label in labels)
        self.notes.append(f"{x.header.name} is first written with its axes in the order {','.join(map(str, axes))}")
        name = self.add(Step(f"{x.name}_turned", TRANSPOSE, (x.name,), {"axes": axes}))
        return replace(x, name=name, labels=tuple(labels))

    def shape(self, x: Labelled, groups: Sequence[Sequence[Label]]) -> Labelled:
        """Return `x` with one axis for each group of its labels."""
        shape = tuple(math.prod(x.length(self.lengths, label) for label in group) for group in groups)
        if shape == tuple(x.length(self.lengths, label) for label in x.labels):
            return x
        self.notes.append(f"{x.header.name} is first written as {' x '.join(map(str, shape))}")
        name = self.add(Step(f"{x.name}_shaped", RESHAPE, (x.name,), {"shape": shape}))
        # a group of one is that label still: more may be done with it
        labels = tuple(group[0] if len(group) == 1 else tuple(group) for group in groups)
        return replace(x, name=name, labels=labels)


def draft_labelled_sum(x: Labelled, output: Sequence[Label], lengths: Mapping[Label, int]) -> Chain:
    """Return the steps from one array to the sums over what is not in the output, its axes in the output's order."""
    lowering = _Lowering(lengths, np.result_type(x.header.dtype))
    x = lowering.sum_alone(lowering.take_diagonals(x), set(output))
    axes = tuple(x.labels.index(label) for label in output)
    if axes != tuple(range(len(axes))) or not lowering.steps:
        lowering.add(Step("result", TRANSPOSE, (x.name,), {"axes": axes}))
    return Chain(tuple(lowering.steps), (("result", lowering.steps[-1].name),))


def draft_labelled_product(a: Labelled, b: Labelled, output: Sequence[Label], lengths: Mapping[Label, int]) -> Chain:
    """Return the steps from two arrays to the sum of their products over what is not in the output.

    Parameters
    ----------
    a, b : Labelled
    output : sequence of label
    lengths : mapping
        Of every label.
    """
    lowering = _Lowering(lengths, np.result_type(a.header.dtype, b.header.dtype))
    a, b = (lowering.drop_repeated(lowering.take_diagonals(x), output) for x in (a, b))
    a = lowering.sum_alone(a, {*b.labels, *output})
    b = lowering.sum_alone(b, {*a.labels, *output})
    shared = set(a.labels) & set(b.labels)
    if shared <= set(output):
        last = _multiply_elements(lowering, a, b, output)
    else:
        columns = [label for label in output if label not in shared and label in b.labels]
        if columns and columns[0] == next((label for label in output if label not in shared), None):
            # the output begins with what b has: b^T a^T needs no transposition of the result
            a, b = b, a
        last = _multiply_matrices(lowering, a, b, output)
    return Chain(tuple(lowering.steps), (("result", last),), tuple(lowering.notes))


def _multiply_elements(lowering: _Lowering, a: Labelled, b: Labelled, output: Sequence[Label]) -> str:
    operands = []
    for x in (a, b):
        x = lowering.arrange(x, [label for label in output if label in x.labels])
        # axes that it does not have are of length 1; those before its first are added by broadcasting
        first = next((axis for axis, label in enumerate(output) if label in x.labels), len(output))
        operands.append(lowering.shape(x, [[label] if label in x.labels else [] for label in output[first:]]))
    return lowering.add(Step("result", MAP, tuple(x.name for x in operands), {"expr": "x * y"}))


def _multiply_matrices(lowering: _Lowering, a: Labelled, b: Labelled, output: Sequence[Label]) -> str:
    shared = set(a.labels) & set(b.labels)
    batch = [label for label in output if label in shared]
    rows = [label for label in output if label in a.labels and label not in shared]
    columns = [label for label in output if label in b.labels and label not in shared]
    larger = max((a, b), key=lambda x: x.header.nbytes)
    contracted = [label for label in larger.labels if label in shared and label not in output]
    # a stack of matrices in a is broadcast against one matrix b: nothing has to be merged
    stacked = rows[:-1] if not batch and a.labels == (*rows, *contracted) and len(contracted) == 1 else []
    a, turned_a = _as_matrices(lowering, a, [*batch, *stacked], (rows[len(stacked) :], contracted))
    b, turned_b = _as_matrices(lowering, b, batch, (contracted, columns))
    params = {"transpose_a": turned_a, "transpose_b": turned_b}
    product = lowering.add(Step("product", MATMUL, (a.name, b.name), params))
    order = [*batch, *rows, *columns]
    made = tuple(lowering.lengths[label] for label in order)
    if _product_shape(lowering, a, b, batch, stacked, rows, columns) != made:
        product = lowering.add(Step("shaped", RESHAPE, (product,), {"shape": made}))
        lowering.notes.append(f"the product is written again as {' x '.join(map(str, made))}")
    if order != list(output):
        axes = tuple(order.index(label) for label in output)
        product = lowering.add(Step("result", TRANSPOSE, (product,), {"axes": axes}))
        lowering.notes.append(f"the product is written again with its axes in the order {','.join(map(str, axes))}")
    return product


def _as_matrices(
    lowering: _Lowering, x: Labelled, stack: Sequence[Label], sides: tuple[Sequence[Label], Sequence[Label]]
) -> tuple[Labelled, bool]:
    """Return `x` as a stack of matrices (or a vector), and whether its last two axes are to be swapped."""
    first, second = sides
    straight, swapped = (*stack, *first, *second), (*stack, *second, *first)
    is_swapped = x.labels == swapped != straight
    x = lowering.arrange(x, swapped if is_swapped else straight)
    if not stack and len(x.labels) == 1:
        return x, False
    groups = (second, first) if is_swapped else (first, second)
    is_vector = not stack and not (first and second)
    merged = [first or second] if is_vector else [*([label] for label in stack), *groups]
    return lowering.shape(x, merged), is_swapped and not is_vector


def _product_shape(
    lowering: _Lowering,
    a: Labelled,
    b: Labelled,
    batch: Sequence[Label],
    stacked: Sequence[Label],
    rows: Sequence[Label],
    columns: Sequence[Label],
) -> tuple[int, ...]:
    """Return the shape that `matmul` gives."""
    lengths = lowering.lengths
    lead = tuple(lengths[label] for label in (*batch, *stacked))
    m = math.prod(lengths[label] for label in rows[len(stacked) :])
    n = math.prod(lengths[label] for label in columns)
    return (*lead, *((m,) if len(a.labels) > 1 else ()), *((n,) if len(b.labels) > 1 else ()))
