"""What a call returns of a job that is done: an array, a path, or a named tuple of such."""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .outcome import Outcome

__all__ = ["named", "returned"]


def returned(outcome: Outcome) -> Any:
    """Return the result of a job: of several outputs a named tuple, the main one first."""
    main = outcome.value if outcome.path is None else outcome.path
    names = [name for name, _ in getattr(outcome.plan, "outputs", [("", "")])]
    others = (outcome.others[name] for name in names[1:])
    return named(names, list(map(_plain, [main, *others])))


def named(names: Sequence[str], results: Sequence[Any]) -> Any:
    """Return one result as it is, several as a named tuple.

    >>> named(["values", "class"], [1, 2])
    Outputs(values=1, _1=2)
    """
    if len(results) == 1:
        return results[0]
    # a name may be a word of Python; and mypy wants the names of named tuples to stand in the program
    make: Any = namedtuple
    return make("Outputs", names, rename=True)(*results)


def _plain(result: NDArray[Any] | Path | None) -> Any:
    """Return a result without axes as a NumPy scalar."""
    return result[()] if isinstance(result, np.ndarray) else result
