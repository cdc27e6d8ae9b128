"""lstsq: NumPy's shapes, dtypes, ranks and refusals; x within what conditioning allows of NumPy's, in every cut."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from factor_checks import hard_matrix, wide
from hypothesis import given, settings
from hypothesis import strategies as st
from in_process_jobs import ShuffledSession, plan_arrays, run_chain
from operation_contract import LAYOUTS, draw_values, lay_out

from arraymill.jobs.engine import BackendKind
from arraymill.jobs.errors import InputError, InputUnsupportedError, SpecError

SHAPES = (((1, 1), (1,)), ((30, 1), (30,)), ((200, 5), (200, 3)), ((200, 5), (200,)), ((6, 6), (6, 2)), ((4, 9), (4,)))
CODES = ("f4", "f8", "c8", "c16", "i4")


@pytest.mark.parametrize("backend", ["numpy", "torch-cpu"])
@settings(max_examples=20)
@given(
    shapes=st.sampled_from(SHAPES),
    codes=st.tuples(st.sampled_from(CODES), st.sampled_from(CODES)),
    layout=st.sampled_from(LAYOUTS),
    block_bytes=st.sampled_from((None, 300, 2500)),
    seed=st.integers(0, 9),
)
def test_solutions_are_numpys(
    backend: BackendKind, shapes: Any, codes: Any, layout: str, block_bytes: int | None, seed: int
) -> None:
    a, b = (draw_values(shape, code, seed + n) for n, (shape, code) in enumerate(zip(shapes, codes, strict=True)))
    x, residuals, rank, s = np.linalg.lstsq(a, b)
    made = run_chain(
        "lstsq",
        [lay_out(a, layout, "="), lay_out(b, layout, ">")],
        backend=backend,
        block_bytes=block_bytes,
        session=ShuffledSession(seed),
    )
    assert list(made) == ["x", "residuals", "rank", "s"]
    assert made["rank"] == rank
    expected = {"x": x, "residuals": residuals, "s": s}
    is_full = rank == min(a.shape)
    for name, want in expected.items():
        assert made[name].dtype == want.dtype
        assert made[name].shape == want.shape or (name == "residuals" and not is_full)
    if is_full:
        check_solution(a, b, made["x"], x)


def check_solution(a: Any, b: Any, got: Any, want: Any) -> None:
    """Assert that two answers differ by what a backward error of eps sqrt(n) may move them (Higham 2002, theorem 20.1).

    NumPy's is one of them, computed in float64; ours is rounded to the dtype of the result.
    """
    exact, _, _, s = np.linalg.lstsq(wide(a), wide(b))
    condition, n = s[0] / s[-1], a.shape[1]
    rest = np.linalg.norm(wide(b) - wide(a) @ exact)
    moved = condition * np.linalg.norm(exact) + condition**2 * rest / s[0] + condition * np.linalg.norm(b) / s[0]
    allowed = 100 * 2.0**-52 * np.sqrt(n) * moved + np.finfo(got.dtype).eps * np.linalg.norm(exact)
    assert np.linalg.norm(got - exact) <= allowed
    assert np.linalg.norm(got - want) <= allowed + 100 * np.finfo(got.dtype).eps * np.sqrt(n) * moved


@pytest.mark.parametrize("kind", ["rank one", "zero column", "zeros", "hilbert", "graded"])
@pytest.mark.parametrize("block_bytes", [None, 1500])
def test_of_less_than_full_rank_the_shortest_is_found(kind: str, block_bytes: int | None) -> None:
    a = hard_matrix(kind)
    b = np.random.default_rng(3).standard_normal((len(a), 2))
    x, _, rank, s = np.linalg.lstsq(a, b)
    made = run_chain("lstsq", [a, b], block_bytes=block_bytes)
    assert made["rank"] == rank
    np.testing.assert_allclose(made["s"], s, atol=20 * 2.0**-52 * np.sqrt(6) * s[0])
    kept = s[: int(rank)]
    allowed = 100 * 2.0**-52 * np.sqrt(6) * (kept[0] / kept[-1]) ** 2 * np.linalg.norm(b) / kept[0] if rank else 0.0
    assert np.linalg.norm(made["x"] - x) <= allowed
    residuals = np.sum((b - a @ made["x"]) ** 2, axis=0)
    np.testing.assert_allclose(made["residuals"], residuals, rtol=1e-9)


def test_what_is_nearly_solved_is_left_nearly_nothing() -> None:
    """The residual is that of the factors, not a difference of large squares."""
    rng = np.random.default_rng(0)
    a, x = rng.standard_normal((500, 4)), np.arange(1.0, 5)
    noise = 1e-9 * rng.standard_normal(500)
    made = run_chain("lstsq", [a, a @ x + noise], block_bytes=4000)
    np.testing.assert_allclose(made["residuals"], np.linalg.lstsq(a, a @ x + noise)[1], rtol=1e-4)


def test_rcond_is_numpys() -> None:
    a = hard_matrix("graded")
    b = np.ones(len(a))
    for rcond in (1e-3, 0.5):
        x, _, rank, _ = np.linalg.lstsq(a, b, rcond=rcond)
        made = run_chain("lstsq", [a, b], {"rcond": rcond}, block_bytes=1500)
        assert made["rank"] == rank
        np.testing.assert_allclose(made["x"], x, rtol=1e-6, atol=1e-20)


@pytest.mark.parametrize("block_bytes", [None, 200])
@pytest.mark.parametrize(
    ("a", "b"),
    [
        *(((0, 4), (0,)), ((0, 4), (0, 2)), ((0, 4), (0, 0)), ((0, 0), (0,)), ((50, 0), (50,)), ((50, 0), (50, 2))),
        *(((50, 3), (50, 0)), ((2, 4), (2, 0)), ((50, 0), (50, 0))),
    ],
)
def test_of_nothing_there_is_what_numpy_has(a: Any, b: Any, block_bytes: int | None) -> None:
    operands = [np.ones(a), np.ones(b)]
    made = run_chain("lstsq", operands, block_bytes=block_bytes)
    for got, want in zip(made.values(), np.linalg.lstsq(*operands), strict=True):
        assert got.shape == np.shape(want)
        np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-12)


def test_what_does_not_fit_is_refused() -> None:
    cases = (
        ((4, 2), (5,), "Incompatible dimensions"),
        ((4,), (4,), "one matrix"),
        ((4, 2), (4, 1, 1), "3 axes"),
    )
    for a, b, message in cases:
        with pytest.raises(SpecError, match=message):
            plan_arrays("lstsq", [np.ones(a), np.ones(b)])
    with pytest.raises(InputUnsupportedError, match="float16"):
        plan_arrays("lstsq", [np.ones((3, 2)), np.ones(3, "f2")])
    b = np.ones(40)
    b[3] = np.nan
    with pytest.raises(InputError, match="did not converge"):
        run_chain("lstsq", [hard_matrix("huge", 40, 2) / 1e200, b], block_bytes=300)
