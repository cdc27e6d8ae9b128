"""A job with its inputs opened: what a spec and arrays become before anything is planned."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

import numpy as np

from .arrays import MemorySource, Source, open_input, open_source
from .errors import InputUnsupportedError, SpecError
from .headers import ArrayHeader
from .operations import OPERATIONS, Operation
from .operations.operation import input_names
from .spec import JobSpec
from .spec_errors import suggest
from .spec_load import ordered_inputs

__all__ = ["Job", "find_operation", "open_job"]


@dataclass(frozen=True, slots=True)
class Job:
    """An operation and its opened inputs.

    Parameters
    ----------
    spec : JobSpec
    operation : Operation
    sources : tuple of Source
        In the operation's order.
    params : dict
    """

    spec: JobSpec
    operation: Operation
    sources: tuple[Source, ...]
    params: dict[str, Any]

    @property
    def headers(self) -> tuple[ArrayHeader, ...]:
        """The inputs' headers."""
        return tuple(source.header for source in self.sources)


def find_operation(name: str) -> Operation:
    """Return the operation of a name.

    Raises
    ------
    SpecError
        With the nearest names.
    """
    if name in OPERATIONS:
        return OPERATIONS[name]
    raise SpecError(f"there is no operation {name!r}{suggest(name, OPERATIONS)}", next="arraymill ops lists them")


def open_job(spec: JobSpec, arrays: Sequence[Any] = ()) -> Job:
    """Return a spec with its inputs opened; `arrays` are inputs in memory, which stand instead of the spec's files.

    Raises
    ------
    SpecError, InputError
    """
    operation = find_operation(spec.op)
    if arrays:
        names = input_names(operation, len(arrays))
        sources = tuple(_open(item, name) for item, name in zip_longest(arrays, names[: len(arrays)], fillvalue="x"))
        return Job(spec, _ready(operation, sources), sources, dict(spec.params))
    entries = ordered_inputs(spec, operation.inputs, variadic=operation.variadic)
    sources = tuple(map(open_input, entries))
    return Job(spec, _ready(operation, sources), sources, _params(operation, spec))


def _ready(operation: Operation, sources: Sequence[Source]) -> Operation:
    """Return the operation, with steps before it where inputs can only be read from front to back."""
    streamed = [number for number, source in enumerate(sources) if getattr(source, "is_streamed", False)]
    if not streamed:
        return operation
    from .operations.ingest import after_ingest  # most jobs have no use for it

    return after_ingest(operation, streamed)


def _open(item: Any, name: str) -> Source:
    if isinstance(item, str | os.PathLike):
        return open_source(item)
    if not isinstance(item, np.ndarray | np.generic):
        raise InputUnsupportedError(
            f"{name} is a {type(item).__name__}, which is not worked on",
            cause="inputs are NumPy arrays, or paths of files",
            next="pass numpy.asarray(x); for a tensor x.numpy(force=True)",
        )
    return MemorySource(name, np.asarray(item))


def _params(operation: Operation, spec: JobSpec) -> dict[str, Any]:
    """Return the parameters, with the names of a variadic operation's inputs where the job names them."""
    params = dict(spec.params)
    named = bool(spec.inputs) and not all(name.isdigit() for name in spec.inputs)
    if operation.variadic and named and "names" in operation.params.model_fields and "names" not in params:
        params["names"] = tuple(spec.inputs)
    return params
