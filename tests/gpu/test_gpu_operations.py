"""Every operation on a real GPU: what it refuses there it says, and what it computes is what the CPU computes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from arraymill.jobs import run
from arraymill.jobs.errors import InputUnsupportedError
from arraymill.jobs.operations import OPERATIONS

pytestmark = pytest.mark.gpu

RNG = np.random.default_rng(8)
X = RNG.standard_normal((900, 24)).astype("f4")
Y = RNG.standard_normal((300, 24)).astype("f4")
WORDS = RNG.integers(0, 200, 5000).astype("u1")
CASES: dict[str, tuple[tuple[Any, ...], dict[str, Any]]] = {
    "matmul": ((X, Y), {"transpose_b": True}),
    "map": ((X, Y[:1]), {"expr": "exp(x) * y"}),
    "convert": ((X,), {"dtype": "float64"}),
    "rechunk": ((X,), {"chunks": (100, -1)}),
    "transpose": ((X,), {}),
    "reshape": ((X,), {"shape": (-1, 12)}),
    "concatenate": ((X, Y), {}),
    "stack": ((X, X), {}),
    "cdist": ((X, Y), {}),
    "knn": ((X, Y), {"k": 3}),
    "full": ((), {"shape": (30, 4), "value": 2.5}),
    "arange": ((), {"stop": 1000}),
    "tensordot": ((X, Y.T), {"axes": 1}),
    "einsum": ((X, Y), {"subscripts": "ij,kj->ik"}),
    "pca": ((X,), {"n_components": 4}),
    "lstsq": ((X, X[:, 0].copy()), {}),
    "percentile": ((X,), {"q": (5, 50)}),
    "nanpercentile": ((X,), {"q": (5, 50)}),
    "quantile": ((X,), {"q": 0.25, "axis": 0}),
    "nanquantile": ((X,), {"q": 0.25, "axis": 0}),
    "histogram": ((X,), {"bins": 20, "range": (-3.0, 3.0)}),
    "bincount": ((WORDS,), {}),
    "topk": ((X,), {"k": 5, "axis": 0}),
    "cov": ((X,), {"rowvar": False}),
    "corrcoef": ((X,), {"rowvar": False}),
    **{name: ((), {"shape": (40, 5)}) for name in ("zeros", "ones")},
    **{name: ((), {"shape": (40, 5), "seed": 3}) for name in ("rand", "randn")},
}
"""Inputs and parameters; of other operations one table and none."""


def outputs(name: str, device: str) -> list[Any]:
    arrays, params = CASES.get(name, ((X,), {}))
    result = run(name, *arrays, device=device, cluster="inline", **params)
    return list(result) if isinstance(result, tuple) else [result]


@pytest.mark.parametrize("name", [name for name in OPERATIONS if name != "apply"])
def test_a_gpu_computes_what_the_cpu_does(name: str) -> None:
    try:
        found = outputs(name, "cuda")
    except InputUnsupportedError as error:
        pytest.skip(f"refused on CUDA: {error.what}")
    for mine, expected in zip(found, outputs(name, "cpu"), strict=True):
        assert (np.shape(mine), np.asarray(mine).dtype) == (np.shape(expected), np.asarray(expected).dtype)
        scale = float(np.max(np.abs(np.asarray(expected, np.complex128)), initial=0.0))
        np.testing.assert_allclose(mine, expected, rtol=1e-4, atol=1e-4 * scale)


def test_a_function_is_applied_to_rows_on_a_gpu() -> None:
    import torch

    result = run("apply", X, function="torch:exp", array="torch", device="cuda", cluster="inline")
    assert torch.cuda.is_available()
    np.testing.assert_allclose(result, np.exp(X), rtol=1e-5)
