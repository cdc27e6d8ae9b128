"""One hard input: its arrays, the truth, how an answer's error is measured, and the bound that is promised."""

from __future__ import annotations

import gc
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = ["CONTENDERS", "U32", "U64", "Answer", "HardCase", "Measured", "measure", "relative"]

Answer: TypeAlias = Callable[..., Any]
"""Takes the arrays and returns an answer."""

CONTENDERS = ("arraymill", "NumPy", "dask.array")
U32, U64 = 2.0**-24, 2.0**-53


@dataclass(frozen=True, slots=True)
class HardCase:
    """A question whose answer rounding can spoil.

    Parameters
    ----------
    name : str
        The operation and what makes it hard.
    measured : str
        What the error is relative to.
    promise : str
        The bound as a formula.
    arrays : callable
        Takes whether to be quick; returns the inputs, the same each time.
    truth : callable
        Takes the arrays; returns what is right, of twice the precision or exact.
    error : callable
        Takes an answer, the truth and the arrays; returns the error.
    bound : callable
        Takes the arrays; returns the promised bound.
    answers : mapping of str to callable
        What each contender does; None where it has nothing of the kind.
    breaks : str
        Why arraymill is known to exceed the bound, where it does.
    """

    name: str
    measured: str
    promise: str
    arrays: Callable[[bool], tuple[NDArray[Any], ...]]
    truth: Answer
    error: Callable[[Any, Any, tuple[NDArray[Any], ...]], float]
    bound: Callable[..., float]
    answers: Mapping[str, Answer | None]
    breaks: str = ""


@dataclass(frozen=True, slots=True)
class Measured:
    """The errors of one case, and the bound."""

    case: HardCase
    bound: float
    errors: Mapping[str, float | None]

    @property
    def holds(self) -> bool:
        """Whether arraymill keeps its promise; NaN does not."""
        error = self.errors["arraymill"]
        return error is not None and error <= self.bound


def measure(case: HardCase, *, quick: bool) -> Measured:
    """Return what every contender makes of a case."""
    arrays = case.arrays(quick)
    truth = case.truth(*arrays)
    errors = {name: _error(case, case.answers.get(name), truth, arrays) for name in CONTENDERS}
    measured = Measured(case, case.bound(*arrays), errors)
    # the next case's arrays find the memory of these free
    del arrays, truth
    gc.collect()
    return measured


def _error(case: HardCase, answer: Answer | None, truth: Any, arrays: tuple[NDArray[Any], ...]) -> float | None:
    if answer is None:
        return None
    with warnings.catch_warnings(action="ignore"), np.errstate(all="ignore"):
        return float(case.error(answer(*arrays), truth, arrays))


def relative(size: Callable[..., Any]) -> Callable[[Any, Any, tuple[NDArray[Any], ...]], float]:
    """Return an error that is relative to a size of the arrays.

    >>> error = relative(lambda x: x.sum())
    >>> error(np.float32(11), np.longdouble(10), (np.array([4.0, 6.0]),))
    0.1
    """
    return lambda got, truth, arrays: float(np.max(np.abs(np.asarray(got) - truth) / size(*arrays)))
