"""qr, svd, pca, lstsq: not NumPy's digits, which depend on the way, but that the factors are factors of the input.

The bounds are those that the operations promise: backward errors of ``10 eps sqrt(n)`` times the norm, times 16 where
docs/accuracy.md has seen up to 14 times for columns whose rows are equal, by LAPACK as well.

References
----------
N. J. Higham, "Accuracy and Stability of Numerical Algorithms", 2nd ed. (2002), theorem 19.4.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..blocks import Grid, row_major_chunks, whole_region
from ..errors import SpecError
from .findings import Finding, Place, compare
from .problem import Problem, read_region, widen

__all__ = ["check_lstsq", "check_pca", "check_qr", "check_svd"]

_REPEATED = 16
U = 2.0**-53


def check_qr(problem: Problem) -> list[Finding]:
    """Return how far ``q @ r`` is from the input, q from orthonormal, and r from triangular."""
    header = problem.sources[0].header
    promise = _promise(problem, "r", header.shape)
    r = _small(problem, "r")
    below = compare(
        np.tril(problem.read_output("r", whole_region(r.shape)), -1), np.tril(np.zeros(r.shape), -1), None,
        method="zeros below the diagonal", **problem.labels("r"),
    )  # fmt: skip
    if "q" not in problem.outputs:
        products, square = _cross_products(problem)
        error = _norm(products - r.conj().T @ r)
        return [_measured(problem, "r", "r.T @ r less x.T @ x", error, 3 * promise * square), below]
    left, size, inner = 0.0, 0.0, np.zeros((r.shape[0],) * 2, r.dtype)
    for x, q in _rows(problem, "q"):
        left += _norm(x - q @ r) ** 2
        size += _norm(x) ** 2
        inner += q.conj().T @ q
    return [
        _measured(problem, "q", "q @ r less x, norm", math.sqrt(left), promise * math.sqrt(size)),
        _measured(problem, "q", "q.T @ q less 1, norm", _norm(inner - np.eye(len(inner))), _if_finite(promise, size)),
        *([below] if math.isfinite(size) else ()),
    ]


def check_svd(problem: Problem) -> list[Finding]:
    """Return how far the factors times each other are from the input, and u and vh from orthonormal."""
    header = problem.sources[0].header
    s = _small(problem, "s").real
    promise = _promise(problem, "s", header.shape)
    if "u" not in problem.outputs or "vh" not in problem.outputs:
        x = _whole_input(problem)
        expected = np.linalg.svd(x, compute_uv=False)[: len(s)]
        bound = np.full(len(s), 2 * promise * _norm(x))
        found = problem.read_output("s", ((0, len(s)),))
        return [compare(found, expected, bound, method="singular values, by NumPy", **problem.labels("s"))]
    vh = _small(problem, "vh")
    left, size, inner, turned = 0.0, 0.0, np.zeros((len(s),) * 2, vh.dtype), np.zeros(vh.shape, vh.dtype)
    for x, u in _rows(problem, "u"):
        left += _norm(x - (u * s) @ vh) ** 2
        size += _norm(x) ** 2
        inner += u.conj().T @ u
        turned += u.conj().T @ x
    norm = math.sqrt(size)
    if problem.params.k is None:
        product = _measured(problem, "u", "u * s @ vh less x, norm", math.sqrt(left), promise * norm)
    else:
        # what is left out is not there to be multiplied
        error = _norm(turned - s[:, None] * vh)
        product = _measured(problem, "u", "u.T @ x less s * vh, norm", error, promise * norm)
    eye = np.eye(len(s))
    return [
        product,
        _measured(problem, "u", "u.T @ u less 1, norm", _norm(inner - eye), _if_finite(promise, size)),
        _measured(problem, "vh", "vh @ vh.T less 1, norm", _norm(vh @ vh.conj().T - eye), _if_finite(promise, size)),
    ]


def check_lstsq(problem: Problem) -> list[Finding]:
    """Return the slope of the squares at the solution, and the residuals and singular values beside NumPy's."""
    a, b = (_whole_input(problem, number) for number in (0, 1))
    names = list(problem.headers)
    x = _small(problem, names[0])
    rest = b - a @ x
    size = _norm(a)
    promise = 2 * _promise(problem, names[0], a.shape)
    scale = size * (_norm(rest) + size * _norm(x))
    error = _norm(a.conj().T @ rest)
    found = [_measured(problem, names[0], "slope of the squares at the solution", error, promise * scale)]
    answers = problem.operation.oracle([a, b], problem.params)
    for name, answer in list(zip(names, answers, strict=False))[1:]:
        if name not in problem.outputs:
            continue
        whole = problem.read_output(name, whole_region(problem.headers[name].shape))
        values = np.asarray(answer).reshape(whole.shape)
        # the rest is known to what x and a are moved by, and its square to twice that of it
        moved = promise * (_norm(rest) + size * _norm(x))
        of_square = moved * (2 * _norm(rest) + moved)
        bound = np.full(whole.shape, promise * size if name == names[-1] else of_square)
        found.append(compare(whole, values, bound, method="NumPy in float64", **problem.labels(name)))
    return found


def check_pca(problem: Problem) -> list[Finding]:
    """Return how far components are from orthonormal, scores from projections, and variances from NumPy's."""
    x = _whole_input(problem)
    names = list(problem.headers)
    answers = dict(zip(names, problem.operation.oracle([x], problem.params), strict=True))
    scores_name, components_name, variances_name, ratio_name, values_name, mean_name = names
    deviations = x - x.mean(axis=0)
    total = float((deviations**2).sum())
    dtype = problem.headers[scores_name].dtype
    u = 2.0**-24 if dtype.itemsize <= 4 and problem.precision != "strict" else U
    factor = 4 * (2048 + 40) * u + _promise(problem, scores_name, x.shape)
    freedom = max(len(x) - 1, 1)
    found = [
        _close(problem, variances_name, answers, factor * total / freedom),
        _close(problem, ratio_name, answers, 2 * factor),
        _close(problem, values_name, answers, np.sqrt(factor) * math.sqrt(total)),
        _close(problem, mean_name, answers, (33 * u + 64 * U) * np.abs(x).mean(axis=0)),
    ]
    if components_name in problem.outputs:
        components = _small(problem, components_name)
        error = _norm(components @ components.T - np.eye(len(components)))
        found.append(_measured(problem, components_name, "components @ components.T less 1, norm", error, factor))
        if scores_name in problem.outputs:
            scores = _small(problem, scores_name)
            projected = deviations @ components.T
            if problem.params.whiten:
                scores = scores * np.sqrt(_small(problem, variances_name))
            error = _norm(scores - projected)
            bound = factor * math.sqrt(total)
            found.append(_measured(problem, scores_name, "scores less projections, norm", error, bound))
    return [each for each in found if each is not None]


def _close(problem: Problem, name: str, answers: dict[str, NDArray[Any]], bound: Any) -> Finding | None:
    if name not in problem.outputs:
        return None
    found = problem.read_output(name, whole_region(problem.headers[name].shape))
    limit = np.broadcast_to(bound, found.shape)
    return compare(found, np.asarray(answers[name]), limit, method="NumPy in float64", **problem.labels(name))


def _if_finite(bound: float, size: float) -> float:
    """Return a bound, infinite for an input that NaN and infinities are in."""
    return bound if math.isfinite(size) else math.inf


def _norm(x: NDArray[Any]) -> float:
    return float(np.linalg.norm(x))


def _promise(problem: Problem, name: str, shape: tuple[int, ...]) -> float:
    eps = float(np.finfo(problem.headers[name].dtype).eps)
    return _REPEATED * 10 * eps * math.sqrt(max(min(shape, default=1), 1))


def _measured(problem: Problem, name: str, method: str, error: float, bound: float) -> Finding:
    """Return a finding of one number that is made of all elements; undecided where the bound is not finite."""
    labels = problem.labels(name)
    if not math.isfinite(bound):
        return Finding(labels["output"], method, 0, labels["n_elements"], n_undecided=labels["n_elements"])
    error, allowed = float(error), float(bound) + float(np.finfo(np.float64).tiny)
    share = error / allowed if math.isfinite(error) else math.inf
    place = Place((), error, 0.0, error, allowed)
    return Finding(labels["output"], method, labels["n_elements"], labels["n_elements"], share, place)


def _small(problem: Problem, name: str) -> NDArray[Any]:
    """Return all of an output in float64."""
    if name not in problem.outputs:
        raise SpecError(
            f"{problem.operation.name}: {name} is needed to check the others, and is not there",
            cause=f"there are {', '.join(problem.outputs)}",
            next="keep the outputs beside each other under the names that the job gave them",
        )
    header = problem.headers[name]
    if header.size * 16 > problem.memory_bytes // 4:
        raise problem.too_large(f"{name} of shape {header.shape}", 4 * header.size * 16)
    return widen(problem.read_output(name, whole_region(header.shape)))


def _whole_input(problem: Problem, number: int = 0) -> NDArray[Any]:
    header = problem.sources[number].header
    if header.size * 16 > problem.memory_bytes // 8:
        raise problem.too_large(f"an input of shape {header.shape}", 8 * header.size * 16)
    x = widen(read_region(problem.sources[number], whole_region(header.shape)))
    if not np.isfinite(x).all():
        raise SpecError(
            f"{problem.operation.name}: not one element could be judged",
            cause=f"{header.name} holds NaN or infinities",
            safe="nothing was changed",
            next="check it on rows without them",
        )
    return x


def _rows(problem: Problem, name: str) -> Iterator[tuple[NDArray[Any], NDArray[Any]]]:
    """Yield the same rows of the input and of an output, in float64."""
    (m, n), side = problem.sources[0].header.shape, problem.headers[name].shape[1]
    chunks = row_major_chunks((m,), max(problem.memory_bytes // (16 * 8 * max(n + side, 1)), 1))
    for (rows,) in Grid((m,), chunks).regions():
        x, factor = read_region(problem.sources[0], (rows, (0, n))), problem.read_output(name, (rows, (0, side)))
        yield widen(x), widen(factor)


def _cross_products(problem: Problem) -> tuple[NDArray[Any], float]:
    """Return ``x.T @ x`` and the square of the norm of x."""
    m, n = problem.sources[0].header.shape
    total: Any = 0.0
    chunks = row_major_chunks((m,), max(problem.memory_bytes // (16 * 8 * max(n, 1)), 1))
    for (rows,) in Grid((m,), chunks).regions():
        x = widen(read_region(problem.sources[0], (rows, (0, n))))
        total = total + x.conj().T @ x
    return np.asarray(total), float(np.trace(total).real)
