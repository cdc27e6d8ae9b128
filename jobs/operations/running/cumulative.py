"""cumsum and cumprod: running sums and products along an axis, in float64; integers exactly, modulo 2^bits.

An axis whose lines fit in a task is scanned by one stage. A longer one takes three, of the same blocks, and two reads::

    x        | run 0 | run 1 | run 2 | run 3 |         runs of a fixed length
    totals      t0      t1      t2                     what each run comes to
    carries     t0    t0+t1  t0+t1+t2                  small, in order
    result   | scan  | carry | carry | carry |         each run scanned again, after its carry

The bits are the same by either way, for blocks of any size, any number of workers, and on any device: both are done on
the host, which reads and writes as fast as a GPU is fed.

Accuracy: a prefix is rounded at most ``32 + P / 32 + n / P`` times (P, the length of a run, is 64 to 32768, up to 2^39
elements) before it is rounded to the result's dtype, so it is within that times ``2^-53 sum|x|`` of the exact one, and
float32 within ``(32 * 2^-24 + 2^-53) sum|x|`` for any length. Running sums of what is not negative do not decrease.
Products have a relative error of so many ``2^-53``, and do not stay 0 or infinite after a prefix that was too small or
too large for float64.

References
----------
G. E. Blelloch, "Prefix sums and their applications", CMU-CS-90-190 (1990).
N. J. Higham, "Accuracy and Stability of Numerical Algorithms", 2nd ed. (2002), equation 4.4.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from ...dtypes import refuse_dtype
from ...errors import SpecError
from ...headers import ArrayHeader
from ...limits import Limits
from ...stages.shapes import ConstantStage, Draft
from ..chain import Chain, Step
from ..operation import Operation, Params, ask_numpy
from ..reductions.axes import Axis, normalize_axes
from ..reductions.scaled import MOST_SCALED
from ..reductions.summand import DtypeName
from .cumulative_plan import Scan, draft_carries, draft_prefixes, draft_totals, is_short, run_length
from .running import Running

__all__ = ["CUMPROD", "CUMSUM", "CumulativeParams"]

_NARROWER = "its real parts first: arraymill run map x.npy --expr 'real(x)' -o real.npy"


class CumulativeParams(Params):
    """Parameters of cumsum and cumprod."""

    axis: Axis = Field(None, description="axis to run along; all elements in C order when left out")
    dtype: DtypeName = Field(None, description="dtype of the result, to which elements are cast first")


def _operation(name: str, summary: str, function: Callable[..., Any], combine: Literal["add", "multiply"]) -> Operation:
    def oracle(arrays: Sequence[NDArray[Any]], params: CumulativeParams) -> NDArray[Any]:
        return np.asarray(function(arrays[0], axis=params.axis, dtype=params.dtype))

    def scan_of(header: ArrayHeader, params: CumulativeParams) -> Scan:
        return _scan(header, params, name, oracle, combine)

    def build(headers: Sequence[ArrayHeader], params: CumulativeParams, limits: Limits) -> Draft:
        scan = scan_of(headers[0], params)
        if headers[0].size == 0:
            empty = np.empty(scan.output.shape, scan.output.dtype)
            return Draft(ConstantStage(empty), scan.output, flops=0, task_host_bytes=0, read_bytes=0)
        return draft_prefixes(scan, headers, limits)

    def build_totals(headers: Sequence[ArrayHeader], params: CumulativeParams, limits: Limits) -> Draft:
        return draft_totals(scan_of(headers[0], params), headers[0], limits)

    def build_carries(headers: Sequence[ArrayHeader], params: CumulativeParams, limits: Limits) -> Draft:
        (totals,) = headers
        return draft_carries(_running_totals(totals, params, combine), totals, limits)

    example = f"arraymill run {name} x.npy --axis 0 -o {name}.npy"
    whole = Operation(name, summary, example, ("x",), CumulativeParams, build, oracle)
    rest = Operation(name, summary, example, ("x", "carries"), CumulativeParams, build, oracle)
    totals = Operation("totals", "What runs come to", "", ("x",), CumulativeParams, build_totals, oracle)
    carries = Operation("carries", "What comes before", "", ("totals",), CumulativeParams, build_carries, oracle)

    def chain(headers: Sequence[ArrayHeader], params: CumulativeParams, limits: Limits) -> Chain:
        given = params.model_dump()
        if headers[0].size == 0 or is_short(scan_of(headers[0], params), headers[0], limits):
            return Chain((Step(name, whole, ("x",), given),), ())
        steps = (
            Step("totals", totals, ("x",), given),
            Step("carries", carries, ("totals",), given),
            Step(name, rest, ("x", "carries"), given),
        )
        notes = ["the input is read twice: first for what its parts come to"]
        if scan_of(headers[0], params).is_flat and headers[0].order == "F":
            notes.append(f"{headers[0].name} lies in F order and is read in C order: in short runs")
        return Chain(steps, (), tuple(notes))

    return Operation(name, summary, example, ("x",), CumulativeParams, None, oracle, chain=chain)


def _scan(
    header: ArrayHeader,
    params: CumulativeParams,
    name: str,
    oracle: Callable[[Sequence[NDArray[Any]], CumulativeParams], NDArray[Any]],
    combine: Literal["add", "multiply"],
) -> Scan:
    refuse_dtype(header.name, header.dtype)
    dtype = header.dtype.newbyteorder("=")
    if params.dtype is not None and dtype.kind == "c" and np.dtype(params.dtype).kind != "c":
        raise SpecError(f"{name}: dtype={params.dtype} would drop the imaginary parts of {dtype}", next=_NARROWER)
    result = ask_numpy(oracle, [np.ones(1, dtype)], params.model_copy(update={"axis": None}), what=name).dtype
    wide = {"f": np.dtype(np.float64), "c": np.dtype(np.complex128)}.get(result.kind, result)
    is_flat = header.ndim == 0 or (params.axis is None and header.ndim > 1)
    (axis,) = (0,) if params.axis is None else normalize_axes(params.axis, max(header.ndim, 1))
    if is_flat:
        output = ArrayHeader("output", (header.size,), result)
    else:
        output = ArrayHeader("output", header.shape, result, header.order)
    if output.order == "F":
        axis = header.ndim - 1 - axis
    seen = output.T.shape if output.order == "F" else output.shape
    # what a run of scaled numbers makes has to fit in float64
    most = MOST_SCALED if combine == "multiply" and wide.kind in "fc" else 1 << 48
    return Scan(Running(combine, axis, run_length(seen, axis, most=most), result, wide), output, seen, is_flat)


def _running_totals(totals: ArrayHeader, params: CumulativeParams, combine: Literal["add", "multiply"]) -> Running:
    (axis,) = (0,) if params.axis is None else normalize_axes(params.axis, totals.ndim)
    mantissa = totals.dtype["m"] if totals.dtype.names else totals.dtype
    return Running(combine, totals.ndim - 1 - axis if totals.order == "F" else axis, 1, mantissa, mantissa)


CUMSUM = _operation("cumsum", "Running sums along an axis", np.cumsum, "add")
CUMPROD = _operation("cumprod", "Running products along an axis", np.cumprod, "multiply")
