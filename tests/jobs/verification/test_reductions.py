"""Reductions of lines that do not fit in memory: merged chunk by chunk, with the answers of whole lines."""

from __future__ import annotations

import math
import tracemalloc
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from operation_contract import REDUCTIONS, Case, cases
from verified_arrays import check, outputs_of, problem_of

from arraymill.jobs.errors import JobError, SpecError
from arraymill.jobs.verification import check_problem
from arraymill.jobs.verification.reductions import REDUCTIONS as CHECKED


def test_every_reduction_is_checked_by_lines() -> None:
    assert set(REDUCTIONS) == CHECKED


@settings(max_examples=60)
@given(data=st.data(), memory_bytes=st.sampled_from([1 << 12, 1 << 15, 1 << 28]))
def test_results_of_all_kinds_are_within_the_bounds(data: st.DataObject, memory_bytes: int) -> None:
    name = data.draw(st.sampled_from(REDUCTIONS))
    case: Case = data.draw(cases(name))
    try:
        made = outputs_of(name, (case.array,), case.params, block_bytes=case.block_bytes)
    except JobError:
        # what NumPy refuses, too
        return
    try:
        (finding,) = check(name, (case.array,), case.params, made, memory_bytes=memory_bytes)
    except SpecError as error:
        assert "cannot be checked at this size" in error.what  # noqa: PT017 - extrema of complex numbers have no other
        return
    assert finding.is_within_bound


@pytest.mark.parametrize("axis", [None, 0, 1, (0, 2)])
@pytest.mark.parametrize("name", ["argmin", "argmax", "nanargmax", "ptp", "any", "count_nonzero", "prod", "norm"])
def test_chunks_are_merged_in_the_order_of_the_elements(name: str, axis: Any) -> None:
    if "arg" in name and isinstance(axis, tuple):
        axis = 2
    x = np.random.default_rng(2).integers(-3, 4, (50, 60, 7)).astype("f8")
    x[13, 20, 3] = math.nan
    if name == "prod":
        x = np.exp2(x) * (1 + 1e-3 * np.nan_to_num(x))
    made = outputs_of(name, (x,), {"axis": axis})[""]
    (finding,) = check(name, (x,), {"axis": axis}, {"": made}, memory_bytes=1 << 14)
    assert finding.is_within_bound
    other = ~made if made.dtype.kind == "b" else np.where(np.isnan(made), 0, made + 1).astype(made.dtype)
    (wrong,) = check(name, (x,), {"axis": axis}, {"": other}, memory_bytes=1 << 14)
    assert not wrong.is_within_bound


def test_memory_is_bounded() -> None:
    x = np.ones((2_000_000,), "f4")
    problem = problem_of("var", (x,), {}, {"": np.zeros((), "f4")}, memory_bytes=4 << 20)
    tracemalloc.start()
    try:
        (finding,) = check_problem(problem)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert finding.is_within_bound
    assert peak < 4 << 20
