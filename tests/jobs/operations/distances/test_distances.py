"""Distances of tiles: SciPy's values, exact zeros, and bounds derived in the module; on NumPy and on torch."""

from __future__ import annotations

from typing import Any, get_args

import array_api_compat.torch as txp
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.spatial.distance import cdist

from arraymill.jobs.operations.distances.distances import (
    NEAR,
    NEAR_FLOAT32,
    Metric,
    distances,
    expand_squares,
    finish_distances,
    pair_distances,
    to_unit,
    wide_rows,
)

METRICS: tuple[Metric, ...] = get_args(Metric)
U = 2.0**-53


def compute(library: str, a: NDArray[Any], b: NDArray[Any], metric: Metric, near: float = NEAR) -> NDArray[Any]:
    if library == "numpy":
        found = distances(np, wide_rows(np, a), wide_rows(np, b), metric, near=near)
        return np.asarray(finish_distances(np, found, metric))
    rows = [wide_rows(txp, torch.from_numpy(x.copy())) for x in (a, b)]
    return np.asarray(finish_distances(txp, distances(txp, *rows, metric, near=near), metric).numpy())


def scipys(a: NDArray[Any], b: NDArray[Any], metric: Metric) -> NDArray[Any]:
    wide = a.astype(np.longdouble), b.astype(np.longdouble)
    if metric == "dot":
        return np.asarray(wide[0] @ wide[1].T).astype(np.float64)
    if metric == "cosine":
        return np.asarray(cdist(a.astype(float), b.astype(float), metric))
    difference = wide[0][:, None] - wide[1][None]
    if metric == "cityblock":
        return np.abs(difference).sum(axis=2).astype(np.float64)
    squares = (difference**2).sum(axis=2)
    return (np.sqrt(squares) if metric == "euclidean" else squares).astype(np.float64)


def allowed(a: NDArray[Any], b: NDArray[Any], metric: Metric, want: NDArray[Any], near: float) -> NDArray[Any]:
    d = a.shape[1]
    if metric in ("sqeuclidean", "euclidean", "cityblock"):
        return np.asarray(want * max(4 * U / near, (d + 4) * U))
    # of unit vectors SciPy's own error is (d + 4) u of 1; a product's gamma_d |a||b|
    scale = 1.0 if metric == "cosine" else np.linalg.norm(a, axis=1)[:, None] * np.linalg.norm(b, axis=1)
    return np.asarray(2 * (d + 8) * U * scale + want * (4 * U / near if metric == "cosine" else 0))


@settings(max_examples=40)
@given(
    library=st.sampled_from(("numpy", "torch")),
    metric=st.sampled_from(METRICS),
    d=st.sampled_from((1, 3, 6, 7, 20, 64)),
    offset=st.sampled_from((0.0, 1e3, 1e8)),
    spread=st.sampled_from((1.0, 1e-3)),
    seed=st.integers(0, 100),
)
def test_values_are_scipys_and_equal_rows_are_at_0(
    library: str, metric: Metric, d: int, offset: float, spread: float, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    a = rng.normal(size=(7, d)) * spread + offset
    b = np.concatenate([a[3:5], rng.normal(size=(9, d)) * spread + offset, a[:1] + 2.0**-20 * spread])
    near = (NEAR, NEAR_FLOAT32)[seed % 2]
    got, want = compute(library, a, b, metric, near), scipys(a, b, metric)
    assert (np.abs(got - want) <= allowed(a, b, metric, want, near)).all()
    if metric != "dot":
        assert got[3, 0] == got[4, 1] == 0
        assert (got >= 0).all()


def test_the_expansion_alone_is_wrong_for_near_rows() -> None:
    a = np.random.default_rng(0).normal(size=(50, 64)) + 1e6 * np.arange(2).repeat(25)[:, None]
    squares = expand_squares(np, a, a)[0]
    assert np.abs(squares.diagonal()).max() > 1e-4
    assert (distances(np, a, a, "sqeuclidean").diagonal() == 0).all()


def test_the_bound_of_the_expansion_holds() -> None:
    rng = np.random.default_rng(1)
    for d in (8, 64, 300):
        a, b = rng.normal(size=(40, d)) * 100, rng.normal(size=(30, d)) + 7
        squares, a_norms, b_norms = expand_squares(np, a, b)
        error = np.abs(squares - scipys(a, b, "sqeuclidean"))
        assert (error <= 4 * (d + 6) * U * (a_norms[:, None] + b_norms)).all()


@pytest.mark.parametrize("library", ["numpy", "torch"])
@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("d", [3, 20])
def test_what_is_not_finite_is_scipys(library: str, metric: Metric, d: int) -> None:
    a = np.random.default_rng(2).normal(size=(6, d))
    a[1, 0], a[2, 1], a[3] = np.nan, np.inf, 0
    with np.errstate(all="ignore"):
        got = compute(library, a, a, metric)
        want = a @ a.T if metric == "dot" else cdist(a, a, metric)
    np.testing.assert_array_equal(np.isnan(got), np.isnan(want))
    np.testing.assert_array_equal(np.isinf(got), np.isinf(want))


@pytest.mark.parametrize("library", ["numpy", "torch"])
def test_squares_that_overflow_are_computed_from_differences(library: str) -> None:
    a = np.full((2, 10), 1e200)
    a[1, 0] = 1e200 * (1 + 1e-15)
    assert compute(library, a, a, "cityblock")[0, 1] > 0
    got = compute(library, a * 2.0**-20, a * 2.0**-20, "cosine")
    assert (got.diagonal() == 0).all()
    assert compute(library, a, a, "sqeuclidean")[0, 0] == 0


@pytest.mark.parametrize("metric", METRICS)
def test_rows_without_columns_are_all_at_0_and_have_no_angle(metric: Metric) -> None:
    want = np.full((2, 3), np.nan if metric == "cosine" else 0.0)
    np.testing.assert_array_equal(compute("numpy", np.empty((2, 0)), np.empty((3, 0)), metric), want)


@pytest.mark.parametrize("library", ["numpy", "torch"])
@pytest.mark.parametrize("metric", METRICS)
def test_a_pair_has_the_same_bits_wherever_it_is(library: str, metric: Metric) -> None:
    xp: Any = np if library == "numpy" else txp
    rng = np.random.default_rng(3)
    a, b = rng.normal(size=(5, 33)), rng.normal(size=(400, 33))
    b[123] = b[7]
    left, right = (xp.asarray(x) for x in (a, b))
    every = xp.asarray(np.arange(400))
    together = np.asarray(pair_distances(xp, left, right, xp.zeros_like(every) + 2, every, metric))
    for n in (7, 123, 399):
        alone = np.asarray(pair_distances(xp, left, right, xp.asarray([2]), xp.asarray([n]), metric))
        assert alone.tobytes() == together[n : n + 1].tobytes()
    assert together[7] == together[123]


def test_unit_rows_have_length_1() -> None:
    rows = to_unit(np, np.random.default_rng(4).normal(size=(9, 5)) * 1e-300)
    np.testing.assert_allclose((rows**2).sum(axis=1), 1, rtol=1e-15)
