"""Finds limits that an operation fits into: a task's usual share of the memory, or most of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from ..errors import CannotFitError
from ..headers import ArrayHeader
from ..limits import Budget, Limits, widened
from ..operations import Params

__all__ = ["fitted"]

Made = TypeVar("Made")


def fitted(
    build: Callable[[Sequence[ArrayHeader], Any, Limits], Made],
    headers: Sequence[ArrayHeader],
    params: Params,
    limits: Limits,
    budget: Budget,
) -> tuple[Made, Limits]:
    """Return what an operation becomes within limits, or within wider ones where nothing fits them; and which.

    Raises
    ------
    CannotFitError
        When one task cannot fit in the budget.
    """
    try:
        return build(headers, params, limits), limits
    except CannotFitError:
        wide = widened(limits, budget)
    return build(headers, params, wide), wide
