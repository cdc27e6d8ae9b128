"""The two passes of TSQR as steps: what they read, pieces cut anywhere, and what must not pass unseen."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from factor_checks import wide
from in_process_jobs import ROOMY, run_plan
from numpy.typing import NDArray
from operation_contract import draw_values

from arraymill.jobs.errors import InputChangedError
from arraymill.jobs.headers import ArrayHeader
from arraymill.jobs.operations.factorizations.factors import FACTORS
from arraymill.jobs.operations.factorizations.rotated import ROTATED
from arraymill.jobs.operations.factorizations.row_blocks import RowBlocks
from arraymill.jobs.operations.factorizations.tall_product import TALL_PRODUCT
from arraymill.jobs.operations.operation import Operation
from arraymill.jobs.plans.planning import plan_job
from arraymill.jobs.stages.shapes import MapStage

RNG = np.random.default_rng(0)


def run(
    operation: Operation, arrays: list[NDArray[Any]], params: dict[str, Any], *, pieces: Any = None
) -> NDArray[Any]:
    headers = [ArrayHeader(letter, x.shape, x.dtype) for letter, x in zip("abc", arrays, strict=False)]
    plan = plan_job(operation, headers, params, budget=ROOMY, block_bytes=500)
    assert isinstance(plan.stage, MapStage)
    if pieces is not None:
        plan = replace(plan, stage=replace(plan.stage, pieces=pieces))
    return run_plan(plan, arrays)


def magnitudes(stack: NDArray[Any], height: int) -> NDArray[Any]:
    """Return the Gram matrices of factors, which have no signs."""
    cuts = [stack[start : start + height] for start in range(0, len(stack), height)]
    return np.stack([cut.conj().T @ cut for cut in cuts])


@pytest.mark.parametrize("pieces", [None, (2, 3), (1, 1), (3, 2)])
def test_a_stack_is_that_of_every_cut(pieces: Any) -> None:
    x = RNG.standard_normal((50, 3))
    stack = run(FACTORS, [x], {"rows": 12}, pieces=pieces)
    assert stack.shape == (14, 3)
    expected = FACTORS.oracle([x], FACTORS.params(rows=12))
    assert isinstance(expected, np.ndarray)
    np.testing.assert_allclose(magnitudes(stack, 3), magnitudes(expected, 3), atol=1e-12)


@pytest.mark.parametrize("code", ["f4", "c8"])
def test_inputs_may_be_transposed_joined_or_centred(code: str) -> None:
    x = draw_values((50, 3), code, 1)
    exact, y, mean = wide(x), RNG.standard_normal((50, 2)), np.arange(3.0)
    cases: tuple[Any, ...] = (
        ([np.ascontiguousarray(x.T)], {"transposed": True}, exact.conj()),
        ([x, y], {}, np.hstack([exact, y])),
        ([x, y[:, 0].copy()], {}, np.hstack([exact, y[:, :1]])),
        ([x, mean], {"centred": True}, exact - mean),
    )
    for arrays, params, matrix in cases:
        stack = run(FACTORS, arrays, {"rows": 20, **params})
        np.testing.assert_allclose(stack.conj().T @ stack, matrix.conj().T @ matrix, atol=1e-11)


@pytest.mark.parametrize("pieces", [None, (5, 2), (1, 1), (26, 1)])
@pytest.mark.parametrize("transposed", [False, True])
def test_the_second_pass_multiplies_with_the_factors_of_the_first(pieces: Any, transposed: bool) -> None:
    x = RNG.standard_normal((50, 3))
    stored = np.ascontiguousarray(x.T) if transposed else x
    stack = run(FACTORS, [stored], {"rows": 12, "transposed": transposed})
    params = {"rows": 12, "dtype": "float64", "transposed": transposed}
    pieces = pieces[::-1] if pieces and transposed else pieces
    made = run(TALL_PRODUCT, [stored, stack, stack], params, pieces=pieces)
    np.testing.assert_allclose(made, stored, atol=1e-12)


def test_rows_that_changed_between_the_passes_are_found_out() -> None:
    x = RNG.standard_normal((50, 3))
    stack = run(FACTORS, [x], {"rows": 12})
    x[20, 1] += 1e-9
    with pytest.raises(InputChangedError, match="another triangular factor"):
        run(TALL_PRODUCT, [x, stack, stack], {"rows": 12, "dtype": "float64"})


def test_cuts_and_their_factors_are_found_from_each_other() -> None:
    cut = RowBlocks(50, 3, 12)
    assert (cut.height, cut.stack_rows) == (3, 14)
    assert [cut.rows_of(*stack) for stack in ((0, 3), (2, 4), (12, 14))] == [(0, 12), (0, 24), (48, 50)]
    assert [cut.stack_of(*rows) for rows in ((0, 12), (12, 36), (48, 50))] == [(0, 3), (3, 9), (12, 14)]
    one = RowBlocks(2, 5, 2)
    assert (one.height, one.stack_rows) == (2, 2)


def test_private_steps_keep_what_their_oracles_say() -> None:
    x = RNG.standard_normal((4, 30))
    q, _ = np.linalg.qr(x[:, :4])
    q = q * np.sign(np.diagonal(q.T @ x))
    params = {"dtype": "float64"}
    made = run(ROTATED, [x, q], params, pieces=(3, 7))
    np.testing.assert_allclose(made, np.asarray(ROTATED.oracle([x, q], ROTATED.params(**params))), atol=1e-14)
    assert not np.tril(made, -1).any()
    tall = np.ascontiguousarray(x.T)
    stack = run(FACTORS, [tall], {"rows": 12})
    product_params = TALL_PRODUCT.params(rows=12, dtype="float32")
    expected = TALL_PRODUCT.oracle([tall, stack, np.abs(stack)], product_params)
    made = run(TALL_PRODUCT, [tall, stack, np.abs(stack)], product_params.model_dump())
    np.testing.assert_allclose(made, np.asarray(expected), atol=1e-5)
