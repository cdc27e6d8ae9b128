"""pca: principal components of rows of samples, as scikit-learn's PCA: its attributes, shapes and signs.

The main result, scores, is the array in the coordinates of its components, ``(x - mean) @ components.T``.

===========  ==============================================  ======================================================
solver       what is computed                                error of a variance, eps of the arithmetic
===========  ==============================================  ======================================================
covariance   the shifted covariance in one pass, then eigh   eps times the largest variance
tsqr         the triangular factor of x - mean, then svd     eps times the root of it and the largest (a small
                                                             variance keeps twice the digits)
randomized   `svd` with k and seed of x - mean               as its approximation
===========  ==============================================  ======================================================

``auto`` is covariance in precision standard and tsqr in strict. Signs: the largest component of each direction is
positive, as svd_flip(u_based_decision=False), which scikit-learn's PCA uses. NaN and infinities are refused.

References
----------
I. T. Jolliffe, "Principal Component Analysis", 2nd ed. (2002), section 3.5. N. J. Higham, "Accuracy and Stability of
Numerical Algorithms", 2nd ed. (2002), section 20.4 (normal equations).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from ...errors import InputUnsupportedError, SpecError
from ...headers import ArrayHeader
from ...limits import Limits
from ..chain import Chain, Step
from ..elementwise.map import MAP
from ..operation import Operation, Params
from ..reductions.moments import VAR
from ..reductions.sums import MEAN
from .components import FEW_COMPONENTS, FROM_COVARIANCE, FROM_FACTOR, FROM_SVD, result_shapes
from .factors import FACTORS
from .matrices import check_matrix
from .packed import part_steps
from .projection import PROJECTION, SCATTER
from .qr import QR
from .row_blocks import choose_rows
from .svd import SVD, flip_by_rows

__all__ = ["PCA", "PcaParams"]

_SOLVERS = (
    "covariance: in one pass; tsqr: small variances keep twice the digits; randomized: for a few of many columns;"
    " auto: covariance, and tsqr with --precision strict"
)


class PcaParams(Params):
    """Parameters of pca."""

    n_components: int | None = Field(None, description="how many directions; by default the shorter side")
    whiten: bool = Field(False, description="divide scores by their standard deviations")
    solver: Literal["auto", "covariance", "tsqr", "randomized"] = Field("auto", description=_SOLVERS)
    seed: int = Field(0, ge=0, lt=1 << 64, description="of the randomized solver")
    power_iterations: int = Field(4, ge=0, description="of the randomized solver")


def _chain(headers: Sequence[ArrayHeader], params: PcaParams, limits: Limits) -> Chain:
    header = headers[0]
    dtype = _check(header, params)
    solver = params.solver
    if solver == "auto":
        solver = "tsqr" if limits.precision == "strict" else "covariance"
    steps, last = _STEPS[solver](header, params, limits)
    m, n = header.shape
    k = min(m, n) if params.n_components is None else params.n_components
    problem = {"m": m, "n": n, "k": k, "whiten": params.whiten}
    solved = Step("solved", last[0], last[1], problem)
    wide = np.dtype(np.float64)
    parts = [(name, shape, wide if name in ("centre", "directions") else dtype) for name, shape in result_shapes(n, k)]
    scores = Step("scores", PROJECTION, ("x", "centre", "directions"), {"dtype": dtype.name})
    outputs = tuple((name, name) for name, *_ in parts if name not in ("centre", "directions"))
    note = f"solver {solver}" + (": --precision strict takes tsqr" if solver == "covariance" else "")
    return Chain((*steps, solved, *part_steps("solved", parts), scores), (("scores", "scores"), *outputs), (note,))


_Steps = tuple[tuple[Step, ...], tuple[Operation, tuple[str, ...]]]


def _covariance(header: ArrayHeader, params: PcaParams, limits: Limits) -> _Steps:
    return (Step("scatter", SCATTER, ("x",)),), (FROM_COVARIANCE, ("scatter",))


def _tsqr(header: ArrayHeader, params: PcaParams, limits: Limits) -> _Steps:
    m, n = header.shape
    rows = choose_rows(m, n, header.dtype, limits, way_out=FEW_COMPONENTS)
    return (
        _mean(),
        Step("factors", FACTORS, ("x", "average"), {"rows": rows, "centred": True}),
        Step("factor", QR, ("factors",), {"mode": "r"}),
    ), (FROM_FACTOR, ("factor", "average"))


def _randomized(header: ArrayHeader, params: PcaParams, limits: Limits) -> _Steps:
    k = min(header.shape) if params.n_components is None else params.n_components
    chosen = {"k": k, "seed": params.seed, "power_iterations": params.power_iterations}
    dtype = check_matrix("pca", header)
    return (
        _mean(),
        Step("variances", VAR, ("x",), {"axis": 0, "ddof": 1, "dtype": "float64"}),
        Step("centred", MAP, ("x", "average"), {"expr": "x - y", "dtype": dtype.name}),
        Step("approximated", SVD, ("centred",), chosen),
    ), (FROM_SVD, ("approximated.s", "approximated.vh", "average", "variances"))


_STEPS = {"covariance": _covariance, "tsqr": _tsqr, "randomized": _randomized}


def _mean() -> Step:
    return Step("average", MEAN, ("x",), {"axis": 0, "dtype": "float64"})


def _check(header: ArrayHeader, params: PcaParams) -> np.dtype[Any]:
    """Return the dtype of the results.

    Raises
    ------
    SpecError
        For fewer than 2 samples, no feature, and more components than there are.
    InputUnsupportedError
        For complex samples.
    """
    dtype = check_matrix("pca", header)
    if dtype.kind == "c":
        raise InputUnsupportedError(
            f"pca: {header.name} is complex",
            cause="scikit-learn has no principal components of complex samples either",
            safe="nothing was read or written",
            next="use svd of the centred array",
        )
    m, n = header.shape
    if m < 2 or n < 1:
        raise SpecError(
            f"pca: {m} samples of {n} features have no variance",
            cause=f"{header.name} has the shape {header.shape}; samples are rows",
            safe="nothing was read or written",
            next="give 2 samples or more, one a row",
        )
    if params.n_components is not None and not 1 <= params.n_components <= min(m, n):
        raise SpecError(
            f"n_components={params.n_components} must be between 1 and min(n_samples, n_features)={min(m, n)}",
            cause=f"{header.name} has the shape {header.shape}",
            safe="nothing was read or written",
            next="leave --n-components out for all",
        )
    return dtype


def _oracle(arrays: Sequence[NDArray[Any]], params: PcaParams) -> tuple[NDArray[Any], ...]:
    x = arrays[0].astype(np.result_type(arrays[0], np.float32) if arrays[0].dtype.kind == "f" else np.float64)
    mean = x.mean(axis=0)
    u, s, vh = np.linalg.svd(x - mean, full_matrices=False)
    u, vh = flip_by_rows(u, vh)
    k, freedom = params.n_components, len(x) - 1
    variances = s * s / freedom
    scores = u * np.sqrt(freedom) if params.whiten else u * s
    return scores[:, :k], vh[:k], variances[:k], (variances / variances.sum())[:k], s[:k], mean


PCA = Operation(
    "pca",
    "Principal component analysis: scores, and beside them components, variances and mean",
    "arraymill run pca x.npy --n-components 10 -o scores.npy",
    ("x",),
    PcaParams,
    None,
    _oracle,
    chain=_chain,
)
