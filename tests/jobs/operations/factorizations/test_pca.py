"""pca: scikit-learn's shapes, dtypes, attributes and signs, by each solver, also where the mean is large."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from in_process_jobs import ShuffledSession, plan_arrays, run_chain
from numpy.typing import NDArray
from operation_contract import LAYOUTS, byte_orders, lay_out
from sklearn.decomposition import PCA

from arraymill.jobs.engine import BackendKind
from arraymill.jobs.errors import InputError, InputUnsupportedError, SpecError
from arraymill.jobs.operations import OPERATIONS

NAMES = ["scores", "components", "explained_variance", "explained_variance_ratio", "singular_values", "mean"]
SHAPES = ((200, 5), (60, 1), (2, 3), (9, 9), (5, 30))


def samples(shape: tuple[int, int], code: str, seed: int, *, mean: float = 3.0) -> NDArray[Any]:
    """Return samples whose variances along their components are 4^-i, each well apart from the next."""
    rng, side = np.random.default_rng(seed), min(shape)
    u, _ = np.linalg.qr(rng.standard_normal((shape[0], side)))
    v, _ = np.linalg.qr(rng.standard_normal((shape[1], side)))
    scale = 100.0 if code[0] == "i" else 1.0
    x = scale * np.sqrt(shape[0]) * (u * 2.0 ** -np.arange(side)) @ v.T + mean
    return np.asarray(np.rint(x) if code[0] == "i" else x).astype(code)


def fit(x: NDArray[Any], **params: Any) -> dict[str, NDArray[Any]]:
    """Return scikit-learn's answer, in float64."""
    model = PCA(**params, svd_solver="full").fit(x.astype("f8"))
    attributes = [np.asarray(getattr(model, f"{name}_")) for name in NAMES[1:]]
    return dict(zip(NAMES, [model.transform(x.astype("f8")), *attributes], strict=True))


def check(made: dict[str, NDArray[Any]], x: NDArray[Any], eps: float, **params: Any) -> None:
    """Assert what a relative error of the covariance may change: a variance by it (Weyl), a direction by it divided by
    the gap to the next variance (Davis and Kahan), a score by that of its direction.
    """
    want = fit(x, **params)
    spread = float(want["explained_variance"][0])
    k = len(want["explained_variance"])
    all_variances = np.append(fit(x)["explained_variance"], 0)
    gaps = np.abs(np.diff(all_variances))
    gaps = np.minimum(gaps, np.append(np.inf, gaps[:-1]))[:k]
    n = x.shape[1]
    turned = np.minimum(4 * eps * np.sqrt(n) * spread / np.where(gaps > 0, gaps, np.inf), 2)
    sizes = np.abs(x.astype("f8") - want["mean"]).max() * np.sqrt(n)
    np.testing.assert_allclose(made["mean"], want["mean"], rtol=eps, atol=eps * np.abs(x).max())
    allowed = {
        "explained_variance": 4 * eps * np.sqrt(n) * spread,
        "explained_variance_ratio": 8 * eps * np.sqrt(n),
        "components": turned[:, None] + 4 * eps,
        "scores": (turned + 4 * eps) * sizes,
    }
    is_clear = gaps > 100 * eps * spread
    for name, bound in allowed.items():
        error = np.abs(made[name] - want[name])
        if name == "components":
            error, bound = error[is_clear], np.broadcast_to(bound, error.shape)[is_clear]
        elif name == "scores":
            error, bound = error[:, is_clear], np.broadcast_to(bound, error.shape)[:, is_clear]
        assert (error <= bound).all(), (name, error, bound)


@pytest.mark.parametrize("backend", ["numpy", "torch-cpu"])
@settings(max_examples=25)
@given(
    shape=st.sampled_from(SHAPES),
    code=st.sampled_from(("f4", "f8", "i4")),
    solver=st.sampled_from(("covariance", "tsqr", "randomized")),
    n_components=st.sampled_from((None, 1)),
    layout=st.sampled_from(LAYOUTS),
    byte_order=byte_orders,
    block_bytes=st.sampled_from((None, 2000)),
    seed=st.integers(0, 9),
)
def test_results_are_those_of_scikit_learn(
    backend: BackendKind,
    shape: Any,
    code: str,
    solver: str,
    n_components: int | None,
    layout: str,
    byte_order: Any,
    block_bytes: int | None,
    seed: int,
) -> None:
    x = samples(shape, code, seed)
    params = {"solver": solver, "n_components": n_components}
    where: dict[str, Any] = {"backend": backend, "block_bytes": block_bytes, "session": ShuffledSession(seed)}
    made = run_chain("pca", [lay_out(x, layout, byte_order)], params, **where)
    assert list(made) == NAMES
    theirs = PCA(n_components, svd_solver="full").fit(x)
    k = theirs.n_components_
    assert made["scores"].shape == (shape[0], k)
    assert made["components"].shape == theirs.components_.shape
    assert {array.dtype for array in made.values()} == {np.dtype("f4" if code == "f4" else "f8")}
    # a product of up to 200 rows is within gamma_200, or 100 eps (Higham 2002, equation 3.13); float32 is rounded again
    eps = (200 if code == "f4" else 100) * float(np.finfo(made["scores"].dtype).eps)
    check(made, x, eps, n_components=n_components)


@pytest.mark.parametrize("solver", ["covariance", "tsqr"])
@pytest.mark.parametrize("code", ["f4", "f8"])
def test_a_large_mean_does_not_drown_the_variances(solver: str, code: str) -> None:
    x = samples((400, 4), code, 1, mean=1e4 if code == "f4" else 1e8)
    # what the samples themselves were rounded by is not ours: scikit-learn gets the same samples, in float64
    made = run_chain("pca", [x], {"solver": solver}, block_bytes=4000)
    want = fit(x)
    spread = want["explained_variance"][0]
    eps = float(np.finfo(code).eps)
    np.testing.assert_allclose(made["explained_variance"], want["explained_variance"], atol=20 * eps * spread)
    clear = want["explained_variance"] > 1e4 * eps * spread
    clear[-1] = False
    allowed = 1e-3 if code == "f4" else 1e-7
    np.testing.assert_allclose(made["components"][clear], want["components"][clear], atol=allowed)


def test_strict_keeps_small_variances_that_a_covariance_loses() -> None:
    rng = np.random.default_rng(4)
    x = rng.standard_normal((500, 3)) * [1, 1e-4, 1e-9]
    exact = fit(x)["explained_variance"]
    strict = run_chain("pca", [x], precision="strict", block_bytes=4000)["explained_variance"]
    np.testing.assert_allclose(strict, exact, rtol=1e-5)
    assert plan_arrays("pca", [x], precision="strict").notes[-1] == "solver tsqr"


def test_whitened_scores_have_unit_variance() -> None:
    x = samples((300, 4), "f8", 2)
    model = PCA(3, whiten=True, svd_solver="full")
    expected = model.fit_transform(x)
    made = run_chain("pca", [x], {"n_components": 3, "whiten": True}, block_bytes=3000)
    np.testing.assert_allclose(made["scores"], expected, atol=1e-10)
    np.testing.assert_allclose(made["scores"].var(axis=0, ddof=1), 1, rtol=1e-12)
    oracle = OPERATIONS["pca"].oracle([x], OPERATIONS["pca"].params(n_components=3, whiten=True))
    for got, want in zip(made.values(), oracle, strict=True):
        np.testing.assert_allclose(got, want, atol=1e-10)


@pytest.mark.parametrize("solver", ["covariance", "tsqr", "randomized"])
@pytest.mark.parametrize(("code", "scale"), [("f4", 1e-25), ("f4", 1e25), ("f8", 1e-130), ("f8", 1e140)])
def test_singular_values_and_directions_are_known_where_squares_are_small_or_large(
    solver: str, code: str, scale: float
) -> None:
    x = samples((200, 5), "f8", 4)
    made = run_chain("pca", [(x * scale).astype(code)], {"solver": solver, "n_components": 2})
    want = fit(x, n_components=2)
    eps = 4 * 2088 * (2.0**-24 if code == "f4" else 2.0**-53)
    np.testing.assert_allclose(made["singular_values"] / scale, want["singular_values"], rtol=eps)
    np.testing.assert_allclose(made["components"], want["components"], atol=4 * eps)


@pytest.mark.parametrize("scale", [1e-170, 1e160])
def test_tsqr_needs_no_squares(scale: float) -> None:
    x = samples((200, 5), "f8", 4)
    made = run_chain("pca", [x * scale], {"solver": "tsqr"})
    want = fit(x)
    np.testing.assert_allclose(made["singular_values"] / scale, want["singular_values"], rtol=1e-12)
    np.testing.assert_allclose(made["components"], want["components"], atol=1e-12)


def test_what_has_no_components_is_refused() -> None:
    cases = (((1, 3), {}, "no variance"), ((5, 0), {}, "no variance"), ((5, 3), {"n_components": 4}, "between 1 and"))
    for shape, params, message in cases:
        with pytest.raises(SpecError, match=message):
            plan_arrays("pca", [np.ones(shape)], params)
    with pytest.raises(InputUnsupportedError, match="complex"):
        plan_arrays("pca", [np.ones((3, 2), "c8")])
    x = samples((100, 3), "f8", 1)
    x[40, 2] = np.nan
    for solver in ("covariance", "tsqr", "randomized"):
        with pytest.raises(InputError, match="NaN or infinite"):
            run_chain("pca", [x], {"solver": solver}, block_bytes=800)
