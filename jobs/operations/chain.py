"""Operations of several steps: each step is an operation on inputs of the job and results of earlier steps.

::

    standardize(x)   x ---------------------------+
                      \\--> mean ---> mean ---------+--> map ---> result
                       \\-> std ----> std ----------+

Every result is an array of its own, whose shape and dtype are known before the first step runs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .operation import Operation

__all__ = ["Chain", "Step"]


@dataclass(frozen=True, slots=True)
class Step:
    """One operation of a chain.

    Parameters
    ----------
    name : str
        Short, and unique in its chain: letters, digits and _.
    operation : Operation
        May be a chain itself.
    inputs : tuple of str
        What it works on, in the order of its inputs: names of the chain's inputs, or of earlier steps. Of a step that
        has several outputs its name is the main one, and ``"step.output"`` another.
    params : mapping
        As a user would give them.
    """

    name: str
    operation: Operation
    inputs: tuple[str, ...]
    params: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Chain:
    """The steps of an operation, in order, and which of their results are outputs.

    Parameters
    ----------
    steps : tuple of Step
    outputs : tuple of (str, str)
        Name of each output, and of the step that makes it (``"step.output"`` for another output of a chain); the first
        is the main one. Empty: those of the last step.
    notes : tuple of str
        What the user should know.
    """

    steps: tuple[Step, ...]
    outputs: tuple[tuple[str, str], ...]
    notes: tuple[str, ...] = ()
