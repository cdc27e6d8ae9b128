"""What a call returns of a job that is done: an array, a path, or a named tuple of such."""

from __future__ import annotations

from collections import namedtuple
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..chain_plan import ChainPlan
from .outcome import Outcome

__all__ = ["returned"]


def returned(outcome: Outcome) -> Any:
    """Return the result of a job: of several outputs a tuple with their names, in their order."""
    main = _plain(outcome.value if outcome.path is None else outcome.path)
    if not outcome.others:
        return main
    assert isinstance(outcome.plan, ChainPlan)
    names = [name for name, _ in outcome.plan.outputs]
    # of the field names one may be a word of Python
    # mypy wants the names of named tuples to stand in the program
    make: Any = namedtuple
    return make("Outputs", names, rename=True)(main, *(_plain(outcome.others[name]) for name in names[1:]))


def _plain(result: NDArray[Any] | Path | None) -> Any:
    """Return a result without axes as a NumPy scalar."""
    return result[()] if isinstance(result, np.ndarray) else result
