"""Freivalds' check: one wrong element of a product, wherever it is, is found and named; right ones are left alone."""

from __future__ import annotations

import tracemalloc
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from verified_arrays import check, outputs_of, problem_of, spoiled

from arraymill.jobs.verification import check_problem

RNG = np.random.default_rng(4)
A = RNG.standard_normal((400, 90)).astype("f4")
B = RNG.standard_normal((90, 500)).astype("f4")
PRODUCT = outputs_of("matmul", (A, B), {})[""]


@settings(max_examples=12)
@given(row=st.integers(0, 399), column=st.integers(0, 499))
def test_one_wrong_element_anywhere_is_named(row: int, column: int) -> None:
    findings = check("matmul", (A, B), {}, {"": spoiled(PRODUCT, (row, column))}, n_samples=2)
    wrong = [finding for finding in findings if not finding.is_within_bound]
    assert {finding.worst.index for finding in wrong if finding.worst} == {(row, column)}


@pytest.mark.parametrize("seed", range(5))
def test_a_right_product_is_right_for_every_seed(seed: int) -> None:
    tiles, freivalds = check("matmul", (A, B), {}, {"": PRODUCT}, seed=seed, n_samples=2)
    assert tiles.is_within_bound
    assert freivalds.is_within_bound
    assert (freivalds.n_checked, freivalds.n_elements) == (PRODUCT.size, PRODUCT.size)


def products() -> list[tuple[str, tuple[NDArray[Any], ...], dict[str, Any]]]:
    wide = RNG.integers(-100, 100, (300, 40))
    stack = RNG.standard_normal((3, 50, 20)).astype("f4")
    return [
        ("matmul", (wide, wide.T.copy()), {}),
        ("matmul", (wide.astype("u1"), wide.T.astype("u1")), {}),
        ("matmul", (stack, RNG.standard_normal((20, 400))), {}),
        ("matmul", (A, A), {"transpose_b": True}),
        ("matmul", (B[0], B[0][:, None] * B[1]), {}),
        ("tensordot", (stack, RNG.standard_normal((20, 3, 300)).astype("f4")), {"axes": [[2, 0], [0, 1]]}),
        ("einsum", (stack, RNG.standard_normal((3, 20, 200)).astype("f4")), {"subscripts": "bij,bjk->kbi"}),
        ("gram", (B,), {}),
        ("cov", (B + 1e3,), {"rowvar": False}),
        ("corrcoef", (B,), {"rowvar": False}),
        ("matmul", ((A + 1j * A[::-1]).astype("c8"), B.astype("c8")), {}),
    ]


@pytest.mark.parametrize(("name", "arrays", "params"), products())
@pytest.mark.parametrize("memory_bytes", [1 << 28, 1 << 18])
def test_products_of_every_kind(name: str, arrays: Any, params: dict[str, Any], memory_bytes: int) -> None:
    made = outputs_of(name, arrays, params)
    (output, array), *_ = made.items()
    limits = {"n_samples": 1, "memory_bytes": memory_bytes}
    assert all(finding.is_within_bound for finding in check(name, arrays, params, made, **limits))
    index = tuple(n // 2 + (n > 5) for n in array.shape)
    findings = check(name, arrays, params, {output: spoiled(array, index)}, **limits)
    wrong = [finding.worst.index for finding in findings if not finding.is_within_bound and finding.worst]
    assert index in wrong


@pytest.mark.parametrize(
    ("arrays", "memory_bytes", "why"),
    [((A, B), 1 << 14, "do not fit in memory"), ((A > 0, B > 0), 1 << 28, "of truths")],
)
def test_where_there_is_no_such_check_it_is_said(arrays: Any, memory_bytes: int, why: str) -> None:
    made = outputs_of("matmul", arrays, {})
    (tiles,) = check("matmul", arrays, {}, made, memory_bytes=memory_bytes)
    assert tiles.is_within_bound
    assert "no Freivalds' check: " in tiles.method
    assert why in tiles.method


@pytest.mark.parametrize("name", ["matmul", "gram", "cov"])
def test_memory_is_bounded(name: str) -> None:
    factors = np.ones((4000, 200), "f4"), np.ones((200, 1500), "f4")
    arrays = factors if name == "matmul" else (np.ones((300, 900), "f4"),)
    made = {
        "matmul": lambda: arrays[0] @ arrays[-1],
        "gram": lambda: arrays[0].T @ arrays[0],
        "cov": lambda: np.zeros((300, 300)),
    }[name]()
    problem = problem_of(name, arrays, {}, {"": made}, memory_bytes=8 << 20)
    tracemalloc.start()
    try:
        findings = check_problem(problem)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert [finding.is_within_bound for finding in findings] == [True, True]
    assert peak < 8 << 20


def test_what_nan_makes_undecided_is_counted_and_the_rest_is_checked() -> None:
    a = A.copy()
    a[7, 3] = np.nan
    made = outputs_of("matmul", (a, B), {})[""]
    _, freivalds = check("matmul", (a, B), {}, {"": made}, n_samples=2)
    assert (freivalds.is_within_bound, freivalds.n_undecided) == (True, 500)
    findings = check("matmul", (a, B), {}, {"": spoiled(made, (8, 400))}, n_samples=2)
    assert not all(finding.is_within_bound for finding in findings)
