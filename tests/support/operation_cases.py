"""Small inputs and parameters for every operation but apply, which needs code."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["CASES", "X", "case_of"]

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


def case_of(name: str) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Return inputs and parameters of an operation."""
    return CASES.get(name, ((X,), {}))
