"""`concatenate` and `stack` of many files: opened as one input, which costs a job of thousands no more than one of two.

::

    concatenate a.npy b.npy --axis 1     two inputs
    concatenate 'runs/*.npy' --axis 1    one input, joined along axis 1: what is left to do is to copy it
    stack 'runs/*.npy'                   one input with one axis more, copied by `concatenate`
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from .arrays import Source, open_input
from .arrays.joined.source import join_sources
from .arrays.locations import is_pattern
from .operations import Operation
from .spec.job_spec import InputSpec

__all__ = ["joined_inputs"]

MOST_INPUTS = 16
"""More are joined: a plan lists its inputs, and every block opens them."""


def joined_inputs(operation: Operation, entries: Sequence[InputSpec], params: Mapping[str, Any]) -> Source | None:
    """Return the inputs of a join as the one array that it is to make; None where each is an input by itself.

    Parameters
    ----------
    operation : Operation
        `concatenate` or `stack`.
    entries : sequence of InputSpec
        A pattern or a list of files among them is joined as the operation joins, unless it says itself how.
    params : mapping
        The operation's.

    Raises
    ------
    SpecError, InputError
    """
    several = [_is_several(entry) for entry in entries]
    if not any(several) and len(entries) <= MOST_INPUTS:
        return None
    try:
        axis: int = operation.params(**params).axis  # type: ignore[attr-defined]
    except ValidationError:
        # the plan says what is wrong
        return None
    how: Any = operation.name
    if not any(several):
        return join_sources([open_input(entry) for entry in entries], how, axis)
    parts = [
        open_input(entry.model_copy(update={"join": how, "axis": axis}))
        if is_several
        else join_sources([open_input(entry)], how, axis)
        for entry, is_several in zip(entries, several, strict=True)
    ]
    return parts[0] if len(parts) == 1 else join_sources(parts, "concatenate", axis)


def _is_several(entry: InputSpec) -> bool:
    is_own = {"join", "axis"} & entry.model_fields_set
    return not is_own and (is_pattern(entry.path) if isinstance(entry.path, str) else len(entry.path) > 1)
