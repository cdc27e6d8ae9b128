"""The k nearest rows, against sorting all distances; on NumPy to the last bit."""

from __future__ import annotations

from typing import Any, get_args

import array_api_compat.torch as txp
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from arraymill.jobs.operations.distances import nearest
from arraymill.jobs.operations.distances.distances import Metric, pair_distances
from arraymill.jobs.operations.distances.nearest import NO_ROW, first_of_each, nearest_rows

Arrays = tuple[NDArray[Any], NDArray[Any]]


def by_sorting(queries: NDArray[Any], database: NDArray[Any], k: int, metric: Metric) -> Arrays:
    rows, columns = np.divmod(np.arange(len(queries) * len(database)), len(database))
    wide = queries.astype(float), database.astype(float)
    keys = pair_distances(np, *wide, rows, columns, metric).reshape(len(queries), len(database))
    keys = -keys if metric == "dot" else keys
    order = np.argsort(keys, axis=1, kind="stable")[:, :k]
    return np.take_along_axis(keys, order, axis=1), order


def points(kind: str, d: int, dtype: str) -> Arrays:
    rng = np.random.default_rng(d)
    database, queries = rng.normal(size=(700, d)), rng.normal(size=(13, d))
    match kind:
        case "whole":
            database, queries = np.round(database), np.round(queries)
        case "equal":
            database[100:600] = database[:500]
            queries[:5] = database[120:125]
        case "far":
            database, queries = database + 1e5, queries + 1e5
        case "odd":
            database[::3], database[1::3, 0] = np.nan, np.inf
            queries[3], queries[5, 0], queries[7] = np.nan, np.inf, 0
    return queries.astype(dtype), database.astype(dtype)


@settings(max_examples=80)
@given(
    kind=st.sampled_from(("normal", "whole", "equal", "far", "odd")),
    d=st.sampled_from((1, 3, 7, 33)),
    metric=st.sampled_from(get_args(Metric)),
    k=st.sampled_from((1, 4, 650, 700)),
    dtype=st.sampled_from(("f4", "f8")),
)
def test_it_is_the_head_of_all_distances_sorted(kind: str, d: int, metric: Metric, k: int, dtype: str) -> None:
    queries, database = points(kind, d, dtype)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(nearest, "_TILE_ROWS", 100)
        patch.setattr(nearest, "_TILE_ELEMENTS", 500)
        keys, rows = nearest_rows(np, queries, database, k, metric)
    want_keys, want_rows = by_sorting(queries, database, k, metric)
    np.testing.assert_array_equal(rows, want_rows)
    np.testing.assert_array_equal(keys, want_keys)


@pytest.mark.parametrize("metric", get_args(Metric))
@pytest.mark.parametrize("kind", ["normal", "equal", "odd"])
def test_torch_finds_the_same_rows(metric: Metric, kind: str) -> None:
    queries, database = points(kind, 20, "f4")
    keys, rows = nearest_rows(txp, torch.from_numpy(queries), torch.from_numpy(database), 5, metric)
    want_keys, want_rows = by_sorting(queries, database, 5, metric)
    np.testing.assert_array_equal(rows.numpy(), want_rows)
    np.testing.assert_allclose(keys.numpy(), want_keys, rtol=1e-13, atol=1e-15)


def test_a_row_is_nearest_to_itself_and_equal_rows_come_in_order() -> None:
    x = np.random.default_rng(0).normal(size=(3000, 40)) + 1e4
    x[2000:2010] = x[5]
    keys, rows = nearest_rows(np, x, x, 3, "euclidean", first_row=100)
    alone = np.delete(np.arange(3000), np.r_[5, 2000:2010])
    assert (rows[alone, 0] == alone + 100).all()
    assert (keys[:, 0] == 0).all()
    assert rows[2003].tolist() == [105, 2100, 2101]


def test_float32_that_overflows_or_says_too_little_is_left_to_float64() -> None:
    rng = np.random.default_rng(1)
    large = (rng.normal(size=(50, 20)) * 1e25).astype(np.float32)
    # two clusters that are far from each other: float32 cannot tell the rows of one apart
    clusters = (rng.normal(size=(400, 20)) * 1e-3 + np.arange(2).repeat(200)[:, None] * 100).astype(np.float32)
    tiny = (rng.normal(size=(60, 20)) * 1e-22).astype(np.float32)
    for x in (large, clusters, tiny):
        keys, rows = nearest_rows(np, x, x, 2, "sqeuclidean")
        want_keys, want_rows = by_sorting(x, x, 2, "sqeuclidean")
        np.testing.assert_array_equal(rows, want_rows)
        np.testing.assert_array_equal(keys, want_keys)


def test_squares_that_overflow_float64_hide_nothing() -> None:
    x = np.full((4, 10), 1e200)
    x[:, 0] *= [1, 1 + 1e-10, -1, 1 + 3e-10]
    x[1, 1] *= 1 + 1e-15
    keys, rows = nearest_rows(np, x, x, 2, "cityblock")
    want_rows = by_sorting(x, x, 2, "cityblock")[1]
    np.testing.assert_array_equal(rows, want_rows)
    keys, rows = nearest_rows(np, x * 1e-50, x * 1e-50, 2, "euclidean")
    np.testing.assert_array_equal(rows, by_sorting(x * 1e-50, x * 1e-50, 2, "euclidean")[1])
    assert np.isfinite(keys).all()


def test_fewer_rows_than_k_leave_places_free() -> None:
    keys, rows = nearest_rows(np, np.zeros((2, 3)), np.array([[0.0, 0, 1], [np.nan, 0, 0]]), 4, "euclidean")
    assert rows.tolist() == [[0, 1, NO_ROW, NO_ROW]] * 2
    np.testing.assert_array_equal(keys, [[1, np.nan, np.nan, np.nan]] * 2)


@pytest.mark.parametrize("xp", [np, txp])
def test_keys_are_sorted_one_after_another_and_nan_is_last(xp: Any) -> None:
    keys = (xp.asarray([0, 0, 1, 0]), xp.asarray([np.nan, 2.0, 0.0, 2.0]), xp.asarray([1, 9, 0, 3]))
    assert first_of_each(xp, keys).tolist() == [3, 1, 0, 2]
