"""What an operation is: a name, parameters, NumPy's own answer to hold it to, and the stage or steps it becomes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from ..errors import SpecError
from ..headers import ArrayHeader
from ..limits import Limits
from ..stages.shapes import Draft
from .chain import Chain

__all__ = ["Operation", "Params", "ask_numpy", "input_names", "numbered_names"]

_MEND = "change what NumPy names: a parameter, or the shape or dtype of the input"


class Params(BaseModel):
    """Parameters of an operation: NumPy's names; unknown ones are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    @classmethod
    def absolute(cls, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return parameters as a user gave them, with the paths among them as they are called in every folder."""
        return dict(given)


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation.

    Parameters
    ----------
    name : str
        As on the command line.
    summary : str
        One line for lists.
    example : str
        A command line that works.
    inputs : tuple of str
        The names of the operands, in order.
    params : type of Params
        The model that checks parameters; its fields are the options of the command line.
    build : callable or None
        ``build(headers, params, limits) -> Draft``. Pure. Raises SpecError, InputUnsupportedError or CannotFitError.
        None for an operation of several steps.
    oracle : callable
        ``oracle(arrays, params) -> array``: NumPy's own answer; a tuple of arrays where there are several outputs.
    variadic : bool
        Takes one operand or more.
    chain : callable or None
        ``chain(headers, params, limits) -> Chain``, in place of `build`, of an operation of several steps. Pure.
    """

    name: str
    summary: str
    example: str
    inputs: tuple[str, ...]
    params: type[Params]
    build: Callable[[Sequence[ArrayHeader], Any, Limits], Draft] | None
    oracle: Callable[[Sequence[NDArray[Any]], Any], NDArray[Any] | tuple[NDArray[Any], ...]]
    variadic: bool = False
    chain: Callable[[Sequence[ArrayHeader], Any, Limits], Chain] | None = None


def input_names(operation: Operation, n_inputs: int) -> tuple[str, ...]:
    """Return what an operation calls its inputs; those of a variadic one are x, y, z, x3, x4 and so on.

    Examples
    --------
    >>> from .elementwise.map import MAP
    >>> input_names(MAP, 5)
    ('x', 'y', 'z', 'x3', 'x4')
    """
    return numbered_names(n_inputs) if operation.variadic else operation.inputs


def numbered_names(n_inputs: int) -> tuple[str, ...]:
    """Return names for so many inputs that nobody has named.

    >>> numbered_names(2)
    ('x', 'y')
    """
    return ("x", "y", "z", *(f"x{i}" for i in range(3, n_inputs)))[:n_inputs]


def ask_numpy(
    oracle: Callable[[Sequence[NDArray[Any]], Any], Any],
    arrays: Sequence[NDArray[Any]],
    params: Params,
    *,
    what: str,
) -> NDArray[Any]:
    """Return NumPy's answer for small stand-in arrays, its errors turned into SpecError.

    This is how result dtypes, and what empty arrays give, are found: NumPy is asked, no rule is copied.

    Raises
    ------
    SpecError
        When NumPy refuses, with NumPy's words.
    """
    with np.errstate(all="ignore"), _no_warnings():
        try:
            return np.asarray(oracle(arrays, params))
        except (ValueError, TypeError, ArithmeticError) as error:
            raise SpecError(f"{what}: {error}", cause="NumPy refuses this too", next=_MEND) from error


def _no_warnings() -> Any:
    import warnings

    return warnings.catch_warnings(action="ignore")
