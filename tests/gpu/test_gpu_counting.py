"""Quantiles, histograms and the largest elements on a real GPU: the bits of the CPU, in one piece or in many."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from in_process_jobs import run_chain

from arraymill.jobs.operations import OPERATIONS

pytestmark = pytest.mark.gpu

RNG = np.random.default_rng(9)
FLOATS = RNG.standard_normal((5000, 12)) * 100
CASES: list[tuple[str, dict[str, Any]]] = [
    ("percentile", {"q": (1, 50, 99.5)}),
    ("quantile", {"q": 0.3, "axis": 0}),
    ("median", {"axis": 0}),
    ("nanmedian", {}),
    ("nanquantile", {"q": (0.25, 0.5), "axis": 0, "keepdims": True}),
    ("histogram", {"bins": 100}),
    ("histogram", {"bins": 37, "range": (-50.5, 60), "density": True}),
    ("histogram", {"bins": (-100, -1.5, 0, 0, 30)}),
    ("topk", {"k": 7, "axis": None}),
    ("topk", {"k": 3, "axis": 0, "largest": False}),
]


@pytest.mark.parametrize("code", ["i1", "u2", "u4", "i8", "f2", "f4", "f8"])
@pytest.mark.parametrize(("name", "params"), CASES)
def test_a_gpu_counts_as_the_cpu_does(name: str, params: dict[str, Any], code: str) -> None:
    x = np.abs(FLOATS).clip(0, 100).astype(code) if code[0] in "iu" else FLOATS.astype(code)
    if code[0] == "f" and name != "histogram":
        x[17, 3], x[400, 5], x[3, 3] = np.nan, np.inf, -0.0
    for block_bytes in (None, x.nbytes // 5):
        found = run_chain(name, [x], params, backend="torch-cuda", block_bytes=block_bytes)
        expected = run_chain(name, [x], params, block_bytes=block_bytes)
        for output, array in expected.items():
            assert found[output].dtype == array.dtype
            np.testing.assert_array_equal(found[output], array)


def test_a_gpu_counts_integers() -> None:
    x = RNG.integers(0, 60_000, 100_000, np.uint16)
    for params in ({}, {"length": 60_000}):
        found = run_chain("bincount", [x], params, backend="torch-cuda", block_bytes=30_000)["counts"]
        np.testing.assert_array_equal(
            found, OPERATIONS["bincount"].oracle([x], OPERATIONS["bincount"].params(**params))
        )
