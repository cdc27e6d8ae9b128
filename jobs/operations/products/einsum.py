"""einsum of two operands, or of one: lowered to the blocked matrix product, sums and transpositions (`labels`).

The dtype, the exactness of integers and the bounds of error are matmul's. Axes of length 1 are repeated, as NumPy's.
What stands in one operand alone is summed before it is multiplied, as by ``numpy.einsum(..., optimize=True)``: a zero
is then lost in a sum that an infinity is multiplied by.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from ...dtypes import refuse_dtype
from ...errors import SpecError
from ...headers import ArrayHeader
from ...limits import Limits
from ..chain import Chain
from ..operation import Operation, Params
from .labels import Labelled, draft_labelled_product, draft_labelled_sum
from .subscripts import label_lengths, parse_subscripts

__all__ = ["EINSUM", "EinsumParams"]


class EinsumParams(Params):
    """Parameters of einsum."""

    subscripts: str = Field(description="labels of the operands' axes and of the output's, as 'ij,jk->ik'")


def _chain(headers: Sequence[ArrayHeader], params: EinsumParams, limits: Limits) -> Chain:
    if len(headers) > 2:
        raise SpecError(
            f"einsum: {len(headers)} operands were given, and two are multiplied at once",
            cause="the best order of several products depends on their shapes",
            safe="nothing was read or written",
            next="multiply two of them first: np.einsum_path(subscripts, ...) names a good order",
        )
    for header in headers:
        refuse_dtype(header.name, header.dtype)
    inputs, output = parse_subscripts(params.subscripts, [header.ndim for header in headers])
    lengths = label_lengths(params.subscripts, inputs, [header.shape for header in headers])
    operands = [
        Labelled(name, labels, header, _ones(labels, header, lengths))
        for name, labels, header in zip("xy", inputs, headers, strict=False)
    ]
    if len(operands) == 1:
        return draft_labelled_sum(operands[0], output, lengths)
    return draft_labelled_product(operands[0], operands[1], output, lengths)


def _ones(labels: Sequence[str], header: ArrayHeader, lengths: Mapping[str, int]) -> frozenset[str]:
    """Return the labels that an operand is repeated along."""
    own = zip(labels, header.shape, strict=True)
    return frozenset(label for label, length in own if length != lengths[label])


def _oracle(arrays: Sequence[NDArray[Any]], params: EinsumParams) -> NDArray[Any]:
    return np.asarray(np.einsum(params.subscripts, *arrays))


EINSUM = Operation(
    "einsum",
    "Sums of products by labels of axes, as numpy.einsum, of one or two arrays",
    "arraymill run einsum a.npy b.npy --subscripts 'bij,bjk->bik' -o c.npy",
    ("x",),
    EinsumParams,
    None,
    _oracle,
    variadic=True,
    chain=_chain,
)
