"""`knn` by every step of a job but files and processes, against its oracle and scikit-learn."""

from __future__ import annotations

from typing import Any, get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from in_process_jobs import plan_arrays, run_arrays, run_chain
from sklearn.neighbors import NearestNeighbors

from arraymill.jobs.errors import CannotFitError, SpecError
from arraymill.jobs.limits import Budget
from arraymill.jobs.operations.distances.distances import Metric
from arraymill.jobs.operations.distances.knn import KNN, KnnParams


@settings(max_examples=25)
@given(
    metric=st.sampled_from(get_args(Metric)),
    m=st.sampled_from((0, 1, 30)),
    d=st.sampled_from((1, 3, 20)),
    codes=st.sampled_from(("dd", "ff", "fd", "iB")),
    k=st.sampled_from((1, 7, 90)),
    block_bytes=st.sampled_from((None, 1, 300, 5000)),
)
def test_it_is_the_oracle_whatever_the_spans_are(
    metric: Metric, m: int, d: int, codes: str, k: int, block_bytes: int | None
) -> None:
    rng = np.random.default_rng(m + d)
    database, queries = (
        (rng.integers(0, 5, (n, d)) + rng.random((n, d)) * (code in "df")).astype(code)
        for n, code in zip((90, m), codes, strict=True)
    )
    made = run_chain("knn", [database, queries], {"k": k, "metric": metric}, block_bytes=block_bytes)
    indices, distances = KNN.oracle([database, queries], KnnParams(k=k, metric=metric))
    eps = float(np.finfo(distances.dtype).eps)
    np.testing.assert_allclose(made["distances"], distances, rtol=20 * eps, atol=1e-14 * d)
    assert (made["distances"].dtype, made["indices"].dtype) == (distances.dtype, np.int64)
    # cosine's own formula rounds otherwise, and so breaks ties otherwise
    if metric != "cosine":
        np.testing.assert_array_equal(made["indices"], indices)


@pytest.mark.parametrize("metric", get_args(Metric))
def test_points_without_coordinates_are_all_in_one_place(metric: Metric) -> None:
    for backend in ("numpy", "torch-cpu"):
        made = run_chain("knn", [np.ones((7, 0)), np.ones((4, 0))], {"k": 2, "metric": metric}, backend=backend)
        assert made["indices"].tolist() == [[0, 1]] * 4
        # which has an angle to another as little as rows of 0 have
        np.testing.assert_array_equal(made["distances"], np.full((4, 2), np.nan if metric == "cosine" else 0))


@pytest.mark.parametrize("backend", ["numpy", "torch-cpu", "fake"])
def test_scikit_learn_finds_the_same(backend: Any) -> None:
    rng = np.random.default_rng(0)
    database, queries = rng.normal(size=(3000, 16)), rng.normal(size=(50, 16))
    for metric in ("euclidean", "cosine", "cityblock"):
        model = NearestNeighbors(n_neighbors=5, algorithm="brute", metric=metric).fit(database)
        distances, indices = model.kneighbors(queries)
        made = run_chain("knn", [database, queries], {"k": 5, "metric": metric}, backend=backend, block_bytes=100_000)
        np.testing.assert_array_equal(made["indices"], indices)
        np.testing.assert_allclose(made["distances"], distances, rtol=1e-7, atol=1e-12)


@pytest.mark.parametrize("backend", ["numpy", "fake"])
def test_among_its_own_rows_each_comes_first_but_for_equal_ones_before_it(backend: Any) -> None:
    x = (np.random.default_rng(1).normal(size=(800, 12)) + 300).astype(np.float32)
    x[700:750] = x[:50]
    made = run_chain("knn", [x, x], {"k": 2}, backend=backend, block_bytes=10_000)
    assert (made["distances"][:, 0] == 0).all()
    assert made["distances"].dtype == np.float32
    np.testing.assert_array_equal(made["indices"][:, 0], np.r_[0:700, 0:50, 750:800])
    np.testing.assert_array_equal(made["indices"][:50, 1], np.r_[700:750])


def test_the_main_result_is_the_indices() -> None:
    x = np.arange(10.0)[:, None]
    assert run_arrays("knn", [x, x[3:4] + 0.1], {"k": 2}).tolist() == [[3, 4]]


def test_nan_is_the_last_neighbour() -> None:
    x = np.array([[np.nan], [2.0], [np.inf], [0.0]])
    made = run_chain("knn", [x, np.array([[1.0], [np.nan]])], {"k": 4}, block_bytes=16)
    assert made["indices"].tolist() == [[1, 3, 2, 0], [0, 1, 2, 3]]
    np.testing.assert_array_equal(made["distances"], [[1, 1, np.inf, np.nan], [np.nan] * 4])


def test_what_cannot_work_is_refused() -> None:
    x = np.ones((5, 2))
    with pytest.raises(SpecError, match="5 rows, fewer than k = 6"):
        plan_arrays("knn", [x, x], {"k": 6})
    for params in ({}, {"k": 0}, {"k": 1, "metric": "minkowski"}):
        with pytest.raises(SpecError):
            plan_arrays("knn", [x, x], params)
    with pytest.raises(SpecError, match="as many columns"):
        plan_arrays("knn", [x, np.ones((5, 3))], {"k": 1})
    with pytest.raises(CannotFitError, match="rows of 1000000 columns"):
        plan_arrays("knn", [np.empty((50, 10**6), np.float16)] * 2, {"k": 1}, budget=Budget(1 << 30))


@pytest.mark.parametrize("backend", ["numpy", "fake"])
@pytest.mark.parametrize("m", [100, 10**6])
def test_tasks_keep_to_their_memory_whatever_the_shapes(backend: Any, m: int) -> None:
    arrays = [np.broadcast_to(np.float32(0), (n, 64)) for n in (10**8, m)]
    plan = plan_arrays("knn", arrays, {"k": 10}, backend=backend)
    for step in plan.steps:
        assert step.plan.task_host_bytes <= plan.limits.task_host_bytes
        assert step.plan.task_device_bytes <= plan.limits.task_device_bytes
    n_spans = plan.steps[0].plan.output.shape[0]
    assert plan.steps[0].plan.stage.grid.n_blocks >= 20
    assert n_spans <= 1000
