"""Which check an operation has."""

from __future__ import annotations

from collections.abc import Callable

from ..errors import SpecError
from .covariances import check_covariance
from .factors import check_lstsq, check_pca, check_qr, check_svd
from .findings import Finding
from .lanes import LINES, check_lines
from .neighbours import check_knn
from .places import PLACES, check_places
from .problem import Problem
from .products import check_product
from .reductions import REDUCTIONS, check_reduction
from .wholes import check_whole

__all__ = ["check_problem"]

_OTHERS: dict[str, Callable[[Problem], list[Finding]]] = {
    **dict.fromkeys(("matmul", "tensordot", "einsum", "gram"), check_product),
    **dict.fromkeys(("cov", "corrcoef"), check_covariance),
    "qr": check_qr,
    "svd": check_svd,
    "pca": check_pca,
    "lstsq": check_lstsq,
    "knn": check_knn,
}


def check_problem(problem: Problem) -> list[Finding]:
    """Return what the outputs of an operation are, beside what NumPy makes of its inputs in float64.

    Raises
    ------
    SpecError
        If an operation, or one of this size, cannot be checked; or if not one element could be judged.
    InputError
        If an array cannot be read.
    """
    findings = _checked(problem)
    if findings and all(finding.says_nothing for finding in findings):
        raise SpecError(
            f"{problem.operation.name}: not one element could be judged",
            cause=f"{sum(finding.n_undecided for finding in findings)} were looked at: rounding decides what they are, "
            "or NaN and infinities of the input",
            safe="nothing was changed",
            next="look at other samples: --seed 1 --sample 100",
        )
    return findings


def _checked(problem: Problem) -> list[Finding]:
    name = problem.operation.name
    if name in PLACES:
        return check_places(problem)
    if name in REDUCTIONS:
        return check_reduction(problem)
    if name in LINES:
        return check_lines(problem)
    if name == "einsum" and len(problem.sources) == 1:
        return check_whole(problem)
    return _OTHERS.get(name, check_whole)(problem)
