"""Facts of what blocks read: no block whose result depends on a changed byte is ever left out."""

from __future__ import annotations

from dataclasses import replace
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from array_layouts import regions
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from in_process_jobs import plan_arrays

from arraymill.jobs.arrays import MemoryTarget, open_source
from arraymill.jobs.blocks import Grid, as_slices, region_shape
from arraymill.jobs.engine import Work, run_block
from arraymill.jobs.headers import ArrayHeader
from arraymill.jobs.stages.inputs import blocks_reading, byte_interval, input_regions
from arraymill.jobs.stages.shapes import ConstantStage, ContractStage, ReduceStage

SIDES = st.integers(1, 4)
UNUSED = count()


@st.composite
def elementwise(draw: st.DrawFn) -> tuple[str, list[tuple[int, ...]], dict[str, Any]]:
    shape = draw(npst.array_shapes(min_dims=1, max_dims=4, max_side=4))
    shapes = [shape]
    for _ in range(2):
        own = tuple(1 if draw(st.booleans()) else n for n in shape)
        shapes.append(own[draw(st.integers(0, len(shape))) :])
    return "map", draw(st.permutations(shapes)), {"expr": "x + y * z"}


@st.composite
def reductions(draw: st.DrawFn) -> tuple[str, list[tuple[int, ...]], dict[str, Any]]:
    shape = draw(npst.array_shapes(min_dims=1, max_dims=4, max_side=5))
    axes = sorted(draw(st.sets(st.integers(0, len(shape) - 1))))
    return draw(st.sampled_from(["sum", "mean", "max"])), [shape], {"axis": axes or None}


@st.composite
def products(draw: st.DrawFn) -> tuple[str, list[tuple[int, ...]], dict[str, Any]]:
    m, k, n = draw(SIDES), draw(SIDES), draw(SIDES)
    batch = draw(npst.array_shapes(min_dims=0, max_dims=2, max_side=3))
    params, shapes = {}, []
    for name, matrix, vector in (("transpose_a", (m, k), (k,)), ("transpose_b", (k, n), (k,))):
        if draw(st.integers(0, 3)) == 0:
            shapes.append(vector)
            continue
        params[name] = draw(st.booleans())
        own = tuple(1 if draw(st.booleans()) else side for side in batch)[draw(st.integers(0, len(batch))) :]
        shapes.append((*own, *(matrix[::-1] if params[name] else matrix)))
    return "matmul", shapes, params


def outcomes(stage: Any, header: ArrayHeader, sources: tuple[Any, ...]) -> list[bytes]:
    """Return what each block makes, as bytes."""
    made = []
    for index in range(stage.grid.n_blocks):
        target = MemoryTarget(np.zeros(header.shape, header.dtype, header.order))
        result = run_block(Work(stage, sources, target if stage.n_parts == 1 else None, "numpy"), index)
        made.append(b"".join(part.tobytes() for part in result.partial or ()) + target.array.tobytes())
    return made


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(case=elementwise() | reductions() | products(), data=st.data())
def test_a_block_that_depends_on_a_changed_element_is_in_the_set(
    tmp_path: Path, case: tuple[str, list[tuple[int, ...]], dict[str, Any]], data: st.DataObject
) -> None:
    name, shapes, params = case
    orders = [data.draw(st.sampled_from("CF"), label="order") for _ in shapes]
    if data.draw(st.booleans(), label="all F"):
        orders = ["F"] * len(shapes)
    arrays = [np.ones(shape, order=order) for shape, order in zip(shapes, orders, strict=True)]
    plan = plan_arrays(name, arrays, params, block_bytes=data.draw(st.sampled_from([64, 200, 1 << 20])))
    stage: Any = plan.stage
    if isinstance(stage, ContractStage):
        chunks = tuple(data.draw(st.integers(1, n)) for n in stage.grid.shape)
        stage = replace(stage, grid=Grid(stage.grid.shape, chunks))
    number = data.draw(st.integers(0, len(arrays) - 1), label="changed input")
    element = data.draw(st.tuples(*(st.integers(0, n - 1) for n in shapes[number])), label="element")
    before, sources, header = [], (), plan.output
    for _ in range(2):
        # names that were never used: a file of the same name, size and time would be answered from a panel of the last
        paths = [tmp_path / f"{next(UNUSED)}.npy" for _ in arrays]
        for path, array in zip(paths, arrays, strict=True):
            np.save(path, array)
        sources = tuple(map(open_source, paths))
        before.append(outcomes(stage, header, sources))
        arrays[number][element] = np.nan
    differ = {index for index, (one, other) in enumerate(zip(*before, strict=True)) if one != other}
    flat = np.ravel_multi_index(element, shapes[number], order=sources[number].header.order) if element else 0
    start = sources[number].data_offset + 8 * int(flat)
    byte = start + data.draw(st.integers(0, 7), label="byte")
    assert differ <= blocks_reading(stage, sources, number, [(byte, byte + 1)])
    assert differ


@given(data=st.data(), order=st.sampled_from("CF"), itemsize=st.sampled_from([1, 2, 4, 8, 16]))
def test_the_interval_of_a_region_goes_from_its_first_byte_to_its_last(
    data: st.DataObject, order: Any, itemsize: int
) -> None:
    shape = data.draw(npst.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=5))
    region = data.draw(regions(shape))
    header = ArrayHeader("x", shape, np.dtype(f"V{itemsize}"), order)
    places = np.arange(header.size).reshape(shape, order=order)[(*as_slices(region), ...)] * itemsize + 4096
    expected = (places.min(), places.max() + itemsize) if places.size else (4096, 4096)
    assert expected == byte_interval(header, 4096, region)


@given(case=elementwise() | reductions() | products(), order=st.sampled_from("CF"))
def test_the_regions_of_an_input_are_its_own_and_cover_it(
    case: tuple[str, list[tuple[int, ...]], dict[str, Any]], order: Any
) -> None:
    name, shapes, params = case
    stage: Any = plan_arrays(name, [np.ones(shape, order=order) for shape in shapes], params, block_bytes=64).stage
    covered = [np.zeros(shape, bool) for shape in shapes]
    for index in range(stage.grid.n_blocks):
        for mask, region in zip(covered, input_regions(stage, index), strict=True):
            part = mask[(*as_slices(region), ...)]
            assert part.shape == region_shape(region)
            part[...] = True
    assert all(mask.all() for mask in covered)


def halves() -> tuple[ReduceStage, Any]:
    kernel: Any = None
    source = SimpleNamespace(header=ArrayHeader("x", (8,), np.dtype("f8")), data_offset=128)
    return ReduceStage(kernel, Grid((8,), (4,)), (4,), (0,)), source


@pytest.mark.parametrize(
    ("ranges", "expected"),
    [
        ([], set()),
        ([(0, 128)], set()),
        ([(0, 129)], {0}),
        ([(159, 160)], {0}),
        ([(160, 161)], {1}),
        ([(160, 160)], set()),
        ([(191, 500), (0, 3)], {1}),
        ([(192, 500)], set()),
        ([(150, 170)], {0, 1}),
        ([(185, 186), (130, 131), (0, 140)], {0, 1}),
    ],
)
def test_ranges_are_of_bytes_of_the_file(ranges: list[tuple[int, int]], expected: set[int]) -> None:
    stage, source = halves()
    assert expected == blocks_reading(stage, [source], 0, ranges)


def test_a_constant_reads_nothing() -> None:
    stage = ConstantStage(np.zeros(3))
    assert blocks_reading(stage, [halves()[1]], 0, [(0, 1000)]) == set()
    with pytest.raises(ValueError, match="no blocks"):
        input_regions(stage, 0)
