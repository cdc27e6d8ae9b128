"""Products of two arrays: tiles that are recomputed in float64, and Freivalds' check of every element."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from numpy.typing import NDArray

from .findings import Finding, merged
from .freivalds import Freivalds
from .labelled import Labelled, error_factor, labelled_of
from .problem import Problem
from .tiles import Bound, TileCheck

__all__ = ["check_labelled", "check_product"]


def check_product(problem: Problem) -> list[Finding]:
    """Return what a product of two arrays is, beside NumPy's."""
    labelled = labelled_of(problem)
    assert labelled is not None
    factor = error_factor(problem, problem.headers[next(iter(problem.outputs))].dtype, labelled.n_terms)
    return check_labelled(problem, labelled, lambda value, size, ranges: factor * size)


def check_labelled(
    problem: Problem, labelled: Labelled, bound: Bound, finish: Callable[[NDArray[Any]], NDArray[Any]] | None = None
) -> list[Finding]:
    """Return what tiles and Freivalds' check find.

    Parameters
    ----------
    problem : Problem
    labelled : Labelled
    bound : callable
        See `Bound`.
    finish : callable, optional
        Makes the result of a part of the product: what rounding put out of its range is put back.
    """
    (name,) = problem.outputs
    check = TileCheck(problem, labelled, bound, finish or (lambda value: value), name)
    if not problem.headers[name].size:
        return [Finding(problem.labels(name)["output"], "tiles, by NumPy", 0, 0)]
    findings = [merged([check.tile(region, "tiles, by NumPy in float64") for region in check.tiles()])]
    is_whole = findings[0].n_checked == findings[0].n_elements
    if is_whole:
        return findings
    freivalds = Freivalds.of(check)
    if isinstance(freivalds, str):
        return [replace(findings[0], method=f"{findings[0].method}; no Freivalds' check: {freivalds}")]
    return [*findings, freivalds.run()]
