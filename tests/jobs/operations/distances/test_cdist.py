"""`cdist` by every step of a job but files and processes, against its oracle and SciPy."""

from __future__ import annotations

from typing import Any, get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from in_process_jobs import plan_arrays, run_arrays
from scipy.spatial.distance import cdist

from arraymill.jobs.engine.splitting import split_stage
from arraymill.jobs.errors import CannotFitError, SpecError
from arraymill.jobs.limits import Budget
from arraymill.jobs.operations.distances.cdist import CDIST, CdistParams
from arraymill.jobs.operations.distances.distances import Metric


@settings(max_examples=30)
@given(
    metric=st.sampled_from(get_args(Metric)),
    shape=st.tuples(st.sampled_from((0, 1, 5, 300)), st.sampled_from((0, 1, 7, 600)), st.sampled_from((0, 1, 3, 20))),
    codes=st.sampled_from(("dd", "ff", "fd", "iB", "e?")),
    backend=st.sampled_from(("numpy", "torch-cpu", "fake")),
    block_bytes=st.sampled_from((None, 1, 100_000)),
    order=st.sampled_from("CF"),
)
def test_values_are_those_of_the_oracle(
    metric: Metric, shape: tuple[int, int, int], codes: str, backend: Any, block_bytes: int | None, order: Any
) -> None:
    m, n, d = shape
    rng = np.random.default_rng(m + n + d)
    a, b = (
        np.asarray(rng.integers(0, 9, (rows, d)) + rng.random((rows, d)) * (code in "df")).astype(code, order=order)
        for rows, code in zip((m, n), codes, strict=True)
    )
    got = run_arrays("cdist", [a, b], {"metric": metric}, backend=backend, block_bytes=block_bytes)
    want = CDIST.oracle([a, b], CdistParams(metric=metric))
    assert isinstance(want, np.ndarray)
    assert (got.shape, got.dtype) == ((m, n), want.dtype)
    eps = np.finfo(want.dtype).eps
    scale = 100.0 * d if metric == "dot" else 1.0
    np.testing.assert_allclose(got, want, rtol=max(2.0**-33, 10 * eps), atol=(d + 8) * 4 * eps * scale)


def test_scipy_gives_the_same_numbers() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(20, 9)), rng.normal(size=(30, 9))
    for metric in ("euclidean", "sqeuclidean", "cosine", "cityblock"):
        got = run_arrays("cdist", [a, b], {"metric": metric})
        np.testing.assert_allclose(got, cdist(a, b, metric), rtol=1e-10, atol=1e-15)


@pytest.mark.parametrize("metric", ["euclidean", "cosine", "cityblock"])
@pytest.mark.parametrize("backend", ["numpy", "fake"])
def test_distances_to_itself_are_exactly_0(metric: str, backend: Any) -> None:
    x = (np.random.default_rng(1).normal(size=(700, 40)) + 1e4).astype(np.float32)
    assert (run_arrays("cdist", [x, x], {"metric": metric}, backend=backend).diagonal() == 0).all()


def test_a_split_does_not_change_a_bit() -> None:
    rng = np.random.default_rng(2)
    a, b = rng.normal(size=(300, 30)), rng.normal(size=(900, 30))
    stage = plan_arrays("cdist", [a, b]).stage
    whole = run_arrays("cdist", [a, b])
    for n_splits in (1, 3):
        out = np.empty_like(whole)
        split = split_stage(stage, n_splits)
        for row in range(0, 300, split.pieces[0]):
            for column in range(0, 900, split.pieces[1]):
                region = tuple(
                    (at, min(at + n, stop))
                    for at, n, stop in zip((row, column), split.pieces, whole.shape, strict=True)
                )
                here = tuple(slice(*bounds) for bounds in region)
                blocks = [
                    x[tuple(slice(*bounds) for bounds in wanted)]
                    for x, wanted in zip((a, b), split.operand_regions(region), strict=True)
                ]
                out[here] = split.kernel.apply(np, blocks, region)
        assert out.tobytes() == whole.tobytes()


def test_unknown_metrics_are_refused_with_those_that_exist() -> None:
    for metric in ("chebyshev", "minkowski"):
        with pytest.raises(SpecError, match="1 problem") as caught:
            plan_arrays("cdist", [np.ones((2, 2))] * 2, {"metric": metric})
        assert all(name in caught.value.cause for name in get_args(Metric))


def test_too_many_columns_for_a_task_are_refused() -> None:
    with pytest.raises(CannotFitError, match="256 by 512 rows of 1000000 columns"):
        plan_arrays("cdist", [np.empty((300, 1_000_000), np.float16)] * 2, budget=Budget(1 << 30))


@pytest.mark.parametrize("backend", ["numpy", "fake"])
def test_a_task_keeps_to_its_memory(backend: Any) -> None:
    arrays = [np.broadcast_to(np.float32(0), (10**6, 64))] * 2
    plan = plan_arrays("cdist", arrays, backend=backend)
    assert plan.task_host_bytes <= plan.limits.task_host_bytes
    assert plan.task_device_bytes <= plan.limits.task_device_bytes
    assert plan.stage.grid.n_blocks > 1000
