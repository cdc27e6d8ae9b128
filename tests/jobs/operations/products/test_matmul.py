"""Facts of matmul beyond the contract: plans of products, of which dtype, how much is read."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from in_process_jobs import plan_arrays

from arraymill.jobs.errors import CannotFitError, InputUnsupportedError, SpecError
from arraymill.jobs.headers import ArrayHeader
from arraymill.jobs.limits import Limits
from arraymill.jobs.operations import OPERATIONS
from arraymill.jobs.stages.shapes import Draft

MATMUL = OPERATIONS["matmul"]


def draft(*shapes: tuple[int, ...], code: str = "f4", limits: Limits | None = None, **params: Any) -> Draft:
    headers = [ArrayHeader(name, shape, np.dtype(code)) for name, shape in zip("ab", shapes, strict=True)]
    return MATMUL.build(headers, MATMUL.params.model_validate(params), limits or Limits())


def test_transposed_operands_are_taken_not_copied() -> None:
    made = draft((5, 4), (6, 5), transpose_a=True, transpose_b=True)
    assert made.output.shape == (4, 6)
    stage: Any = made.stage
    assert (stage.a_transposed, stage.b_transposed) == (True, True)


def test_a_mismatch_after_transposition_names_both_shapes() -> None:
    with pytest.raises(SpecError, match="mismatch in its core dimension") as caught:
        draft((5, 4), (5, 6))
    assert "a (5, 4) and b (5, 6)" in caught.value.cause
    assert "--transpose-a" in caught.value.next


def test_flops_count_a_multiply_and_an_add() -> None:
    assert draft((3, 4), (4, 5)).flops == 2 * 3 * 4 * 5
    assert draft((7, 3, 4), (4, 5)).flops == 7 * 2 * 3 * 4 * 5
    assert draft((3, 4), (4, 5), code="c8").flops == 4 * 2 * 3 * 4 * 5


def test_operands_that_fit_are_read_once() -> None:
    assert draft((1000, 500), (500, 800)).read_bytes == 4 * (1000 * 500 + 500 * 800)


@pytest.mark.parametrize(
    ("code", "precision", "expected"),
    [
        ("f4", "standard", "f4"),
        ("f4", "strict", "f8"),
        ("f2", "standard", "f4"),
        ("c8", "strict", "c16"),
        ("i4", "standard", "f8"),
        ("?", "standard", "f4"),
    ],
)
def test_the_dtype_of_products(code: str, precision: Any, expected: str) -> None:
    stage: Any = draft((3, 4), (4, 5), code=code, limits=Limits(precision=precision)).stage
    assert (stage.dtype, stage.result) == (np.dtype(expected), np.dtype(code))


def test_a_long_dot_product_is_cut_along_k() -> None:
    stage: Any = draft((10**9,), (10**9,)).stage
    assert 8 <= stage.n_parts == stage.grid.n_blocks <= 256


def test_small_matrices_share_a_task() -> None:
    stage: Any = draft((10_000, 8, 8), (10_000, 8, 8)).stage
    assert stage.grid.n_blocks <= 10


def test_uint64_is_refused_on_cuda_before_anything_is_read() -> None:
    with pytest.raises(InputUnsupportedError, match="a is uint64"):
        plan_arrays("matmul", [np.ones((2, 2), "u8")] * 2, backend="torch-cpu")
    assert plan_arrays("matmul", [np.ones((2, 2), "u8"), np.ones((2, 2))], backend="torch-cpu").n_blocks == 1


def test_a_budget_of_nothing_is_refused() -> None:
    with pytest.raises(CannotFitError):
        draft((100, 100), (100, 100), limits=Limits(task_host_bytes=12))
