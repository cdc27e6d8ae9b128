"""histogram: NumPy's counts and edges; without a range, the least and the largest element are found first.

A second input has the weights: they are added in float64, where NumPy adds some narrower ones in their own dtype.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from ...blocks import Grid
from ...dtypes import compute_dtype, refuse_dtype
from ...errors import InputUnsupportedError, SpecError
from ...headers import ArrayHeader
from ...limits import Limits
from ...stages.shapes import ConstantStage, Draft, MapStage
from ..chain import Chain, Step
from ..number_lists import NumbersOrName, Pair
from ..operation import Operation, Params, ask_numpy
from ..reductions.tables import draft_tables
from .binning import Bins, EqualBins, ListedBins
from .histogram_kernels import CountKernel, EdgesKernel, ExtentKernel, WeightKernel
from .pair import PAIR, refuse_more_than_weights

__all__ = ["HISTOGRAM", "HistogramParams"]


class HistogramParams(Params):
    """Parameters of histogram."""

    bins: NumbersOrName = Field(10, description="number of bins of equal width, or their edges, as 0,1,2.5,10")
    range: Pair = Field(None, description="least and largest value that is counted, as 0,255; by default the data's")
    density: bool = Field(False, description="divide so that the integral over the range is 1")


def _numbers_dtype(header: ArrayHeader) -> np.dtype[Any]:
    """Return the dtype in which NumPy counts: booleans as integers."""
    dtype = header.dtype["number"] if header.dtype.names else header.dtype.newbyteorder("=")
    return np.dtype(np.uint8) if dtype.kind == "b" else dtype


def _bins(header: ArrayHeader, params: HistogramParams) -> Bins:
    if isinstance(params.bins, tuple):
        return ListedBins(params.bins)
    assert isinstance(params.bins, int)
    # bounds that are not known yet stand for any
    return EqualBins(params.bins, params.range or (0, 1), _numbers_dtype(header))


def _build_extent(headers: Sequence[ArrayHeader], params: HistogramParams, limits: Limits) -> Draft:
    header, bins = headers[0], _bins(headers[0], params)
    dtype = _numbers_dtype(header)
    kernel = ExtentKernel(bins.n, dtype, compute_dtype("extremum", dtype, limits.device, name=header.name))
    output = ArrayHeader("output", (2,), dtype)
    return draft_tables(
        header, limits, kernel=kernel, output=output, table_elements=2, what="two numbers", way_out="say --range"
    )


def _build_counts(headers: Sequence[ArrayHeader], params: HistogramParams, limits: Limits) -> Draft:
    header, bins = headers[0], _bins(headers[0], params)
    weight = header.dtype["weight"] if header.dtype.names else None
    counted = np.dtype(np.intp) if weight is None else weight
    output = ArrayHeader("output", (bins.n,), np.result_type(counted, np.float64) if params.density else counted)
    if header.size == 0 or output.size == 0:
        nothing = [np.empty(0, _numbers_dtype(header))] + ([np.empty(0, weight)] if weight is not None else [])
        with np.errstate(invalid="ignore"):
            answer = _oracle(nothing, params)[0]
        return Draft(ConstantStage(answer), output, flops=0, task_host_bytes=0, read_bytes=0)
    count = CountKernel(bins, params.density)
    return draft_tables(
        header,
        limits,
        kernel=count if weight is None else WeightKernel(bins, params.density, weight),
        on_host=weight is not None,
        output=output,
        table_elements=2 * bins.n,
        given=headers[1:],
        what=f"the counts of {bins.n} bins",
        way_out="ask for fewer bins",
    )


def _build_edges(headers: Sequence[ArrayHeader], params: HistogramParams, limits: Limits) -> Draft:
    bins, is_known = _bins(headers[0], params), params.range is not None or isinstance(params.bins, tuple)
    one = EqualBins(1, bins.bounds, bins.dtype).edges if isinstance(bins, EqualBins) else bins.edges
    output = ArrayHeader("output", (bins.n + 1,), one.dtype)
    if is_known:
        return Draft(ConstantStage(bins.edges), output, flops=0, task_host_bytes=0, read_bytes=0)
    assert isinstance(bins, EqualBins)
    kernel, whole = EdgesKernel(bins), Grid(output.shape, output.shape)
    stage = MapStage(kernel, whole, output.shape, ((2,),), layout=kernel, on_host=True)
    return Draft(stage, output, flops=output.size, task_host_bytes=2 * output.nbytes, read_bytes=headers[0].nbytes)


def _oracle(arrays: Sequence[NDArray[Any]], params: HistogramParams) -> tuple[NDArray[Any], ...]:
    weights = arrays[1] if len(arrays) > 1 else None
    return np.histogram(arrays[0], params.bins, params.range, params.density, weights)


def _check(header: ArrayHeader, params: HistogramParams, limits: Limits) -> None:
    """Refuse what NumPy refuses, and names of rules."""
    refuse_dtype(header.name, header.dtype)
    compute_dtype("extremum", header.dtype, limits.device, name=header.name)
    if header.dtype.kind == "c":
        raise InputUnsupportedError(
            f"{header.name} is complex: it has no histogram",
            cause="complex numbers are in no order that means something",
            next="take one part first: arraymill run map x.npy --expr 'real(x)' -o real.npy",
        )
    if isinstance(params.bins, str) or (isinstance(params.bins, tuple) and any(edge != edge for edge in params.bins)):
        raise SpecError(
            f"histogram: bins={params.bins} is not worked on",
            cause="a number of bins or their edges are allowed; rules for the number of bins need the whole array",
            next="take NumPy's rule on a sample: np.histogram_bin_edges(sample, 'fd'), and give --bins N",
        )
    stand_in = np.ones(1, _numbers_dtype(header) if params.range is not None else np.float64)
    # a number of bins is checked, and not so many edges made, before it is known that they fit
    few = params.model_copy(update={"bins": min(params.bins, 1)}) if isinstance(params.bins, int) else params
    ask_numpy(lambda arrays, asked: _oracle(arrays, asked)[0], [stand_in], few, what="histogram")
    if isinstance(params.bins, int):
        _build_counts([replace(header, shape=(1,), dtype=_numbers_dtype(header))], params, limits)
        if params.range is not None:
            ask_numpy(lambda arrays, asked: _oracle(arrays, asked)[0], [stand_in], params, what="histogram")


def _chain(headers: Sequence[ArrayHeader], params: HistogramParams, limits: Limits) -> Chain:
    header = headers[0]
    refuse_more_than_weights("histogram", headers)
    _check(header, params, limits)
    # NumPy's bounds of nothing
    bounds = params.range or ((0, 1) if header.size == 0 else None)
    given = params.model_dump() | {"range": bounds}
    is_known = bounds is not None or isinstance(params.bins, tuple)
    steps = [] if is_known else [Step("extent", _EXTENT, ("x",), given)]
    if len(headers) > 1:
        steps.append(Step("pair", PAIR, ("x", "y")))
    counted = ("x" if len(headers) == 1 else "pair", *(() if is_known else ("extent",)))
    steps.append(Step("counts", replace(_COUNTS, inputs=("x", "extent")[: len(counted)]), counted, given))
    steps.append(Step("edges", _EDGES, ("x" if is_known else "extent",), given))
    notes = () if is_known else ("reads the input twice: --range saves one pass",)
    return Chain(tuple(steps), (("counts", "counts"), ("edges", "edges")), notes)


def _no_oracle(arrays: Sequence[NDArray[Any]], params: Params) -> NDArray[Any]:
    raise NotImplementedError("a step of histogram has no equal in NumPy")


_EXTENT = Operation("extent", "Least and largest element", "", ("x",), HistogramParams, _build_extent, _no_oracle)
_COUNTS = Operation("counts", "Counts in bins", "", ("x",), HistogramParams, _build_counts, _no_oracle)
_EDGES = Operation("edges", "Edges of bins", "", ("x",), HistogramParams, _build_edges, _no_oracle)
HISTOGRAM = Operation(
    "histogram",
    "How many elements, or what weights of them, are in each bin",
    "arraymill run histogram x.npy --bins 100 --range 0,1 -o hist.npy",
    ("x",),
    HistogramParams,
    None,
    _oracle,
    variadic=True,
    chain=_chain,
)
