"""A job with its inputs opened: what a spec and arrays become before anything is planned."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

from pydantic import ValidationError

from .arrays import Source, open_input
from .errors import SpecError
from .headers import ArrayHeader
from .in_memory import input_entry, is_described, open_given
from .operations import OPERATIONS, Operation
from .operations.chain import Step
from .operations.operation import input_names, numbered_names
from .spec.errors import suggest
from .spec.job_spec import InputSpec, JobSpec
from .spec.load import ordered_inputs

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


def find_operation(spec: JobSpec, n_arrays: int = 0) -> Operation:
    """Return the operation of a job, which its steps are together where it has several.

    Parameters
    ----------
    spec : JobSpec
    n_arrays : int
        Number of inputs in memory, which stand instead of those of the spec.

    Raises
    ------
    SpecError
        If there is none of that name, with the nearest names; if a step reads what is not there.
    """
    if not spec.steps:
        return _named(spec.op)
    from .operations.pipeline import pipeline  # most jobs have one operation

    steps = [Step(step.name or step.op, _named(step.op), step.inputs, step.params) for step in spec.steps]
    is_named = not n_arrays and not all(name.isdigit() for name in spec.inputs)
    return pipeline(steps, tuple(spec.inputs) if is_named else numbered_names(n_arrays or len(spec.inputs)))


def _named(name: str) -> Operation:
    if name in OPERATIONS:
        return OPERATIONS[name]
    raise SpecError(f"there is no operation {name!r}{suggest(name, OPERATIONS)}", next="arraymill ops lists them")


def open_job(spec: JobSpec, arrays: Sequence[Any] = ()) -> Job:
    """Return a spec with its inputs opened; `arrays` are inputs in memory, which stand instead of the spec's files.

    Raises
    ------
    SpecError, InputError
    """
    operation = find_operation(spec, len(arrays))
    given = _given(operation, arrays)
    if not arrays:
        entries: Sequence[InputSpec] = ordered_inputs(spec, operation.inputs, variadic=operation.variadic)
    else:
        entries = [input_entry(*each) for each in given] if all(map(is_described, arrays)) else ()
    params = dict(spec.params) if arrays else _params(operation, spec)
    if operation.name in ("concatenate", "stack"):
        from .joining import joined_inputs  # no other operation has a use for it

        joined = joined_inputs(operation, entries, params)
        if joined is not None:
            return Job(spec, _ready(OPERATIONS["concatenate"], (joined,)), (joined,), params)
    sources = tuple(open_given(*each) for each in given) if arrays else tuple(map(open_input, entries))
    if operation.name == "rechunk":
        spec = _with_chunks(spec, operation, sources[0].header, params)
    return Job(spec, _ready(operation, sources), sources, params)


def _with_chunks(spec: JobSpec, operation: Operation, header: ArrayHeader, params: dict[str, Any]) -> JobSpec:
    """Return a job whose output is stored in the chunks that `rechunk` asks for."""
    try:
        chunks = operation.params(**params).fitted(header)  # type: ignore[attr-defined]
    except ValidationError:
        # the plan says what is wrong
        return spec
    if spec.output is None:
        return spec
    if spec.output.chunks not in (None, chunks):
        raise SpecError(
            "rechunk: two shapes of chunks are asked for",
            cause=f"params.chunks {chunks}; output.chunks {spec.output.chunks}",
            next="leave output.chunks out",
        )
    return spec.model_copy(update={"output": spec.output.model_copy(update={"chunks": chunks})})


def _given(operation: Operation, arrays: Sequence[Any]) -> list[tuple[Any, str]]:
    """Return inputs in memory with the names of the operation for them."""
    names = input_names(operation, len(arrays))
    return list(zip_longest(arrays, names[: len(arrays)], fillvalue="x"))


def _ready(operation: Operation, sources: Sequence[Source]) -> Operation:
    """Return the operation, with steps before it where inputs can only be read from front to back."""
    streamed = [number for number, source in enumerate(sources) if getattr(source, "is_streamed", False)]
    if not streamed:
        return operation
    from .operations.layouts.ingest import after_ingest

    return after_ingest(operation, streamed)


def _params(operation: Operation, spec: JobSpec) -> dict[str, Any]:
    """Return the parameters, with the names of a variadic operation's inputs where the job names them."""
    params = dict(spec.params)
    named = bool(spec.inputs) and not all(name.isdigit() for name in spec.inputs)
    if operation.variadic and named and "names" in operation.params.model_fields and "names" not in params:
        params["names"] = tuple(spec.inputs)
    return params
