"""bincount: how often each of the integers 0, 1, .., length - 1 occurs.

Two differences from NumPy. The length of the result is said, and not found in the data: a plan knows every shape before
a byte is read; it is 256 for uint8 and so on for what 16 bits hold. An array of several axes is counted whole. A second
input has the weights.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from ...blocks import Shape
from ...dtypes import refuse_dtype
from ...errors import InputUnsupportedError, SpecError
from ...headers import ArrayHeader
from ...limits import Limits
from ...stages.kernels import Namespace, Partial
from ...stages.shapes import ConstantStage, Draft
from ..chain import Chain, Step
from ..operation import Operation, Params
from ..reductions.tables import PIECE_ELEMENTS, draft_tables
from .pair import PAIR, refuse_more_than_weights

__all__ = ["BINCOUNT", "BincountKernel", "BincountParams", "WeightedBincountKernel"]


class BincountParams(Params):
    """Parameters of bincount."""

    length: int | None = Field(
        None, ge=1, description="length of the result: more than the largest element; 256 for uint8, 65536 for uint16"
    )


@dataclass(frozen=True, slots=True)
class BincountKernel:
    """Partials are ``(counts, extent)``: an extent that does not fit is refused at the end, with all of it known.

    Parameters
    ----------
    length : int

    Examples
    --------
    >>> kernel = BincountKernel(4)
    >>> kernel.finish(kernel.fold(np, np.array([1, 3, 1]), (0,), (0,)))
    array([0, 2, 0, 1])
    """

    length: int

    piece_elements = PIECE_ELEMENTS
    is_exact = True

    def fold(self, xp: Namespace, piece: Any, axes: tuple[int, ...], origin: Shape) -> tuple[Any, ...]:
        """Return the counts of a piece, and its extent."""
        x = xp.reshape(piece, (-1,))
        is_longest = x.dtype == xp.uint64
        if xp is not np or is_longest or x.dtype.kind == "b":
            x = xp.astype(x, xp.int64)
        if is_longest:
            # what int64 does not hold is too much in any case
            x = xp.where(x < 0, xp.full_like(x, 2**63 - 1), x)
        extent = xp.stack([xp.astype(xp.min(x), xp.int64), xp.astype(xp.max(x), xp.int64)])
        if int(extent[0]) < 0 or int(extent[1]) >= self.length:
            x = x[:0]
        return xp.bincount(x, minlength=self.length), extent

    def merge(self, left: Partial, right: Partial) -> Partial:
        """Return the counts of two parts."""
        (low, high), (other_low, other_high) = left[1], right[1]
        return left[0] + right[0], np.stack([np.minimum(low, other_low), np.maximum(high, other_high)])

    def finish(self, partial: Partial) -> NDArray[Any]:
        """Return the counts.

        Raises
        ------
        SpecError
            If there was an integer that is not counted.
        """
        low, high = partial[1].tolist()
        if low < 0 or high >= self.length:
            raise SpecError(
                f"bincount: the elements are {low} to {high}",
                cause=f"0 to {self.length - 1} are counted" + (", as in NumPy none below 0" if low < 0 else ""),
                safe="nothing was written",
                next=f"add --length {high + 1}" if low >= 0 else "count in bins: arraymill run histogram",
            )
        return partial[0].astype(np.intp)


@dataclass(frozen=True, slots=True)
class WeightedBincountKernel(BincountKernel):
    """As BincountKernel, of records of integers and their weights, which are added in float64 and in block order."""

    is_exact = False

    def fold(self, xp: Namespace, piece: Any, axes: tuple[int, ...], origin: Shape) -> tuple[Any, ...]:
        """Return the weights of a piece, and its extent."""
        numbers, weights = (piece[name].reshape(-1) for name in ("number", "weight"))
        counts, extent = BincountKernel.fold(self, np, numbers, (0,), (0,))
        if extent[0] < 0 or extent[1] >= self.length:
            return counts.astype(np.float64), extent
        return np.bincount(numbers, weights.astype(np.float64), self.length), extent

    def finish(self, partial: Partial) -> NDArray[Any]:
        """Return the sums of weights."""
        BincountKernel.finish(self, partial)
        return partial[0]


def _length(header: ArrayHeader, params: BincountParams) -> int:
    if params.length is not None:
        return params.length
    if header.dtype.itemsize > 2:
        raise SpecError(
            f"bincount: a length is needed for {header.dtype.name}",
            cause="it is more than the largest element, which is not known before the array is read",
            next="add --length, 1 more than: arraymill run max " + header.name,
        )
    return 2 if header.dtype.kind == "b" else int(np.iinfo(header.dtype).max) + 1


def _build(headers: Sequence[ArrayHeader], params: BincountParams, limits: Limits) -> Draft:
    header, length = headers[0], params.length
    assert length is not None
    output = ArrayHeader("output", (length,), np.dtype(np.float64 if header.dtype.names else np.intp))
    if header.size == 0:
        answer = np.zeros(length, output.dtype)
        return Draft(ConstantStage(answer), output, flops=0, task_host_bytes=0, read_bytes=0)
    return draft_tables(
        header,
        limits,
        kernel=WeightedBincountKernel(length) if header.dtype.names else BincountKernel(length),
        output=output,
        table_elements=length + 2,
        what=f"{length} counts",
        way_out="count in fewer bins: arraymill run histogram",
        on_host=header.dtype.names is not None,
    )


def _chain(headers: Sequence[ArrayHeader], params: BincountParams, limits: Limits) -> Chain:
    header = headers[0]
    refuse_more_than_weights("bincount", headers)
    refuse_dtype(header.name, header.dtype)
    if header.dtype.kind not in "biu":
        raise InputUnsupportedError(
            f"{header.name} has dtype {header.dtype}: only integers are counted",
            cause="NumPy refuses it too",
            next="convert it: arraymill run map x.npy --expr 'int64(x)' -o x-int.npy",
        )
    outputs, given = (("counts", "counts"),), {"length": _length(header, params)}
    if len(headers) == 1:
        return Chain((Step("counts", _COUNTS, ("x",), given),), outputs)
    if headers[1].dtype.kind == "c":
        raise InputUnsupportedError(
            f"{headers[1].name} is complex: weights are real numbers",
            cause="NumPy refuses it too",
            next="weigh by real and imaginary parts, one after the other",
        )
    return Chain((Step("pair", PAIR, ("x", "y")), Step("counts", _COUNTS, ("pair",), given)), outputs)


def _oracle(arrays: Sequence[NDArray[Any]], params: BincountParams) -> NDArray[Any]:
    x, *weights = (array.reshape(-1) for array in arrays)
    default = 0 if x.dtype.itemsize > 2 else 2 if x.dtype.kind == "b" else int(np.iinfo(x.dtype).max) + 1
    return np.bincount(x, weights[0] if weights else None, params.length or default)


_COUNTS = Operation("counts", "Counts of integers", "", ("x",), BincountParams, _build, _oracle)
BINCOUNT = Operation(
    "bincount",
    "How often each of the integers 0 to length - 1 occurs, or with what weights",
    "arraymill run bincount labels.npy --length 1000 -o counts.npy",
    ("x",),
    BincountParams,
    None,
    _oracle,
    variadic=True,
    chain=_chain,
)
