"""svd: NumPy's shapes, dtypes and singular values, orthonormal vectors of fixed signs, for every matrix and cut."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from factor_checks import HARD, check_orthonormal, check_product, hard_matrix, wide
from hypothesis import given, settings
from hypothesis import strategies as st
from in_process_jobs import ShuffledSession, plan_arrays, run_chain
from operation_contract import LAYOUTS, byte_orders, draw_values, lay_out
from sklearn.utils.extmath import svd_flip

from arraymill.jobs.engine import BackendKind
from arraymill.jobs.errors import InputError, SpecError
from arraymill.jobs.plans.chain_plan import ChainPlan

SHAPES = ((1, 1), (13, 1), (5, 5), (40, 3), (257, 7), (3, 9), (1, 40), (6, 200), (0, 3), (4, 0))


@pytest.mark.parametrize("backend", ["numpy", "torch-cpu"])
@settings(max_examples=25)
@given(
    shape=st.sampled_from(SHAPES),
    code=st.sampled_from(("f4", "f8", "c8", "c16", "i4")),
    layout=st.sampled_from(LAYOUTS),
    byte_order=byte_orders,
    block_bytes=st.sampled_from((None, 300, 1500)),
    seed=st.integers(0, 9),
)
def test_factors_have_numpys_shapes_and_make_the_array(
    backend: BackendKind, shape: Any, code: str, layout: str, byte_order: Any, block_bytes: int | None, seed: int
) -> None:
    native = draw_values(shape, code, seed)
    expected = np.linalg.svd(native, full_matrices=False)
    x, session = lay_out(native, layout, byte_order), ShuffledSession(seed)
    made = run_chain("svd", [x], backend=backend, block_bytes=block_bytes, session=session)
    assert list(made) == ["u", "s", "vh"]
    u, s, vh = made.values()
    assert [(a.shape, a.dtype) for a in (u, s, vh)] == [(a.shape, a.dtype) for a in expected]
    plan = plan_arrays("svd", [x], block_bytes=block_bytes)
    assert isinstance(plan, ChainPlan)
    n_levels = 1 + sum(step.operation.name == "factors" for step in plan.steps)
    check_product(native, wide(u) * s @ wide(vh), u.dtype)
    check_orthonormal(u, n_levels=n_levels)
    check_orthonormal(vh.conj().T, n_levels=n_levels)
    # Weyl: a singular value moves by no more than the matrix
    allowed = 20 * np.finfo(s.dtype).eps * np.sqrt(min(shape)) * np.linalg.norm(expected[1])
    assert np.abs(s - expected[1]).max(initial=0) <= allowed
    alone = run_chain("svd", [x], {"compute_uv": False}, backend=backend, block_bytes=block_bytes)
    assert list(alone) == ["s"]
    assert np.abs(alone["s"] - expected[1]).max(initial=0) <= allowed


@pytest.mark.parametrize("kind", HARD)
@pytest.mark.parametrize("block_bytes", [None, 1500])
@pytest.mark.parametrize("is_wide", [False, True])
def test_nothing_is_lost_on_hard_matrices(kind: str, block_bytes: int | None, is_wide: bool) -> None:
    x = hard_matrix(kind)
    x = x.T if is_wide else x
    u, s, vh = run_chain("svd", [x], block_bytes=block_bytes).values()
    check_product(x, u * s @ vh, u.dtype)
    check_orthonormal(u, n_levels=4)
    check_orthonormal(vh.T, n_levels=4)
    assert (np.diff(s) <= 0).all()


@pytest.mark.parametrize("block_bytes", [None, 3000])
def test_signs_are_those_of_scikit_learn(block_bytes: int | None) -> None:
    x = np.random.default_rng(3).standard_normal((200, 6))
    u, s, vh = np.linalg.svd(x, full_matrices=False)
    u, vh = svd_flip(u, vh, u_based_decision=False)
    made = run_chain("svd", [x], block_bytes=block_bytes, session=ShuffledSession(2))
    for name, expected in (("u", u), ("s", s), ("vh", vh)):
        np.testing.assert_allclose(made[name], expected, atol=1e-12)
    wide_made = run_chain("svd", [x.T], block_bytes=block_bytes)
    np.testing.assert_allclose(wide_made["u"], vh.T, atol=1e-12)
    np.testing.assert_allclose(wide_made["vh"], u.T, atol=1e-12)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_has_no_svd_is_refused_as_numpy_refuses_nan(value: float) -> None:
    x = np.ones((40, 3))
    x[7, 1] = value
    if np.isnan(value):
        with pytest.raises(np.linalg.LinAlgError):
            np.linalg.svd(x)
    for block_bytes in (None, 300):
        with pytest.raises(InputError, match="NaN or infinite"):
            run_chain("svd", [x], block_bytes=block_bytes)


def decaying(code: str, shape: tuple[int, int]) -> Any:
    """Return a matrix with singular values 2^-i, and those."""
    rng, side = np.random.default_rng(8), min(shape)
    u, v = (np.linalg.qr(draw_values((n, side), "c16" if code[0] == "c" else "f8", 3))[0] for n in shape)
    s = 2.0 ** -np.arange(side)
    u *= rng.choice([-1, 1], side)
    return ((u * s) @ v.conj().T).astype(code), s


@pytest.mark.parametrize(
    ("backend", "code"), [("numpy", "f4"), ("numpy", "f8"), ("numpy", "c8"), ("torch-cpu", "c16"), ("torch-cpu", "f4")]
)
@pytest.mark.parametrize("shape", [(200, 30), (30, 200)])
def test_the_largest_few_are_approximated(backend: BackendKind, code: str, shape: tuple[int, int]) -> None:
    x, exact = decaying(code, shape)
    params, k = {"k": 5, "seed": 3}, 5
    made = run_chain("svd", [x], params, backend=backend, block_bytes=50_000, session=ShuffledSession(1))
    u, s, vh = made["u"], made["s"], made["vh"]
    assert [a.shape for a in (u, s, vh)] == [(shape[0], k), (k,), (k, shape[1])]
    assert (u.dtype, s.dtype, vh.dtype) == (x.dtype, s.dtype, x.dtype)
    # products are rounded in the dtype of x: Higham 2002, equation 3.13, for the longer side, and Weyl
    eps = float(np.finfo(s.dtype).eps)
    np.testing.assert_allclose(s, exact[:k], atol=4 * max(shape) ** 0.5 * eps)
    check_orthonormal(u, n_levels=3)
    check_orthonormal(vh.conj().T, n_levels=3)
    left_out = np.linalg.norm(wide(x) - wide(u) * s @ wide(vh), 2)
    assert left_out <= 1.01 * exact[k] + 4 * max(shape) ** 0.5 * eps
    largest = vh[np.arange(k), np.argmax(np.abs(vh), axis=1)]
    assert (largest.real > 0).all()
    np.testing.assert_allclose(largest.imag, 0, atol=2 * eps)
    alone = run_chain("svd", [x], {**params, "compute_uv": False}, backend=backend, block_bytes=50_000)
    np.testing.assert_allclose(alone["s"], s, atol=4 * max(shape) ** 0.5 * eps)


def test_an_approximation_is_that_of_its_seed_and_says_what_it_costs() -> None:
    x = draw_values((200, 30), "f8", 1)
    cut: dict[str, Any] = {"block_bytes": 10_000}
    answers = [run_chain("svd", [x], {"k": 3, "seed": seed}, **cut)["u"].tobytes() for seed in (1, 1, 2)]
    assert answers[0] == answers[1] != answers[2]
    plan = plan_arrays("svd", [x], {"k": 3, "seed": 1, "power_iterations": 2}, **cut)
    assert "k=3: approximated by 13 random columns (seed 1) and 2 power iterations; x is read 6 times" in plan.notes
    for k in (0, 31):
        with pytest.raises(SpecError, match="ask for 1 to 30"):
            plan_arrays("svd", [x], {"k": k})


@pytest.mark.parametrize("shape", [(200, 30), (30, 200), (1, 5), (5, 1)])
@pytest.mark.parametrize("code", ["f4", "c16", "i4"])
def test_the_largest_few_of_a_small_array_are_computed(shape: tuple[int, int], code: str) -> None:
    x, k = draw_values(shape, code, 2), min(3, *shape)
    plan = plan_arrays("svd", [x], {"k": k})
    assert [step.name for step in plan.steps] == ["solved", "u", "s", "vh"]
    assert plan.notes == (f"k={k}: computed, as the array is small",)
    u, s, vh = run_chain("svd", [x], {"k": k}).values()
    expected = np.linalg.svd(x, full_matrices=False)
    eps = 10 * float(np.finfo(s.dtype).eps) * np.sqrt(30)
    assert [a.dtype for a in (u, s, vh)] == [a.dtype for a in expected]
    np.testing.assert_allclose(s, np.linalg.svd(wide(x))[1][:k], atol=eps * np.linalg.norm(x))
    np.testing.assert_allclose(wide(x) @ wide(vh).conj().T, wide(u) * s, atol=2 * eps * np.linalg.norm(x))
    assert (vh[np.arange(k), np.argmax(np.abs(vh), axis=1)].real > 0).all()
    alone = run_chain("svd", [x], {"k": k, "compute_uv": False})
    np.testing.assert_allclose(alone["s"], s, atol=eps * np.linalg.norm(x))


def test_an_array_that_takes_long_is_approximated() -> None:
    plan = plan_arrays("svd", [np.ones((1, 1)) + np.zeros((900, 700))], {"k": 3})
    assert any("approximated" in note for note in plan.notes)
