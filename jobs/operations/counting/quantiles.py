"""percentile, quantile, median and their nan forms: exact, of arrays larger than memory, bit by bit NumPy's.

Columns that fit in a task are partitioned there (`quantile_columns`); of larger ones the order statistics are searched
for, some bits of them in each pass over the array (`quantile_passes`). Either way the answer has the same bits.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from ...blocks import ceil_div
from ...dtypes import refuse_dtype
from ...errors import InputUnsupportedError
from ...headers import ArrayHeader
from ...limits import Limits
from ...stages.shapes import ConstantStage, Draft
from ..chain import Chain, Step
from ..number_lists import Numbers
from ..operation import Operation, Params, ask_numpy
from ..reductions.axes import Axes, normalize_axes
from .quantile_columns import columns_per_task, draft_columns
from .quantile_passes import draft_pass
from .quantile_rules import Method, QuantileRule
from .quantile_search import Search, plan_passes

__all__ = [
    "MEDIAN",
    "NANMEDIAN",
    "NANPERCENTILE",
    "NANQUANTILE",
    "PERCENTILE",
    "QUANTILE",
    "MedianParams",
    "QuantileParams",
]

_COLUMN_BYTES = 16 << 20
"""A larger column is counted by many tasks rather than partitioned by one."""
_PAGE_BYTES = 4096
_FEW_PASSES, _MOST_PASSES = 4, 16


class MedianParams(Params):
    """Parameters of median and nanmedian."""

    axis: Axes = Field(None, description="axis or axes to reduce, as 0, -1 or 0,2; all when left out")
    keepdims: bool = Field(False, description="keep reduced axes with length 1")


class QuantileParams(MedianParams):
    """Parameters of percentile, quantile and their nan forms."""

    q: Numbers = Field(description="one or several, as 5,50,95 of percentile and 0.05,0.5,0.95 of quantile")
    method: Method = Field("linear", description="what to take between two elements, as NumPy's method=")


class _StepParams(MedianParams):
    """Parameters of one step: those of the operation that it belongs to, and which pass it is."""

    function: str
    q: Numbers | None = None
    method: Method = "linear"
    number: int = 0


def _rule(name: str, params: Any) -> QuantileRule:
    skip_nan = name.startswith("nan")
    if name.endswith("median"):
        return QuantileRule(None, skip_nan=skip_nan)
    return QuantileRule(params.q, name.endswith("percentile"), params.method, skip_nan)


def _oracle(name: str) -> Callable[[Sequence[NDArray[Any]], Any], NDArray[Any]]:
    function = getattr(np, name)

    def ask(arrays: Sequence[NDArray[Any]], params: Any) -> NDArray[Any]:
        shape = {"axis": params.axis, "keepdims": params.keepdims}
        if name.endswith("median"):
            return np.asarray(function(arrays[0], **shape))
        try:
            return np.asarray(function(arrays[0], params.q, method=params.method, **shape))
        except IndexError as error:
            raise ValueError(f"no quantile of an empty array: {error}") from error

    return ask


def _search(header: ArrayHeader, name: str, params: Any) -> Search:
    axes = normalize_axes(params.axis, header.ndim)
    return Search(_rule(name, params), header.shape, axes, header.dtype.newbyteorder("="))


def _result(header: ArrayHeader, search: Search, name: str, params: Any) -> tuple[ArrayHeader, NDArray[Any] | None]:
    """Return the header of the answer, and the answer itself where nothing has to be computed."""
    if header.size == 0:
        answer = ask_numpy(_oracle(name), [np.empty(header.shape, search.dtype)], params, what=name)
        return ArrayHeader("output", answer.shape, answer.dtype), answer
    answer = ask_numpy(_oracle(name), [np.ones((1,) * header.ndim, search.dtype)], params, what=name)
    kept = [(1 if axis in search.axes else n) for axis, n in enumerate(header.shape)]
    shape = kept if params.keepdims else [n for axis, n in enumerate(header.shape) if axis not in search.axes]
    output = ArrayHeader("output", (*search.rule.shape, *shape), answer.dtype)
    return output, None if output.size else np.empty(output.shape, output.dtype)


def _build_columns(headers: Sequence[ArrayHeader], params: _StepParams, limits: Limits) -> Draft:
    search = _search(headers[0], params.function, params)
    output, answer = _result(headers[0], search, params.function, params)
    if answer is not None:
        return Draft(ConstantStage(answer), output, flops=0, task_host_bytes=0, read_bytes=0)
    return draft_columns(headers[0], limits, search=search, keepdims=params.keepdims, output=output)


def _build_pass(headers: Sequence[ArrayHeader], params: _StepParams, limits: Limits) -> Draft:
    search = _search(headers[0], params.function, params)
    output, _ = _result(headers[0], search, params.function, params)
    return draft_pass(headers[0], limits, search=search, number=params.number, result=output)


def _no_oracle(arrays: Sequence[NDArray[Any]], params: Params) -> NDArray[Any]:
    raise NotImplementedError("a step of quantiles has no equal in NumPy")


_COLUMNS = Operation(
    "columns", "Quantiles of columns, each in memory", "", ("x",), _StepParams, _build_columns, _no_oracle
)
_FIRST_PASS = Operation("count", "Counts of the first bits", "", ("x",), _StepParams, _build_pass, _no_oracle)
_NEXT_PASS = replace(_FIRST_PASS, summary="Counts of the next bits", inputs=("x", "found"))


def _is_counted(header: ArrayHeader, search: Search, limits: Limits) -> bool:
    """Tell whether columns are searched by passes: long ones, such as no task holds, and such as are read in crumbs."""
    n_held, n_passes = columns_per_task(header, limits, search), len(plan_passes(search))
    if not n_held:
        return n_passes <= _MOST_PASSES
    kept = [axis for axis in range(header.ndim) if axis not in search.axes]
    outer, inner = (kept, search.axes) if header.order == "C" else (search.axes, kept)
    lies_together = not outer or not inner or max(outer) < min(inner)
    # of every page that holds some columns, all is read for the few that fit in a task
    n_reads = 1 if lies_together else ceil_div(_PAGE_BYTES, n_held * header.dtype.itemsize)
    if search.length * header.dtype.itemsize <= (limits.block_bytes or _COLUMN_BYTES):
        return n_passes < n_reads and n_held < search.n_columns
    return n_passes <= max(_FEW_PASSES, n_reads)


def _operation(name: str, summary: str, params_model: type[MedianParams], example: str) -> Operation:
    def chain(headers: Sequence[ArrayHeader], params: Any, limits: Limits) -> Chain:
        header = headers[0]
        refuse_dtype(header.name, header.dtype)
        if header.dtype.kind == "c":
            raise InputUnsupportedError(
                f"{header.name} is complex: it has no {name}",
                cause="complex numbers are in no order that means something",
                next="take one part first: arraymill run map x.npy --expr 'real(x)' -o real.npy",
            )
        search = _search(header, name, params)
        given = {"function": name, **params.model_dump()}
        _, answer = _result(header, search, name, params)
        if answer is not None or not _is_counted(header, search, limits):
            return Chain((Step("columns", _COLUMNS, ("x",), given),), (("result", "columns"),))
        steps = [Step("count1", _FIRST_PASS, ("x",), given)]
        for number in range(1, len(plan_passes(search))):
            inputs = ("x", steps[-1].name)
            steps.append(Step(f"count{number + 1}", _NEXT_PASS, inputs, given | {"number": number}))
        return Chain(tuple(steps), (("result", steps[-1].name),), (f"reads the input {len(steps)} times",))

    command = f"arraymill run {name} x.npy {example} -o {name}.npy"
    return Operation(name, summary, command, ("x",), params_model, None, _oracle(name), chain=chain)


PERCENTILE = _operation("percentile", "Percentiles over axes; exact", QuantileParams, "--q 5,50,95")
QUANTILE = _operation("quantile", "Quantiles over axes; exact", QuantileParams, "--q 0.05,0.95 --axis 0")
MEDIAN = _operation("median", "Median over axes; exact", MedianParams, "--axis 0")
NANPERCENTILE = _operation("nanpercentile", "Percentiles, NaN left out", QuantileParams, "--q 5,50,95")
NANQUANTILE = _operation("nanquantile", "Quantiles, NaN left out", QuantileParams, "--q 0.5 --axis 0")
NANMEDIAN = _operation("nanmedian", "Median, NaN left out", MedianParams, "--axis 0")
