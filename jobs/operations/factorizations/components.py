"""Principal components from what one pass leaves of the samples: covariance, triangular factor, or singular values.

Three small problems with the same results, packed one behind the other: `result_shapes`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...blocks import Shape
from ...headers import ArrayHeader
from ...limits import Limits
from ...stages.shapes import Draft
from ..operation import Operation, Params
from .packed import SolveKernel, draft_solution

__all__ = ["FEW_COMPONENTS", "FROM_COVARIANCE", "FROM_FACTOR", "FROM_SVD", "ComponentParams", "result_shapes"]

FEW_COMPONENTS = "ask for a few: --n-components 20 --solver randomized"
Arrays = Sequence[NDArray[Any]]
Spectrum = tuple[NDArray[Any], NDArray[Any], NDArray[Any], NDArray[Any], float]
"""Variances, descending; singular values; directions, one a row; means; the sum of all variances."""


class ComponentParams(Params):
    """Parameters: samples m, features n, components k, and whether scores are divided by their deviations."""

    m: int
    n: int
    k: int
    whiten: bool


def result_shapes(n: int, k: int) -> list[tuple[str, Shape]]:
    """Return the names and shapes of the results for n features.

    >>> [name for name, _ in result_shapes(3, 2)][:3]
    ['components', 'explained_variance', 'explained_variance_ratio']
    """
    return [
        ("components", (k, n)),
        ("explained_variance", (k,)),
        ("explained_variance_ratio", (k,)),
        ("singular_values", (k,)),
        ("mean", (n,)),
        ("centre", (n,)),
        ("directions", (k, n)),
    ]


def _of_covariance(blocks: Arrays, m: int, n: int) -> Spectrum:
    (packed,) = blocks
    mean, covariance = packed[:n], packed[n:].reshape(n, n)
    _check_finite(covariance)
    variances, vectors = np.linalg.eigh(covariance)
    # rounding makes small ones negative
    variances = np.maximum(variances[::-1], 0)
    return variances, np.sqrt(variances * (m - 1)), vectors.T[::-1], mean, float(variances.sum())


def _of_factor(blocks: Arrays, m: int, n: int) -> Spectrum:
    factor, mean = blocks
    _check_finite(factor)
    _, s, vh = np.linalg.svd(factor, full_matrices=False)
    variances = _variances(s, m)
    return variances, s, vh, mean, float(variances.sum())


def _of_svd(blocks: Arrays, m: int, n: int) -> Spectrum:
    s, vh, mean, variances = (block.astype(np.float64) for block in blocks)
    return _variances(s, m), s, vh, mean, float(variances.sum())


def _variances(s: NDArray[Any], m: int) -> NDArray[Any]:
    # singular values from 1e154 on have infinite squares, as scikit-learn's
    with np.errstate(over="ignore", under="ignore"):
        return np.asarray(s * s / (m - 1))


def _check_finite(x: NDArray[Any]) -> None:
    if not np.isfinite(x).all():
        raise np.linalg.LinAlgError("samples have no finite covariance (nor have numbers beyond 1e154: --solver tsqr)")


@dataclass(frozen=True, slots=True)
class _Solver:
    """The results from a spectrum."""

    spectrum: Callable[[Arrays, int, int], Spectrum]
    m: int
    n: int
    k: int
    whiten: bool

    def __call__(self, blocks: Arrays) -> Arrays:
        variances, s, directions, mean, total = self.spectrum(blocks, self.m, self.n)
        variances, s, directions = variances[: self.k], s[: self.k], directions[: self.k]
        largest = directions[np.arange(len(directions)), np.argmax(np.abs(directions), axis=1)]
        components = directions * np.where(largest < 0, -1.0, 1.0)[:, None]
        with np.errstate(all="ignore"):
            ratio = variances / total
        # scikit-learn's smallest divisor
        scale = np.maximum(np.sqrt(variances), np.finfo(np.float64).eps) if self.whiten else np.ones(len(variances))
        return components, variances, ratio, s, mean, mean, components / scale[:, None]


def _operation(name: str, inputs: tuple[str, ...], spectrum: Callable[[Arrays, int, int], Spectrum]) -> Operation:
    def build(headers: Sequence[ArrayHeader], params: ComponentParams, limits: Limits) -> Draft:
        kernel = SolveKernel(_Solver(spectrum, **params.model_dump()), "the principal components")
        shapes = [shape for _, shape in result_shapes(params.n, params.k)]
        wide, flops = np.dtype(np.float64), 20 * params.n * min(params.m, params.n) ** 2
        chosen: dict[str, Any] = {"dtype": wide, "flops": flops, "way_out": FEW_COMPONENTS}
        return draft_solution(headers, limits, kernel=kernel, shapes=shapes, **chosen)

    def oracle(arrays: Arrays, params: ComponentParams) -> NDArray[Any]:
        results = _Solver(spectrum, **params.model_dump())(arrays)
        return np.concatenate([np.ravel(result) for result in results])

    return Operation(name, "Principal components", "", inputs, ComponentParams, build, oracle)


FROM_COVARIANCE = _operation("from_covariance", ("scatter",), _of_covariance)
FROM_FACTOR = _operation("from_factor", ("factor", "mean"), _of_factor)
FROM_SVD = _operation("from_svd", ("s", "vh", "mean", "variances"), _of_svd)
