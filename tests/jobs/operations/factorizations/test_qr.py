"""qr: NumPy's shapes and dtypes, a backward stable product and orthonormal q for every matrix, in every cut."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from factor_checks import HARD, check_orthonormal, check_product, hard_matrix, wide
from hypothesis import given, settings
from hypothesis import strategies as st
from in_process_jobs import ShuffledSession, plan_arrays, run_chain
from numpy.typing import NDArray
from operation_contract import LAYOUTS, byte_orders, draw_values, lay_out

from arraymill.jobs.engine import BackendKind
from arraymill.jobs.errors import CannotFitError, InputUnsupportedError, SpecError
from arraymill.jobs.headers import ArrayHeader
from arraymill.jobs.limits import Budget, Limits
from arraymill.jobs.operations import OPERATIONS
from arraymill.jobs.operations.factorizations.row_blocks import choose_rows
from arraymill.jobs.plans.chain_plan import ChainPlan
from arraymill.jobs.plans.chains import plan_chain

SHAPES = ((1, 1), (13, 1), (5, 5), (40, 3), (257, 7), (3, 9), (1, 40), (6, 200), (0, 3), (4, 0))


def n_levels(x: NDArray[Any], **settings: Any) -> int:
    """Return how many passes of factors a plan has, and the block at the end."""
    plan = plan_arrays("qr", [x], **settings)
    assert isinstance(plan, ChainPlan)
    return 1 + sum(step.operation.name == "factors" for step in plan.steps)


@pytest.mark.parametrize("backend", ["numpy", "torch-cpu"])
@settings(max_examples=25)
@given(
    shape=st.sampled_from(SHAPES),
    code=st.sampled_from(("f4", "f8", "c8", "c16", "i4", "?")),
    layout=st.sampled_from(LAYOUTS),
    byte_order=byte_orders,
    block_bytes=st.sampled_from((None, 300, 1500)),
    seed=st.integers(0, 9),
)
def test_factors_have_numpys_shapes_and_make_the_array(
    backend: BackendKind, shape: Any, code: str, layout: str, byte_order: Any, block_bytes: int | None, seed: int
) -> None:
    native = draw_values(shape, code, seed)
    expected = np.linalg.qr(native)
    x = lay_out(native, layout, byte_order)
    made = run_chain("qr", [x], backend=backend, block_bytes=block_bytes, session=ShuffledSession(seed))
    assert list(made) == ["q", "r"]
    q, r = made.values()
    assert [(a.shape, a.dtype) for a in (q, r)] == [(a.shape, a.dtype) for a in expected]
    check_product(native, wide(q) @ wide(r), q.dtype)
    check_orthonormal(q, n_levels=n_levels(x, block_bytes=block_bytes))
    assert not np.tril(r, -1).any()
    assert (np.diagonal(r).real >= 0).all()
    assert (np.diagonal(r).imag == 0).all()


@pytest.mark.parametrize("kind", HARD)
@pytest.mark.parametrize("block_bytes", [None, 1500])
def test_nothing_is_lost_on_hard_matrices(kind: str, block_bytes: int | None) -> None:
    x = hard_matrix(kind)
    q, r = run_chain("qr", [x], block_bytes=block_bytes).values()
    check_product(x, q @ r, q.dtype)
    check_orthonormal(q, n_levels=n_levels(x, block_bytes=block_bytes))
    if kind == "graded":
        # each column by itself: it is reflected by itself (Higham 2002, theorem 19.4, columnwise)
        errors = np.linalg.norm(x - q @ r, axis=0) / np.linalg.norm(x, axis=0)
        assert errors.max() <= 10 * 2.0**-52 * np.sqrt(x.shape[1])


def test_full_rank_factors_are_unique_and_do_not_depend_on_the_order_of_blocks() -> None:
    x = np.random.default_rng(0).standard_normal((300, 5))
    q, r = np.linalg.qr(x)
    signs = np.sign(np.diagonal(r))
    sessions = [ShuffledSession(seed, at_once=2) for seed in (None, 1, 2)]
    answers = [run_chain("qr", [x], block_bytes=2000, session=session) for session in sessions]
    np.testing.assert_allclose(answers[0]["q"], q * signs, atol=1e-13)
    np.testing.assert_allclose(answers[0]["r"], r * signs[:, None], atol=1e-13)
    assert len({(a["q"].tobytes(), a["r"].tobytes()) for a in answers}) == 1


def test_r_alone_is_that_of_both() -> None:
    x = np.random.default_rng(1).standard_normal((300, 5)).astype("f4")
    alone = run_chain("qr", [x], {"mode": "r"}, block_bytes=1000)
    assert list(alone) == ["r"]
    np.testing.assert_array_equal(alone["r"], run_chain("qr", [x], block_bytes=1000)["r"])


@pytest.mark.parametrize("block_bytes", [None, 1500])
def test_nan_goes_at_least_where_numpy_lets_it_go(block_bytes: int | None) -> None:
    x = np.random.default_rng(1).standard_normal((300, 3))
    x[170, 1] = np.nan
    q, r = run_chain("qr", [x], block_bytes=block_bytes).values()
    _, expected = np.linalg.qr(x)
    assert np.isnan(r[np.isnan(expected)]).all()
    assert np.isnan(q[:, 1:]).all()
    assert np.isfinite(r[0, 0])


def test_the_smallest_complex_numbers_have_signs() -> None:
    x = 1e-310 * draw_values((6, 2), "c16", 3)
    q, r = run_chain("qr", [x]).values()
    check_orthonormal(q, n_levels=1)
    # numbers this small are multiples of 2^-1074
    np.testing.assert_allclose(q @ r, x, rtol=0, atol=20 * 2.0**-1074)


def test_what_is_no_matrix_of_numbers_is_refused_with_a_way_out() -> None:
    for x in (np.ones(3), np.ones((2, 3, 4))):
        with pytest.raises(SpecError, match="one matrix is factored"):
            plan_arrays("qr", [x])
    with pytest.raises(InputUnsupportedError, match=r"float32\(x\)"):
        plan_arrays("qr", [np.ones((3, 2), "f2")])


def test_rows_are_many_times_the_columns_while_they_fit() -> None:
    assert choose_rows(10**7, 1000, np.dtype("f4"), Limits()) == 8000
    assert choose_rows(10**7, 2500, np.dtype("f8"), Limits(task_host_bytes=640 << 20)) == 20_000
    assert choose_rows(50, 7, np.dtype("f4"), Limits()) == 50
    # of many columns they fill half of the memory
    assert choose_rows(10**7, 5000, np.dtype("f8"), Limits(task_host_bytes=640 << 20)) == 13_421
    with pytest.raises(CannotFitError, match="--memory"):
        choose_rows(10**7, 4000, np.dtype("f8"), Limits())


def test_a_terabyte_is_planned_in_a_few_levels() -> None:
    header = ArrayHeader("x.npy", (500_000_000, 500), np.dtype("f4"))
    plan = plan_chain(OPERATIONS["qr"], [header], {}, budget=Budget(16 << 30))
    assert [step.name for step in plan.steps if step.operation.name == "factors"] == [
        "factors",
        "tree.factors",
        "tree.tree.factors",
        "tree.tree.tree.factors",
    ]
    assert plan.output.shape == (500_000_000, 500)
